-- Schema 5. Offers stand in lines by priority and fairness key, and a run may have some in several
-- lines: the index of work is a table of its own, read line by line. Written by work_index.py.
-- What waited is marked unsorted (kind 3): its lines stand in the log, and the first start sorts it.

ALTER TABLE executions ADD COLUMN work TEXT NOT NULL DEFAULT '';

CREATE TABLE work (
    namespace_key INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    fairness_key TEXT NOT NULL,
    since_ns INTEGER NOT NULL,
    run_key INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (namespace_key, kind, queue, priority, fairness_key, since_ns, run_key)
) STRICT, WITHOUT ROWID;

UPDATE executions SET work = json_array(json_array(3, '', 0, '', work_order, 1))
    WHERE work_kind > 0;
INSERT INTO work SELECT namespace_key, 3, '', 0, '', work_order, run_key, 1
    FROM executions WHERE work_kind > 0;

DROP INDEX executions_work;
DROP INDEX executions_work_many;
ALTER TABLE executions DROP COLUMN work_kind;
ALTER TABLE executions DROP COLUMN work_queue;
ALTER TABLE executions DROP COLUMN work_priority;
ALTER TABLE executions DROP COLUMN work_order;
