-- Schema 2. Lists show whose child a run is. A column added with a default costs nothing for the
-- rows that are there.

ALTER TABLE executions ADD COLUMN parent_workflow_id TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN parent_run_id TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN root_workflow_id TEXT NOT NULL DEFAULT '';
ALTER TABLE executions ADD COLUMN root_run_id TEXT NOT NULL DEFAULT '';
