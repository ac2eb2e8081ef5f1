-- Every statement about the chain's checkpoints and beginning, and about the maintenance of the line.

-- name: begin
-- What the first receipt follows, where the chain was pruned.
SELECT c.seq, c.hash
FROM pruned AS p
JOIN checkpoint AS c ON c.seq = p.seq
WHERE p.one = 1

-- name: newest_checkpoint
SELECT at, count, hash, key, seq, signature
FROM checkpoint
ORDER BY seq DESC
LIMIT 1

-- name: checkpoints_since
SELECT at, count, hash, key, seq, signature
FROM checkpoint
WHERE seq > :after
ORDER BY seq
LIMIT :many

-- name: insert_checkpoint
-- The guard: what was signed is what is there. No change: it is not, or this receipt has its checkpoint.
INSERT INTO checkpoint (seq, hash, count, at, key, signature)
SELECT r.seq, r.hash, :count, :at, :key, :signature
FROM receipt AS r
WHERE r.seq = :seq AND r.hash = :hash
ON CONFLICT (seq) DO NOTHING

-- name: checkpoint
SELECT at, count, hash, key, seq, signature
FROM checkpoint
WHERE seq = :seq
