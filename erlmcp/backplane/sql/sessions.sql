-- Every statement on the sessions. They are read once, when the line process starts, and kept in its memory.

-- name: sessions_all
SELECT key, seen, level, watched FROM mcp_session ORDER BY seen LIMIT :limit

-- name: sessions_trim
DELETE FROM mcp_session WHERE key NOT IN (SELECT key FROM mcp_session ORDER BY seen DESC LIMIT :limit)

-- name: sessions_add
INSERT INTO mcp_session (key, seen) VALUES (:key, :seen) ON CONFLICT (key) DO UPDATE SET seen = excluded.seen

-- name: sessions_change
UPDATE mcp_session SET level = :level, watched = :watched WHERE key = :key

-- name: sessions_end
DELETE FROM mcp_session WHERE key = :key

-- name: sessions_seen
UPDATE mcp_session SET seen = :seen WHERE key = :key
