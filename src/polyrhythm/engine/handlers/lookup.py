"""Finds the run that a request of our own API names.

Temporal's requests carry an execution message; ours have workflow_id and run_id as fields.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution

from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk


def find_named(desk: Desk, call: Call) -> LoadedRun:
    """Return the run; the newest of its id without a run id. Raises NotFound."""
    named = call.request
    execution = WorkflowExecution(workflow_id=named.workflow_id, run_id=named.run_id)
    return desk.turn.find(call.namespace.key, execution)
