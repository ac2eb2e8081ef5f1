-- Tasks of MCP (SEP-2663). `body` is the whole of one (erlmcp.mcp.task, as msgpack); the columns beside it are what is looked for.
CREATE TABLE mcp_task (
    id TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    owner TEXT NOT NULL,
    open INTEGER NOT NULL CHECK (open IN (0, 1)),
    expires INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX mcp_task_owner ON mcp_task (owner) WHERE open = 1;

CREATE INDEX mcp_task_expires ON mcp_task (expires);

CREATE INDEX mcp_task_principal ON mcp_task (principal);
