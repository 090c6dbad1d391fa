"""The start of a workflow that a schedule's action asks for.

It is made anew at each delivery: the log holds for which time, the state holds the action. What the
run before left (a result, a failure) goes to runs that wait for each other alone.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.failure.v1 import Failure
from temporalio.api.schedule.v1 import ScheduleAction
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from polyrhythm.api import notes
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.context import Context
from polyrhythm.core.schedule.advance import scheduler_identity
from polyrhythm.core.schedule.state import ScheduleState

_REJECT = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
_ALLOW = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
_MESSAGES = (
    "workflow_type",
    "task_queue",
    "input",
    "workflow_execution_timeout",
    "workflow_run_timeout",
    "workflow_task_timeout",
    "retry_policy",
    "memo",
    "search_attributes",
    "header",
    "user_metadata",
    "priority",
)


def start_of_action(
    state: ScheduleState, message: notes.Message, sequence: int, context: Context
) -> tuple[StartWorkflowExecutionRequest, bool]:
    """Return the start that a schedule owes by this message, and whether it waits for its end."""
    start = message.scheduled_start
    action = ScheduleAction.FromString(state.action).start_workflow
    request = StartWorkflowExecutionRequest(workflow_id=start.workflow_id)
    request.namespace = context.namespace.name
    request.identity = scheduler_identity(state, context)
    # The same however often it is delivered.
    request.request_id = f"{state.run_id}:{sequence}"
    again = start.manual or state.keep_workflow_id
    request.workflow_id_reuse_policy = _ALLOW if again else _REJECT
    for field in _MESSAGES:
        if action.HasField(field):  # type: ignore[arg-type]
            getattr(request, field).CopyFrom(getattr(action, field))
    moment = datetime.fromtimestamp(start.nominal_ns // SECOND_NS, UTC)
    fields = request.search_attributes.indexed_fields
    fields["TemporalScheduledStartTime"].CopyFrom(_payload(f"{moment:%Y-%m-%dT%H:%M:%SZ}"))
    fields["TemporalScheduledById"].CopyFrom(_payload(state.workflow_id))
    if start.tracked:
        if state.last_result:
            request.last_completion_result.CopyFrom(Payloads.FromString(state.last_result))
        if state.last_failure:
            request.continued_failure.CopyFrom(Failure.FromString(state.last_failure))
    return request, start.tracked


def _payload(text: str) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode())
