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

-- name: newest_checkpoints
SELECT at, count, hash, key, seq, signature
FROM checkpoint
ORDER BY seq DESC
LIMIT :many

-- name: set_pruned
INSERT INTO pruned (one, seq, by) VALUES (1, :seq, :by)
ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, by = excluded.by WHERE excluded.seq > pruned.seq

-- name: pruned_receipt
-- One that is to go and is there still.
SELECT r.seq
FROM receipt AS r
WHERE r.seq <= (SELECT p.seq FROM pruned AS p WHERE p.one = 1)
LIMIT 1

-- name: delete_pruned
DELETE FROM receipt
WHERE seq IN (
    SELECT r.seq
    FROM receipt AS r
    WHERE r.seq <= (SELECT p.seq FROM pruned AS p WHERE p.one = 1)
    ORDER BY r.seq
    LIMIT :many
)

-- name: insert_tpm_run
INSERT INTO tpm_run (seq, window, started_at, ended_at, score, figures, findings, checkpoint, pruned)
VALUES (:seq, :window, :started_at, :ended_at, :score, :figures, :findings, :checkpoint, :pruned)

-- name: last_tpm_at
SELECT started_at
FROM tpm_run
WHERE window = :window
ORDER BY seq DESC
LIMIT 1

-- name: last_tpm_run
SELECT window, started_at, ended_at, score, figures, findings, checkpoint, pruned
FROM tpm_run
WHERE window = :window
ORDER BY seq DESC
LIMIT 1

-- name: first_receipt_at
SELECT at
FROM receipt
WHERE seq > :after
ORDER BY seq
LIMIT 1

-- name: insert_kaizen_proposal
INSERT INTO kaizen_proposal (seq, id, waste, about, state, effort, figures, proposed_at)
VALUES (:seq, :id, :waste, :about, :state, :effort, :figures, :proposed_at)

-- name: save_kaizen_proposal
UPDATE kaizen_proposal SET state = :state, figures = :figures, applied_at = :applied_at WHERE id = :id

-- name: kaizen_proposal
SELECT id, waste, about, state, effort, figures, proposed_at, applied_at
FROM kaizen_proposal
WHERE id = :id

-- name: kaizen_proposals
-- In this state, the newest first.
SELECT id, waste, about, state, effort, figures, proposed_at, applied_at
FROM kaizen_proposal
WHERE state = :state
ORDER BY seq DESC
LIMIT :many

-- name: kaizen_open
-- Whether a waste has a proposal that was not rejected.
SELECT id
FROM kaizen_proposal
WHERE state IN ('proposed', 'applied', 'measuring') AND waste = :waste AND about = :about
LIMIT 1
