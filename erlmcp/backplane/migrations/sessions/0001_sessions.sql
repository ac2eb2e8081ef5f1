-- The living sessions of clients before 2026-07-28. What they agreed on is in their sealed ids.
-- `seen`: seconds since 1970, written down now and then only. `watched`: a JSON array of URIs.
CREATE TABLE mcp_session (
    key TEXT PRIMARY KEY,
    seen REAL NOT NULL,
    level TEXT NOT NULL DEFAULT '',
    watched TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;
