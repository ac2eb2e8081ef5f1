-- The line: kanban counters, work orders, receipts and idempotency keys.
-- Times are RFC 3339 in UTC with milliseconds, so that text order is time order.

-- One row per bucket, with a counter per status: a board is read from six rows, however many orders there are.
-- The guard of the limit is in the statement `count_move`; the CHECK is the second lock on the same door.
CREATE TABLE kanban (
    bucket TEXT PRIMARY KEY
        CHECK (bucket IN ('security', 'reliability', 'cost', 'compliance', 'features', 'technical_debt')),
    wip_limit INTEGER NOT NULL CHECK (wip_limit >= 1),
    queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
    wip INTEGER NOT NULL DEFAULT 0 CHECK (wip >= 0),
    completed INTEGER NOT NULL DEFAULT 0 CHECK (completed >= 0),
    cancelled INTEGER NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    CHECK (wip <= wip_limit)
) STRICT;

-- `seq` is the sequence of the receipt that created the order: its age, free of what a clock may do.
CREATE TABLE work_order (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    bucket TEXT NOT NULL REFERENCES kanban (bucket),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
    status TEXT NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed', 'cancelled')),
    signal TEXT NOT NULL,
    sla_deadline TEXT,
    assignee TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    cancelled_at TEXT,
    cancellation_reason TEXT,
    metadata TEXT NOT NULL
) STRICT;

-- What waits, best first.
CREATE INDEX work_order_queue ON work_order (bucket, priority DESC, seq) WHERE status = 'queued';
-- The lists, newest last. One index serves those of a bucket, of a status and of both: a list of a bucket merges its
-- few statuses, a list of a status the six buckets (sql/views.sql). Every index that has the status is paid for at every
-- move of every order; lists are rare beside that.
CREATE INDEX work_order_by_bucket_and_status ON work_order (bucket, status, seq);
CREATE INDEX work_order_by_assignee ON work_order (assignee, seq) WHERE assignee IS NOT NULL;

-- The journal. `payload` is canonical JSON and stays the very text that was hashed.
CREATE TABLE receipt (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    work_order_id TEXT,
    sku_id TEXT,
    stage TEXT,
    payload TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX receipt_by_work_order ON receipt (work_order_id, seq) WHERE work_order_id IS NOT NULL;
CREATE INDEX receipt_by_type ON receipt (type, seq);

-- The answer to a key is in its receipt. Ordered by receipt, so the oldest keys are the first rows.
CREATE TABLE idempotency_key (
    receipt_seq INTEGER PRIMARY KEY,
    actor TEXT NOT NULL,
    tool TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (actor, tool, key)
) STRICT;
