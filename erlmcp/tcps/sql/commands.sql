-- Every statement that changes the line, and what a command reads before.

-- name: seed_kanban
INSERT INTO kanban (bucket, wip_limit) VALUES (:bucket, :wip_limit) ON CONFLICT (bucket) DO NOTHING

-- name: insert_work_order
INSERT INTO work_order (
    seq, id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at, metadata,
    dependencies, blocked_by
) VALUES (
    :seq, :id, :title, :description, :bucket, :priority, :status, :signal, :sla_deadline, :assignee, :version,
    :created_at, :metadata, :dependencies, :blocked_by
)

-- name: update_work_order
UPDATE work_order
SET title = :title, description = :description, priority = :priority, assignee = :assignee, version = :version
WHERE id = :id

-- name: move_work_order
UPDATE work_order
SET status = :status,
    assignee = :assignee,
    version = :version,
    started_at = :started_at,
    completed_at = :completed_at,
    cancelled_at = :cancelled_at,
    cancellation_reason = :cancellation_reason
WHERE id = :id

-- name: start_work_order
-- The guard of an order's own state and stops. No row: it is not queued, or one is open. An empty assignee is nobody.
UPDATE work_order
SET status = 'in_progress',
    version = version + 1,
    started_at = :at,
    assignee = CASE WHEN :assignee IS NULL THEN assignee WHEN :assignee = '' THEN NULL ELSE :assignee END,
    sku_id = coalesce(sku_id, :sku_id)
WHERE id = :id AND status = 'queued' AND NOT EXISTS (
    SELECT 1 FROM andon AS a WHERE a.work_order_id = :id AND a.stops = 1 AND a.status <> 'resolved'
)
RETURNING id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id

-- name: set_sku
UPDATE work_order SET sku_id = :sku_id WHERE id = :id

-- name: count_move
UPDATE kanban
SET queued = queued + :queued,
    blocked = blocked + :blocked,
    wip = wip + :in_progress,
    completed = completed + :completed,
    cancelled = cancelled + :cancelled
WHERE bucket = :bucket

-- name: count_start
-- The guard of the WIP limit and of the bucket's critical stops. No change: no slot was free, or one is open.
UPDATE kanban
SET queued = queued - 1, wip = wip + 1
WHERE bucket = :bucket AND wip < wip_limit AND NOT EXISTS (
    SELECT 1 FROM andon AS a
    WHERE a.bucket = :bucket AND a.stops = 1 AND a.status <> 'resolved' AND a.severity = 'critical'
)

-- name: set_limit
-- The guard of the limit's own rule. No row: more orders are in progress than that.
UPDATE kanban
SET wip_limit = :wip_limit
WHERE bucket = :bucket AND wip <= :wip_limit
RETURNING bucket, wip_limit, queued, wip, completed, cancelled, blocked

-- name: first_in_bucket
-- The first that waits and has no stop of its own.
SELECT id
FROM work_order AS o
WHERE bucket = :bucket AND status = 'queued' AND NOT EXISTS (
    SELECT 1 FROM andon AS a WHERE a.work_order_id = o.id AND a.stops = 1 AND a.status <> 'resolved'
)
ORDER BY priority DESC, seq
LIMIT 1

-- name: heads
-- Of each bucket that can be pulled from: the first that waits and has no stop of its own, and how many with one wait
-- before it.
SELECT k.bucket, o.id, (
    SELECT count(DISTINCT w.seq)
    FROM andon AS s
    JOIN work_order AS w ON w.id = s.work_order_id
    WHERE s.bucket = k.bucket AND s.stops = 1 AND s.status <> 'resolved' AND w.status = 'queued'
        AND (w.priority > o.priority OR (w.priority = o.priority AND w.seq < o.seq))
) AS before
FROM kanban AS k
JOIN work_order AS o ON o.seq = (
    SELECT q.seq
    FROM work_order AS q
    WHERE q.bucket = k.bucket AND q.status = 'queued' AND NOT EXISTS (
        SELECT 1 FROM andon AS a WHERE a.work_order_id = q.id AND a.stops = 1 AND a.status <> 'resolved'
    )
    ORDER BY q.priority DESC, q.seq
    LIMIT 1
)
WHERE k.wip < k.wip_limit AND NOT EXISTS (
    SELECT 1 FROM andon AS c
    WHERE c.bucket = k.bucket AND c.stops = 1 AND c.status <> 'resolved' AND c.severity = 'critical'
)

-- name: last_pulled
-- The bucket that was pulled from last, by its receipt.
SELECT bucket
FROM work_order
WHERE id = (
    SELECT r.work_order_id
    FROM receipt AS r
    WHERE r.seq = (
        SELECT max(
            coalesce((SELECT max(seq) FROM receipt WHERE type = 'work_order_pull'), 0),
            coalesce((SELECT max(seq) FROM receipt WHERE type = 'work_order_pull_next'), 0)
        )
    )
)

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


-- name: set_dependencies
UPDATE work_order
SET status = :status,
    version = :version,
    dependencies = :dependencies,
    blocked_by = :blocked_by,
    blocked_reason = :blocked_reason
WHERE id = :id

-- name: insert_dependency
INSERT INTO dependency (work_order_id, depends_on) VALUES (:work_order_id, :depends_on)

-- name: delete_dependency
DELETE FROM dependency WHERE work_order_id = :work_order_id AND depends_on = :depends_on

-- name: count_dependents
SELECT count(*) FROM dependency WHERE depends_on = :depends_on

-- name: waiting_dependents
-- Those that wait for an order; bounded by dependency.DEPENDENTS.
SELECT o.id, o.title, o.description, o.bucket, o.priority, o.status, o.signal, o.sla_deadline, o.assignee, o.version,
    o.created_at, o.started_at, o.completed_at, o.cancelled_at, o.cancellation_reason, o.metadata, o.dependencies,
    o.blocked_by, o.blocked_reason, o.sku_id
FROM dependency AS d
JOIN work_order AS o ON o.id = d.work_order_id
WHERE d.depends_on = :depends_on AND o.status = 'blocked'
ORDER BY d.work_order_id

-- name: blockers
-- The orders that an order depends on.
SELECT o.id, o.status, o.cancellation_reason
FROM dependency AS d
JOIN work_order AS o ON o.id = d.depends_on
WHERE d.work_order_id = :work_order_id

-- name: depends_on
-- Every dependency that can be reached from an order through orders that are not completed.
WITH RECURSIVE reached (work_order_id, depends_on) AS (
    SELECT d.work_order_id, d.depends_on FROM dependency AS d WHERE d.work_order_id = :start
    UNION
    SELECT d.work_order_id, d.depends_on
    FROM reached AS r
    JOIN work_order AS o ON o.id = r.depends_on AND o.status <> 'completed'
    JOIN dependency AS d ON d.work_order_id = o.id
)
SELECT work_order_id, depends_on FROM reached LIMIT :many
