-- Schema 1. Every index costs a page per commit at low concurrency, so there are few, and those
-- that serve recovery and matching are partial: a run that waits for nothing is in none of them.
-- SQLite rewrites an index entry whenever an UPDATE names one of its columns, changed or not;
-- writes.py therefore names only those that changed.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lanes (
    lane INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    address TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    lease_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE namespaces (
    namespace_key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    namespace_id TEXT NOT NULL,
    retention_ns INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- One row a run. It is what lists show (visibility) and what recovery looks for.
CREATE TABLE executions (
    run_key INTEGER PRIMARY KEY,
    namespace_key INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    first_run_id TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    execution_ns INTEGER NOT NULL,
    status INTEGER NOT NULL,
    close_ns INTEGER NOT NULL,
    due_ns INTEGER NOT NULL,
    owes INTEGER NOT NULL,
    work_kind INTEGER NOT NULL,
    work_queue TEXT NOT NULL,
    work_priority INTEGER NOT NULL,
    work_order INTEGER NOT NULL,
    history_events INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL,
    transitions INTEGER NOT NULL,
    memo BLOB NOT NULL,
    search_attributes BLOB NOT NULL,
    -- Open runs are listed before every closed one.
    list_ns INTEGER GENERATED ALWAYS AS
        (CASE close_ns WHEN 0 THEN 9223372036854775807 ELSE close_ns END) VIRTUAL
) STRICT;

-- The newest run of an id is the largest run_key; run_id makes the search for an older one
-- stay inside the index.
CREATE INDEX executions_by_id
    ON executions (namespace_key, kind, workflow_id, run_key, run_id);
-- The order of lists; status is last so that a filter on it needs no row.
CREATE INDEX executions_by_time
    ON executions (namespace_key, kind, list_ns, start_ns, run_key, status);
CREATE INDEX executions_due
    ON executions (due_ns) WHERE due_ns > 0 AND close_ns = 0;
CREATE INDEX executions_work
    ON executions (namespace_key, work_kind, work_queue, work_order) WHERE work_kind IN (1, 2);
CREATE INDEX executions_work_many
    ON executions (namespace_key, work_order) WHERE work_kind > 2;
CREATE INDEX executions_owing
    ON executions (run_key) WHERE owes > 0;

-- Append-only. Keyed by position, which feeds event streams; a key of (run, sequence) wrote
-- three times the bytes.
CREATE TABLE log (
    position INTEGER PRIMARY KEY,
    run_key INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    first_event_id INTEGER NOT NULL,
    event_count INTEGER NOT NULL,
    committed_ns INTEGER NOT NULL,
    format INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    events BLOB NOT NULL,
    notes BLOB NOT NULL
) STRICT;

-- first_event_id is there so that a history page is found without reading rows.
CREATE UNIQUE INDEX log_by_run ON log (run_key, sequence, first_event_id);

CREATE TABLE snapshots (
    run_key INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
