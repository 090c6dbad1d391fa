"""What callers are told of updates: how far one is, its outcome, and that it never changes.

A rejection leaves no event: it must be the word of a worker, and the note that forgets the update.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage as Stage

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.promises import Book
from polyrhythm.testing.auditor.view import RunView

_UNKNOWN = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
_ACCEPTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
_COMPLETED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED


def check_updated(book: Book, _request: Any, reply: Any) -> None:
    """Check the answer to an update, or to a poll for one."""
    reference = reply.update_ref
    view = book.run(reference.workflow_execution.run_id)
    update_id = reference.update_id
    if view.going or reply.stage == _UNKNOWN:
        return
    require(update_id in view.admitted, "acknowledged", f"{view.name}: {update_id} is unknown")
    if reply.stage == _ACCEPTED:
        accepted = update_id in view.accepted
        require(accepted, "acknowledged", f"{view.name}: {update_id} was told to be accepted")
    if reply.stage == _COMPLETED:
        _check_outcome(book, view, update_id, reply.outcome)


def _check_outcome(book: Book, view: RunView, update_id: str, outcome: Any) -> None:
    if outcome.HasField("success"):
        told = outcome.SerializeToString(deterministic=True)
        logged = view.outcomes.get(update_id)
        same = told == logged
        require(same, "outcome", f"{view.name}: {update_id} is {logged!r}, told {told!r}")
        return
    kind = outcome.failure.application_failure_info.type
    if kind == "AcceptedUpdateCompletedWorkflow":
        closed = view.close_type and update_id in view.updates and update_id in view.accepted
        require(closed, "outcome", f"{view.name}: {update_id} did not end with its run")
        return
    said = outcome.failure.message.encode()
    require(
        update_id in view.dropped and (kind == "UnprocessedUpdate" or said in book.answers),
        "outcome",
        f"{view.name}: {update_id} failed with {said!r}",
    )


def check_multi(book: Book, request: Any, reply: Any) -> None:
    """Check the answer to an update with a start."""
    start = request.operations[0].start_workflow
    started = reply.responses[0].start_workflow
    view = book.run(started.run_id)
    own = view.workflow_id == start.workflow_id
    require(own, "acknowledged", f"{view.name} for {start.workflow_id}")
    if started.started and not view.going:
        made = view.create_request_id == start.request_id
        require(made, "acknowledged", f"{view.name}: started by {view.create_request_id}")
    check_updated(book, request, reply.responses[1].update_workflow)


UPDATE_PROMISES: dict[type, Callable[[Book, Any, Any], None]] = {
    ws.UpdateWorkflowExecutionRequest: check_updated,
    ws.PollWorkflowExecutionUpdateRequest: check_updated,
    ws.ExecuteMultiOperationRequest: check_multi,
}
