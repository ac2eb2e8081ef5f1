-- Every statement on the tasks of MCP. Times are milliseconds of Unix time.

-- name: tasks_insert
INSERT INTO mcp_task (id, principal, owner, open, expires, body)
VALUES (:id, :principal, :owner, :open, :expires, :body)
ON CONFLICT (id) DO NOTHING

-- name: tasks_get
SELECT body FROM mcp_task WHERE id = :id AND expires > :now

-- name: tasks_save
UPDATE mcp_task SET owner = :owner, open = :open, expires = :expires, body = :body WHERE id = :id

-- name: tasks_count
SELECT principal, count(*) FROM mcp_task GROUP BY principal

-- name: tasks_owners
SELECT DISTINCT owner FROM mcp_task WHERE open = 1

-- name: tasks_of
SELECT body FROM mcp_task WHERE open = 1 AND owner = :owner ORDER BY id LIMIT :many

-- name: tasks_expired
SELECT id FROM mcp_task WHERE expires <= :now LIMIT :many

-- name: tasks_forget
DELETE FROM mcp_task WHERE id = :id
