-- Schema 6. Lists by search attributes. A row carries what conditions ask for as JSON, empty for
-- most runs; `divided` is the one attribute that every list asks about. The index of lists has
-- all that counts and pages by type and status need, so that no row is read for what is left out.

ALTER TABLE executions ADD COLUMN search_values TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN divided INTEGER GENERATED ALWAYS AS
    (CASE search_values WHEN '' THEN 0
        ELSE instr(search_values, '"TemporalNamespaceDivision":') > 0 END) VIRTUAL;
UPDATE executions SET search_values = '{}' WHERE length(search_attributes) > 0;
-- Rows whose attributes nobody has read yet: the first start does. Empty from then on.
CREATE INDEX executions_unread ON executions (run_key) WHERE search_values = '{}';

DROP INDEX executions_by_time;
CREATE INDEX executions_by_time
    ON executions
        (namespace_key, kind, list_ns, start_ns, run_key, status, divided, workflow_type);

-- One row a value, only of runs that have any, in the order of lists. Written by search_index.py.
CREATE TABLE search_index (
    namespace_key INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    field TEXT NOT NULL,
    value ANY NOT NULL,
    list_ns INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    run_key INTEGER NOT NULL,
    PRIMARY KEY (namespace_key, kind, field, value, list_ns, start_ns, run_key)
) STRICT, WITHOUT ROWID;
