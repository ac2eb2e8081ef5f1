-- Dependencies, skus, gates and their evidence, andons and root causes, the outbox; and what maintains and improves the
-- line. Where a row stands for a command, its key is the sequence of that command's receipt: the moment, the actor and
-- the id of the receipt are there.

ALTER TABLE kanban ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked >= 0);

-- A CHECK cannot be changed: the table is made anew. `dependencies` and `blocked_by` are JSON arrays of ids.
CREATE TABLE work_order_2 (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    bucket TEXT NOT NULL REFERENCES kanban (bucket),
    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
    status TEXT NOT NULL CHECK (status IN ('queued', 'blocked', 'in_progress', 'completed', 'cancelled')),
    signal TEXT NOT NULL,
    sla_deadline TEXT,
    assignee TEXT,
    version INTEGER NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    started_at TEXT,
    completed_at TEXT,
    cancelled_at TEXT,
    cancellation_reason TEXT,
    metadata TEXT NOT NULL,
    dependencies TEXT NOT NULL DEFAULT '[]',
    blocked_by TEXT NOT NULL DEFAULT '[]',
    blocked_reason TEXT,
    sku_id TEXT,
    CHECK (status <> 'blocked' OR blocked_by <> '[]'),
    CHECK (status NOT IN ('queued', 'in_progress', 'completed') OR blocked_by = '[]')
) STRICT;

INSERT INTO work_order_2 (
    seq, id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata
)
SELECT seq, id, title, description, bucket, priority, status, signal, sla_deadline, assignee, version, created_at,
    started_at, completed_at, cancelled_at, cancellation_reason, metadata
FROM work_order;

DROP TABLE work_order;
ALTER TABLE work_order_2 RENAME TO work_order;

CREATE INDEX work_order_queue ON work_order (bucket, priority DESC, seq) WHERE status = 'queued';
CREATE INDEX work_order_by_bucket_and_status ON work_order (bucket, status, seq);
CREATE INDEX work_order_by_assignee ON work_order (assignee, seq) WHERE assignee IS NOT NULL;

-- The other way round of `work_order.dependencies`, and for circles.
CREATE TABLE dependency (
    work_order_id TEXT NOT NULL REFERENCES work_order (id),
    depends_on TEXT NOT NULL REFERENCES work_order (id),
    PRIMARY KEY (work_order_id, depends_on),
    CHECK (work_order_id <> depends_on)
) STRICT, WITHOUT ROWID;

CREATE INDEX dependency_by_depends_on ON dependency (depends_on, work_order_id);

-- Found by their ids alone, which grow: one tree to write to, where every start writes.
CREATE TABLE sku (
    id TEXT PRIMARY KEY,
    work_order_id TEXT NOT NULL REFERENCES work_order (id),
    stage TEXT NOT NULL CHECK (stage IN (
        'shacl_validation', 'compilation', 'test_execution', 'security_scan', 'deterministic_build', 'quality_metrics',
        'release_verification', 'smoke_test', 'marketplace_validation', 'publication'
    )),
    status TEXT NOT NULL CHECK (status IN ('in_production', 'completed', 'published', 'aborted')),
    created_at TEXT NOT NULL,
    entered_at TEXT NOT NULL,
    moved_at TEXT NOT NULL,
    CHECK (status <> 'published' OR stage = 'publication'),
    CHECK (status <> 'completed' OR stage IN ('smoke_test', 'marketplace_validation'))
) STRICT, WITHOUT ROWID;

-- What was submitted to gates. `evidence` and `violations` are the JSON of the receipt.
CREATE TABLE submission (
    seq INTEGER PRIMARY KEY,
    sku_id TEXT NOT NULL REFERENCES sku (id),
    gate TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('passed', 'failed')),
    violations TEXT NOT NULL,
    evidence TEXT NOT NULL,
    andon_id TEXT REFERENCES andon (id),
    CHECK (verdict = 'passed' OR andon_id IS NOT NULL OR gate = 'smoke_test')
) STRICT;

CREATE INDEX submission_by_sku ON submission (sku_id, gate, seq);

-- The files of evidence, each once. `seq`: the receipt that came with it first.
CREATE TABLE evidence_file (
    digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
    seq INTEGER NOT NULL,
    size INTEGER NOT NULL CHECK (size = length(content)),
    content BLOB NOT NULL CHECK (length(content) <= 4194304)
) STRICT;

CREATE TABLE andon (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    stops INTEGER NOT NULL CHECK (stops IN (0, 1)),
    status TEXT NOT NULL CHECK (status IN ('open', 'investigating', 'resolved')),
    work_order_id TEXT NOT NULL REFERENCES work_order (id),
    sku_id TEXT REFERENCES sku (id),
    bucket TEXT NOT NULL,
    stage TEXT,
    message TEXT NOT NULL,
    raised_by TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    occurrences INTEGER NOT NULL CHECK (occurrences >= 1),
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3),
    assignee TEXT,
    acknowledged_at TEXT,
    root_cause_id TEXT,
    root_cause TEXT,
    fix_applied TEXT,
    prevention_added TEXT,
    resolved_by TEXT,
    resolved_at TEXT,
    CHECK (status <> 'resolved' OR (root_cause <> '' AND fix_applied <> '' AND prevention_added <> ''))
) STRICT;

CREATE INDEX andon_by_work_order ON andon (work_order_id, seq);
CREATE INDEX andon_by_sku ON andon (sku_id, seq) WHERE sku_id IS NOT NULL;
CREATE INDEX andon_by_status ON andon (status, seq);
-- What stops an order; the critical ones of a bucket stop its pulls. The guards of the line look in here.
CREATE INDEX andon_stop ON andon (work_order_id) WHERE stops = 1 AND status <> 'resolved';
CREATE INDEX andon_stop_by_bucket ON andon (bucket, severity, work_order_id) WHERE stops = 1 AND status <> 'resolved';
-- Nobody has acknowledged these.
CREATE INDEX andon_unacknowledged ON andon (level, raised_at) WHERE status = 'open' AND level < 3;

-- `whys` and `proposals` are JSON arrays.
CREATE TABLE root_cause (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    andon_id TEXT NOT NULL UNIQUE REFERENCES andon (id),
    problem TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'in_progress', 'finalized')),
    created_at TEXT NOT NULL,
    whys TEXT NOT NULL,
    root_cause TEXT,
    prevention TEXT,
    proposals TEXT NOT NULL,
    finalized_at TEXT,
    CHECK (status <> 'finalized' OR (root_cause <> '' AND prevention <> '' AND finalized_at <> ''))
) STRICT;

-- What the notifiers are to tell: an andon was raised, escalated, acknowledged or resolved by the receipt `seq`. A notice
-- waits until it is delivered or expired; `next_at`: not before.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    andon_id TEXT NOT NULL REFERENCES andon (id),
    event TEXT NOT NULL CHECK (event IN ('raised', 'escalated', 'acknowledged', 'resolved')),
    level INTEGER NOT NULL,
    at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'expired')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at TEXT,
    fault TEXT
) STRICT;

CREATE INDEX outbox_waiting ON outbox (state, seq) WHERE state = 'waiting';

CREATE INDEX receipt_by_sku ON receipt (sku_id, seq) WHERE sku_id IS NOT NULL;

-- How far the chain has been verified while the line runs; one row. `fault` is set once it is found broken at `seq`.
CREATE TABLE verified (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    at TEXT NOT NULL,
    fault TEXT
) STRICT;

-- Signed heads of the chain; `key`: the public key.
CREATE TABLE checkpoint (
    seq INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    at TEXT NOT NULL,
    key TEXT NOT NULL,
    signature TEXT NOT NULL
) STRICT;

-- Where the chain begins, once it was pruned; one row. Nothing up to the checkpoint `seq` is part of the line any more,
-- whether its rows are gone yet or not. `by`: the receipt that says so.
CREATE TABLE pruned (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL REFERENCES checkpoint (seq),
    by INTEGER NOT NULL CHECK (by > seq)
) STRICT;

-- Waste that is worth a proposal; `about` and `figures` are JSON. Hours are in milliseconds of them: whole numbers.
CREATE TABLE kaizen_proposal (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    waste TEXT NOT NULL,
    about TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'applied', 'measuring', 'rejected')),
    effort TEXT NOT NULL CHECK (effort IN ('low', 'medium', 'high')),
    figures TEXT NOT NULL,
    proposed_at TEXT NOT NULL,
    applied_at TEXT
) STRICT;

CREATE INDEX kaizen_proposal_by_state ON kaizen_proposal (state, seq);

-- Each maintenance of the line; `figures` and `findings` are JSON. `checkpoint`: the one that it made, or found made.
CREATE TABLE tpm_run (
    seq INTEGER PRIMARY KEY,
    window TEXT NOT NULL CHECK (window IN ('daily', 'weekly', 'monthly', 'quarterly')),
    started_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    score TEXT NOT NULL,
    figures TEXT NOT NULL,
    findings TEXT NOT NULL,
    checkpoint INTEGER REFERENCES checkpoint (seq),
    pruned INTEGER
) STRICT;

CREATE INDEX tpm_run_by_window ON tpm_run (window, seq);
