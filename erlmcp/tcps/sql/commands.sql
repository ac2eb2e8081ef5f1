-- Every statement that changes the line, and what a command reads before.

-- name: seed_kanban
INSERT INTO kanban (bucket, wip_limit) VALUES (:bucket, :wip_limit) ON CONFLICT (bucket) DO NOTHING

-- name: insert_work_order
INSERT INTO work_order (
    seq, id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at, metadata
) VALUES (
    :seq, :id, :title, :description, :bucket, :priority, :status, :signal, :sla_deadline, :assignee, :version,
    :created_at, :metadata
)

-- name: save_work_order
UPDATE work_order
SET title = :title,
    description = :description,
    priority = :priority,
    status = :status,
    assignee = :assignee,
    version = :version,
    started_at = :started_at,
    completed_at = :completed_at,
    cancelled_at = :cancelled_at,
    cancellation_reason = :cancellation_reason
WHERE id = :id

-- name: count_move
-- The guard of the WIP limit. Nothing changed: no slot was free.
UPDATE kanban
SET queued = queued + :queued,
    wip = wip + :in_progress,
    completed = completed + :completed,
    cancelled = cancelled + :cancelled
WHERE bucket = :bucket AND wip + :in_progress <= wip_limit

-- name: set_limit
-- The guard of the limit's own rule. No row: more orders are in progress than that.
UPDATE kanban
SET wip_limit = :wip_limit
WHERE bucket = :bucket AND wip <= :wip_limit
RETURNING bucket, wip_limit, queued, wip, completed, cancelled

-- name: first_in_bucket
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata
FROM work_order
WHERE bucket = :bucket AND status = 'queued'
ORDER BY priority DESC, seq
LIMIT 1

-- name: first_with_a_slot
SELECT o.id, o.title, o.description, o.bucket, o.priority, o.status, o.signal, o.sla_deadline, o.assignee, o.version,
    o.created_at, o.started_at, o.completed_at, o.cancelled_at, o.cancellation_reason, o.metadata
FROM kanban AS k
JOIN work_order AS o ON o.seq = (
    SELECT q.seq
    FROM work_order AS q
    WHERE q.bucket = k.bucket AND q.status = 'queued'
    ORDER BY q.priority DESC, q.seq
    LIMIT 1
)
WHERE k.wip < k.wip_limit
ORDER BY o.priority DESC, o.seq
LIMIT 1

-- name: insert_receipt
INSERT INTO receipt (seq, id, type, at, actor, work_order_id, sku_id, stage, payload, prev_hash, hash)
VALUES (:seq, :id, :type, :at, :actor, :work_order_id, :sku_id, :stage, :payload, :prev_hash, :hash)

-- name: claim_key
-- A key that has expired is as good as none. No change: the key was used.
INSERT INTO idempotency_key (receipt_seq, actor, tool, key, fingerprint, at)
VALUES (:receipt_seq, :actor, :tool, :key, :fingerprint, :at)
ON CONFLICT (actor, tool, key) DO UPDATE
SET receipt_seq = excluded.receipt_seq, fingerprint = excluded.fingerprint, at = excluded.at
WHERE idempotency_key.at <= :expired

-- name: answer_of_key
SELECT k.fingerprint, k.receipt_seq, r.payload
FROM idempotency_key AS k
JOIN receipt AS r ON r.seq = k.receipt_seq
WHERE k.actor = :actor AND k.tool = :tool AND k.key = :key

-- name: expire_keys
DELETE FROM idempotency_key
WHERE receipt_seq IN (SELECT receipt_seq FROM idempotency_key ORDER BY receipt_seq LIMIT :many) AND at <= :expired
