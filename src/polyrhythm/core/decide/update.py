"""Decides workflow updates: admitted, sent to a worker, found again, aborted with their task.

Source: the server's update registry and its UpdateWorkflowExecution. There the registry is in
memory and callers that lose it ask again; here an admitted update is a note in the log, so it
outlives a crash. Accepted and completed updates are events, a rejected one leaves nothing.
An update alone gets a speculative workflow task; where one is pending it travels with that.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.any_pb2 import Any as AnyMessage
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.failure.v1 import Failure
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Request
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest

from polyrhythm.base.errors import (
    FailedPrecondition,
    NotFound,
    PolyrhythmError,
    ResourceExhausted,
    WorkflowNotReady,
)
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.cancel import check_chain
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import UpdateEnded
from polyrhythm.core.state import RunState, UpdateStage

ABORTED = "workflow update was aborted by closing workflow"
CLOSING = "workflow operation can not be applied because workflow is closing"
# A workflow whose task failed this often in a row takes no updates.
FAILED_ATTEMPTS = 3

_ADMITTED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
_ACCEPTED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED = (
    UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
)


@dataclass(slots=True)
class UpdateStatus:
    """How far an update is. A completed one has its outcome in an event of the run, or failed as
    told here; `error` is there when it will never get anywhere."""

    stage: UpdateWorkflowExecutionLifecycleStage.ValueType
    outcome_event_id: int = 0
    failure: Failure | None = None
    error: PolyrhythmError | None = None


def decide_update(
    state: RunState, request: UpdateWorkflowExecutionRequest, context: Context
) -> Decision:
    """Decide an update; one of a known id changes nothing.

    Raises NotFound for a closed run and one of another chain, WorkflowNotReady while its tasks
    keep failing, ResourceExhausted while it closes and past a limit, FailedPrecondition when the
    run has had too many.
    """
    decision = Decision(state, context)
    check_chain(state, request.first_execution_run_id)
    update_id = request.request.meta.update_id
    if not state.running:
        if find_update(state, update_id) is None:
            raise NotFound("workflow execution already completed")
        return decision
    task = state.workflow_task
    if (task.attempt if task is not None else state.next_attempt) >= FAILED_ATTEMPTS:
        raise WorkflowNotReady(
            "Unable to perform workflow execution update due to Workflow Task in failed state."
        )
    if state.close_attempted and state.task_started:
        raise ResourceExhausted(CLOSING, "BUSY_WORKFLOW")
    if find_update(state, update_id) is None:
        admit(decision, request.request)
    return decision


def admit(decision: Decision, request: Request) -> None:
    """Admit a new update and see that a task follows. Raises as `decide_update` past a limit."""
    state, limits = decision.state, decision.context.limits
    if count_open(state) >= limits.updates_in_flight_max:
        raise ResourceExhausted(
            "limit on number of concurrent in-flight updates has been reached"
            f" ({limits.updates_in_flight_max})",
            "CONCURRENT_LIMIT",
        )
    check_total(decision)
    held = sum(2 * len(key) + len(update.request) for key, update in state.updates.items())
    if held + request.ByteSize() >= limits.updates_bytes_max:
        raise ResourceExhausted(
            "limit on total payload size of in-flight updates has been reached"
            f" ({limits.updates_bytes_max} bytes)",
            "CONCURRENT_LIMIT",
        )
    body = AnyMessage()
    body.Pack(request)
    note = decision.new_note()
    note.silent = True
    note.update_admitted.update_id = request.meta.update_id
    note.update_admitted.request = body.SerializeToString()
    decision.append_note(note)
    if state.workflow_task is None:
        tasks.schedule_task(decision, speculative=True)


def check_total(decision: Decision) -> None:
    """Raise FailedPrecondition when the run has had as many updates as it may."""
    state, updates_max = decision.state, decision.context.limits.updates_max
    if count_open(state) + len(state.completed_updates) >= updates_max:
        raise FailedPrecondition(
            "The limit on the total number of distinct updates in this workflow has been reached"
            f" ({updates_max}). Make sure any duplicate updates share an Update ID so the server"
            " can deduplicate them, and consider rejecting updates that you aren't going to"
            " process. You can also Continue-as-New to avoid this; we recommend you check"
            " Continue-as-New Suggested in your Workflow."
        )


def count_open(state: RunState) -> int:
    """Return how many updates have been admitted and are neither completed nor dropped."""
    return sum(update.stage != UpdateStage.LEFT for update in state.updates.values())


def find_update(state: RunState, update_id: str) -> UpdateStatus | None:
    """Return how far an update is, None when there is none of this id (any more)."""
    event_id = state.completed_updates.get(update_id)
    if event_id is not None:
        return UpdateStatus(COMPLETED, outcome_event_id=event_id)
    update = state.updates.get(update_id)
    if update is None or update.stage == UpdateStage.LEFT:
        return None
    if update.stage == UpdateStage.ABORTED:
        return UpdateStatus(_ADMITTED, error=NotFound(ABORTED))
    if update.stage == UpdateStage.MOVED:
        return UpdateStatus(_ADMITTED, error=ResourceExhausted(CLOSING, "BUSY_WORKFLOW"))
    if update.stage != UpdateStage.ACCEPTED:
        return UpdateStatus(_ADMITTED)
    if state.running:
        return UpdateStatus(_ACCEPTED)
    return UpdateStatus(COMPLETED, failure=_closed_over())


def decode_request(state: RunState, update_id: str) -> Request | None:
    """Return the request of an update that waits, None when an event of the run holds it."""
    data = state.updates[update_id].request
    if not data:
        return None
    request = Request()
    AnyMessage.FromString(data).Unpack(request)
    return request


def has_outgoing(state: RunState) -> bool:
    """Whether a workflow task would have updates to carry."""
    return any(update.stage <= UpdateStage.SENT for update in state.updates.values())


def send_updates(decision: Decision, heartbeat: bool = False) -> list[Message]:
    """Send what waits with the task that has just been started, and return it.

    What an earlier task carried in vain is sent again, but not by the next task of a `heartbeat`.
    """
    state = decision.state
    if not state.updates or state.workflow_task is None:
        return []
    last = UpdateStage.ADMITTED if heartbeat else UpdateStage.SENT
    sent = {key: update for key, update in state.updates.items() if update.stage <= last}
    mark_sent(
        decision, [key for key, update in sent.items() if update.stage == UpdateStage.ADMITTED]
    )
    event_id = state.workflow_task.started_event_id - 1
    return [
        Message(
            protocol_instance_id=key,
            id=f"{key}/request",
            event_id=event_id,
            body=AnyMessage.FromString(update.request),
        )
        for key, update in sent.items()
        # Without a request it is in the history, where the worker finds it.
        if update.request
    ]


def mark_sent(decision: Decision, update_ids: list[str], withdrawn: bool = False) -> None:
    """Note that updates are with a worker, or have to be sent again."""
    if update_ids:
        note = decision.new_note()
        note.silent = True
        note.updates_sent.update_ids.extend(update_ids)
        note.updates_sent.withdrawn = withdrawn
        decision.append_note(note)


def sent_updates(state: RunState) -> list[str]:
    """Return the ids of the updates that a worker has and has not answered."""
    return [key for key, update in state.updates.items() if update.stage == UpdateStage.SENT]


def drop(decision: Decision, ended: UpdateEnded) -> None:
    """Forget an update and let its callers know why."""
    note = decision.new_note()
    note.silent = True
    note.update_dropped.update_id = ended.update_id
    decision.append_note(note)
    decision.effect(ended)


def drop_failed(decision: Decision) -> None:
    """Forget what the worker had when its completion was refused: it must not come again.

    What an event of the history admitted comes again all the same: the worker finds it there, and
    could never complete a task if its answer were not taken. The server reads such updates anew
    when it fails a task.
    """
    updates = decision.state.updates
    for update_id in sent_updates(decision.state):
        error = WorkflowNotReady(
            "Unable to perform workflow execution update due to unexpected workflow task failure."
        )
        ended = UpdateEnded(update_id, error=error)
        if updates[update_id].request:
            drop(decision, ended)
        else:
            decision.effect(ended)
    again = [
        key
        for key, update in updates.items()
        if update.stage == UpdateStage.LEFT
        or (update.stage == UpdateStage.SENT and not update.request)
    ]
    mark_sent(decision, again, withdrawn=True)


def drop_unprocessed(decision: Decision) -> None:
    """Reject what the worker had and has not said a word about."""
    for update_id in sent_updates(decision.state):
        failure = _server_failure(
            "Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow"
            " Update is not supported by the worker.",
            "UnprocessedUpdate",
        )
        drop(decision, UpdateEnded(update_id, failure.SerializeToString()))


def _closed_over() -> Failure:
    return _server_failure(
        "Workflow Update failed because the Workflow completed before the Update completed.",
        "AcceptedUpdateCompletedWorkflow",
    )


def _server_failure(message: str, kind: str) -> Failure:
    failure = Failure(message=message, source="Server")
    failure.application_failure_info.type = kind
    failure.application_failure_info.non_retryable = True
    return failure
