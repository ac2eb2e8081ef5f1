-- Every statement that reads the line. Lists go from the newest to the oldest; `before` is the last one seen.

-- name: work_order
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id
FROM work_order
WHERE id = :id

-- name: work_orders
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id, seq
FROM work_order
WHERE seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: work_orders_by_status
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id, seq
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
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id, seq
FROM work_order
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM work_order WHERE bucket = :bucket AND status = 'queued' AND seq < :before
        UNION ALL
        SELECT seq FROM work_order WHERE bucket = :bucket AND status = 'blocked' AND seq < :before
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
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id, seq
FROM work_order
WHERE bucket = :bucket AND status = :status AND seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: work_orders_by_assignee
SELECT id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata, dependencies, blocked_by, blocked_reason,
    sku_id, seq
FROM work_order
WHERE assignee = :assignee AND seq < :before
    AND (:bucket IS NULL OR bucket = :bucket)
    AND (:status IS NULL OR status = :status)
ORDER BY seq DESC
LIMIT :many

-- name: counters
SELECT bucket, wip_limit, queued, wip, completed, cancelled, blocked
FROM kanban

-- name: counters_of_bucket
SELECT bucket, wip_limit, queued, wip, completed, cancelled, blocked
FROM kanban
WHERE bucket = :bucket

-- name: critical_buckets
-- Those in which an open critical stop keeps orders from being started.
SELECT bucket
FROM kanban AS k
WHERE EXISTS (
    SELECT 1 FROM andon AS a
    WHERE a.bucket = k.bucket AND a.stops = 1 AND a.status <> 'resolved' AND a.severity = 'critical'
)

-- name: board_in_progress
SELECT o.id, o.title, o.bucket, o.priority, o.status, o.sla_deadline, o.assignee, o.created_at, o.started_at,
    o.completed_at, o.sku_id, s.stage, s.moved_at
FROM work_order AS o
LEFT JOIN sku AS s ON s.id = o.sku_id
WHERE o.seq IN (
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
ORDER BY o.seq

-- name: board_queued
-- The first few that wait in each bucket.
SELECT o.id, o.title, o.bucket, o.priority, o.status, o.sla_deadline, o.assignee, o.created_at, o.started_at,
    o.completed_at, o.sku_id, EXISTS (
        SELECT 1 FROM andon AS a WHERE a.work_order_id = o.id AND a.stops = 1 AND a.status <> 'resolved'
    ) AS stopped
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
    o.completed_at, o.sku_id
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

-- name: receipts_by_sku
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE sku_id = :sku_id AND seq < :before AND (:type IS NULL OR type = :type)
    AND (:work_order_id IS NULL OR work_order_id = :work_order_id)
ORDER BY seq DESC
LIMIT :many

-- name: receipts_between
SELECT actor, at, hash, id, payload, prev_hash, seq, sku_id, stage, type, work_order_id
FROM receipt
WHERE seq > :after AND seq <= :to_seq
ORDER BY seq
LIMIT :many

-- name: sku
SELECT id, work_order_id, stage, status, created_at, entered_at, moved_at
FROM sku
WHERE id = :id

-- name: sku_history
-- What happened to a sku, by its receipts, the newest first.
SELECT r.stage, r.at, s.verdict, r.id, r.payload
FROM receipt AS r
LEFT JOIN submission AS s ON s.seq = r.seq
WHERE r.sku_id = :sku_id AND r.stage IS NOT NULL AND r.type NOT LIKE 'andon%' AND r.type NOT LIKE 'root_cause%'
    AND r.type <> 'sla_breach'
ORDER BY r.seq DESC
LIMIT :many

-- name: gate_status
-- The last submission to a gate of a sku, and how many there were and failed.
SELECT s.gate, s.verdict, s.violations, r.at, s.seq AS receipt_seq, s.andon_id, (
    SELECT count(*) FROM submission AS n WHERE n.sku_id = :sku_id AND n.gate = :gate
) AS submissions, (
    SELECT count(*) FROM submission AS f WHERE f.sku_id = :sku_id AND f.gate = :gate AND f.verdict = 'failed'
) AS failures
FROM submission AS s
LEFT JOIN receipt AS r ON r.seq = s.seq
WHERE s.sku_id = :sku_id AND s.gate = :gate
ORDER BY s.seq DESC
LIMIT 1

-- name: evidence_file
SELECT content FROM evidence_file WHERE digest = :digest

-- name: andon
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at
FROM andon
WHERE id = :id

-- name: root_cause
SELECT id, andon_id, problem, status, created_at, whys, root_cause, prevention, proposals, finalized_at
FROM root_cause
WHERE id = :id

-- name: andons
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at, seq
FROM andon
WHERE seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: andons_by_status
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at, seq
FROM andon
WHERE status = :status AND seq < :before
ORDER BY seq DESC
LIMIT :many

-- name: andons_by_work_order
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at, seq
FROM andon
WHERE work_order_id = :work_order_id AND seq < :before
    AND (:status IS NULL OR status = :status)
    AND (:sku_id IS NULL OR sku_id = :sku_id)
ORDER BY seq DESC
LIMIT :many

-- name: andons_by_sku
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at, seq
FROM andon
WHERE sku_id = :sku_id AND seq < :before AND (:status IS NULL OR status = :status)
ORDER BY seq DESC
LIMIT :many

-- name: board_andons
-- What is not resolved, the oldest first.
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at
FROM andon
WHERE seq IN (
    SELECT seq FROM (
        SELECT seq FROM andon WHERE status = 'open'
        UNION ALL
        SELECT seq FROM andon WHERE status = 'investigating'
        ORDER BY seq
        LIMIT :many
    ) AS page
)
ORDER BY seq
