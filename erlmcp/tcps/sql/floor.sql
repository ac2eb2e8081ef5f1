-- Every statement that changes skus, gates, andons and root causes, and what a command reads before.

-- name: insert_sku
INSERT INTO sku (id, work_order_id, stage, status, created_at, entered_at, moved_at)
VALUES (:id, :work_order_id, :stage, :status, :at, :at, :at)

-- name: save_sku
-- The guard of stops: what goes forward does not while one of its order is open. No change: one is.
UPDATE sku
SET stage = :stage, status = :status, entered_at = :entered_at, moved_at = :moved_at
WHERE id = :id AND (:forward = 0 OR NOT EXISTS (
    SELECT 1 FROM andon AS a WHERE a.work_order_id = sku.work_order_id AND a.stops = 1 AND a.status <> 'resolved'
))

-- name: move_sku
-- Something happened to a sku in production that does not take it forward: `status` afterwards. No row: it is not.
UPDATE sku
SET status = :status, moved_at = :at
WHERE id = :id AND status = 'in_production'
RETURNING id, work_order_id, stage, status, created_at, entered_at, moved_at

-- name: latest_submission
SELECT verdict, violations, evidence
FROM submission
WHERE sku_id = :sku_id AND gate = :gate
ORDER BY seq DESC
LIMIT 1

-- name: unresolved_failures
-- The gates before the sixth with a failed submission whose andon is not resolved.
SELECT DISTINCT s.gate
FROM submission AS s
LEFT JOIN andon AS a ON a.id = s.andon_id
WHERE s.sku_id = :sku_id AND s.verdict = 'failed' AND coalesce(a.status, '') <> 'resolved'
    AND s.gate IN ('shacl_validation', 'compilation', 'test_execution', 'security_scan', 'deterministic_build')

-- name: insert_submission
INSERT INTO submission (seq, sku_id, gate, verdict, violations, evidence, andon_id)
VALUES (:seq, :sku_id, :gate, :verdict, :violations, :evidence, :andon_id)

-- name: insert_file
INSERT INTO evidence_file (digest, seq, size, content) VALUES (:digest, :seq, :size, :content)
ON CONFLICT (digest) DO NOTHING

-- name: size_of_file
SELECT size FROM evidence_file WHERE digest = :digest

-- name: lost_receipt
-- A submission of a sku without its receipt.
SELECT s.seq
FROM submission AS s
LEFT JOIN receipt AS r ON r.seq = s.seq AND r.sku_id = s.sku_id
WHERE s.sku_id = :sku_id AND r.seq IS NULL AND s.seq > coalesce((SELECT p.seq FROM pruned AS p WHERE p.one = 1), 0)
LIMIT 1

-- name: verified
SELECT seq, hash, fault FROM verified WHERE one = 1

-- name: save_verified
-- Two may have verified at once: the one that got further counts, and a fault for good.
INSERT INTO verified (one, seq, hash, at, fault) VALUES (1, :seq, :hash, :at, :fault)
ON CONFLICT (one) DO UPDATE
SET seq = excluded.seq, hash = excluded.hash, at = excluded.at, fault = excluded.fault
WHERE verified.fault IS NULL AND (excluded.seq > verified.seq OR excluded.fault IS NOT NULL)

-- name: insert_andon
INSERT INTO andon (
    seq, id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level
) VALUES (
    :seq, :id, :type, :severity, :stops, :status, :work_order_id, :sku_id, :bucket, :stage, :message, :raised_by,
    :raised_at, 1, 0
)

-- name: save_andon
UPDATE andon
SET status = :status,
    message = :message,
    occurrences = :occurrences,
    level = :level,
    assignee = :assignee,
    acknowledged_at = :acknowledged_at,
    root_cause_id = :root_cause_id,
    root_cause = :root_cause,
    fix_applied = :fix_applied,
    prevention_added = :prevention_added,
    resolved_by = :resolved_by,
    resolved_at = :resolved_at
WHERE id = :id

-- name: stops_of_order
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at
FROM andon
WHERE work_order_id = :work_order_id AND stops = 1 AND status <> 'resolved'
LIMIT :many

-- name: stop_of_bucket
-- Why nothing of a bucket can be pulled: a critical stop, or one of an order that waits.
SELECT a.id, a.type, a.severity, a.stops, a.status, a.work_order_id, a.sku_id, a.bucket, a.stage, a.message,
    a.raised_by, a.raised_at, a.occurrences, a.level, a.assignee, a.acknowledged_at, a.root_cause_id, a.root_cause,
    a.fix_applied, a.prevention_added, a.resolved_by, a.resolved_at
FROM andon AS a
JOIN work_order AS o ON o.id = a.work_order_id
WHERE a.bucket = :bucket AND a.stops = 1 AND a.status <> 'resolved'
    AND (a.severity = 'critical' OR o.status = 'queued')
ORDER BY a.severity <> 'critical', a.seq
LIMIT 1

-- name: stop_of_sku
-- The open stop of this type that a failing gate joins.
SELECT id, type, severity, stops, status, work_order_id, sku_id, bucket, stage, message, raised_by, raised_at,
    occurrences, level, assignee, acknowledged_at, root_cause_id, root_cause, fix_applied, prevention_added,
    resolved_by, resolved_at
FROM andon
WHERE work_order_id = :work_order_id AND stops = 1 AND status <> 'resolved' AND sku_id = :sku_id AND type = :type
ORDER BY seq
LIMIT 1

-- name: breach_of_order
SELECT id FROM andon WHERE work_order_id = :work_order_id AND type = 'sla_breach' AND stops = 0

-- name: insert_outbox
INSERT INTO outbox (seq, andon_id, event, level, at) VALUES (:seq, :andon_id, :event, :level, :at)

-- name: waiting_notices
-- What the notifiers have not told yet.
SELECT seq, andon_id, event, level, at
FROM outbox
WHERE state = 'waiting'
ORDER BY seq
LIMIT :many

-- name: insert_root_cause
INSERT INTO root_cause (seq, id, andon_id, problem, status, created_at, whys, proposals)
VALUES (:seq, :id, :andon_id, :problem, :status, :created_at, '[]', '[]')

-- name: save_root_cause
UPDATE root_cause
SET status = :status,
    whys = :whys,
    root_cause = :root_cause,
    prevention = :prevention,
    proposals = :proposals,
    finalized_at = :finalized_at
WHERE id = :id

-- name: unacknowledged
-- What the duty escalates.
SELECT id, level
FROM andon
WHERE status = 'open' AND level = :level AND level < 3 AND raised_at <= :until
ORDER BY raised_at
LIMIT :many

-- name: breached
-- The open security orders that are overdue, and of which no notice was raised.
SELECT id
FROM work_order AS o
WHERE bucket = 'security' AND status IN ('queued', 'blocked', 'in_progress') AND sla_deadline < :now AND NOT EXISTS (
    SELECT 1 FROM andon AS a WHERE a.work_order_id = o.id AND a.type = 'sla_breach' AND a.stops = 0
)
LIMIT :many
