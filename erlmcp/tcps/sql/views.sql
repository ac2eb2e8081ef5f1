-- Every statement that reads the line. Lists go from the newest to the oldest; `before` is the last one seen.

-- name: work_order
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata
FROM work_order
WHERE id = :id

-- name: work_orders
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, seq
FROM work_order
WHERE seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: work_orders_by_status
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, seq
FROM work_order
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM work_order WHERE bucket = 'security' AND status = :status AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'reliability' AND status = :status AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'cost' AND status = :status AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'compliance' AND status = :status AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'features' AND status = :status AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'technical_debt' AND status = :status AND seq < :before
        ORDER BY seq DESC
        LIMIT :many
    ) AS page
)
ORDER BY seq DESC

-- name: work_orders_by_bucket
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, seq
FROM work_order
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM work_order WHERE bucket = :bucket AND status = 'queued' AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = :bucket AND status = 'in_progress' AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = :bucket AND status = 'completed' AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = :bucket AND status = 'cancelled' AND seq < :before
        ORDER BY seq DESC
        LIMIT :many
    ) AS page
)
ORDER BY seq DESC

-- name: work_orders_by_bucket_and_status
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, seq
FROM work_order
WHERE bucket = :bucket AND status = :status AND seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: work_orders_by_assignee
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, seq
FROM work_order
WHERE assignee = :assignee AND seq < :before
    AND (:bucket IS NULL OR bucket = :bucket)
    AND (:status IS NULL OR status = :status)
ORDER BY seq DESC
LIMIT :many

-- name: counters
SELECT bucket, wip_limit, queued, wip, completed, cancelled
FROM kanban

-- name: counters_of_bucket
SELECT bucket, wip_limit, queued, wip, completed, cancelled
FROM kanban
WHERE bucket = :bucket

-- name: board_in_progress
SELECT id, title, bucket, priority, status, sla_deadline, assignee, created_at, started_at, completed_at
FROM work_order
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM work_order WHERE bucket = 'security' AND status = 'in_progress'
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'reliability' AND status = 'in_progress'
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'cost' AND status = 'in_progress'
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'compliance' AND status = 'in_progress'
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'features' AND status = 'in_progress'
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = 'technical_debt' AND status = 'in_progress'
        ORDER BY seq
        LIMIT :many
    ) AS page
)
ORDER BY seq

-- name: board_queued
-- The first few that wait in each bucket.
SELECT o.id, o.title, o.bucket, o.priority, o.status, o.sla_deadline, o.assignee, o.created_at, o.started_at,
    o.completed_at
FROM kanban AS k
JOIN work_order AS o ON o.seq IN (
    SELECT q.seq
    FROM work_order AS q
    WHERE q.bucket = k.bucket AND q.status = 'queued'
    ORDER BY q.priority DESC, q.seq
    LIMIT :many
)
ORDER BY o.priority DESC, o.seq

-- name: board_completed
-- The last few that were completed, by their receipts.
SELECT o.id, o.title, o.bucket, o.priority, o.status, o.sla_deadline, o.assignee, o.created_at, o.started_at,
    o.completed_at
FROM receipt AS r
JOIN work_order AS o ON o.id = r.work_order_id
WHERE r.type = 'work_order_complete'
ORDER BY r.seq DESC
LIMIT :many

-- name: head
SELECT seq, hash
FROM receipt
ORDER BY seq DESC
LIMIT 1

-- name: receipt
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE seq = :seq

-- name: receipts
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: receipts_by_type
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE type = :type AND seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: receipts_by_work_order
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE work_order_id = :work_order_id AND seq < :before AND (:type IS NULL OR type = :type)
ORDER BY seq DESC
LIMIT :many

-- name: receipts_between
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE seq > :after AND seq <= :to_seq
ORDER BY seq
LIMIT :many
