"""What operators are told: that a reset has made a run, that an activity is paused.

The new run has everything that came after the point of the reset, in order, and nothing else but
what the request leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType, ResetReapplyType

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.promises import Book
from polyrhythm.testing.auditor.view import RunView

_SIGNAL = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
_UPDATE = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
_OLD_WORDS: dict[int, set[int]] = {
    ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL: {_UPDATE},
    ResetReapplyType.RESET_REAPPLY_TYPE_NONE: {_SIGNAL, _UPDATE},
}


def check_reset(book: Book, request: Any, reply: Any) -> None:
    """Check the run that a reset has made."""
    view = book.run(reply.run_id)
    own = view.base_run_id and view.workflow_id == request.workflow_execution.workflow_id
    require(own, "acknowledged", f"{view.name} is told to be made by a reset")
    base = book.by_run[view.base_run_id]
    if view.going or base.going:
        return
    point = request.workflow_task_finish_event_id - 1
    require(view.copied_id == point, "fork", f"{view.name}: {view.copied_id} copies, not {point}")
    left_out = {*request.reset_reapply_exclude_types}
    left_out |= _OLD_WORDS.get(request.reset_reapply_type, set())
    expected = _after(base, point, left_out)
    while base.close_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
        following = book.by_run.get(base.new_run_id)
        if following is None or following.going:
            return
        base = following
        expected += _after(base, 0, left_out)
    require(
        view.reapplied == expected,
        "fork",
        f"{view.name}: {view.reapplied} came again, not {expected}",
    )


def _after(view: RunView, point: int, left_out: set[int]) -> list[tuple[int, bytes]]:
    came: list[tuple[int, bytes]] = []
    for event in view.events[point:]:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            if _SIGNAL not in left_out:
                signaled = event.workflow_execution_signaled_event_attributes
                came.append((event.event_type, signaled.input.payloads[0].data))
        elif _UPDATE not in left_out:
            update_id = _update_of(event)
            if update_id:
                kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED
                came.append((kind, update_id.encode()))
    return came


def _update_of(event: Any) -> str:
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:
        admitted = event.workflow_execution_update_admitted_event_attributes
        return str(admitted.request.meta.update_id)
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
        accepted = event.workflow_execution_update_accepted_event_attributes
        if accepted.HasField("accepted_request"):
            return str(accepted.accepted_request.meta.update_id)
    return ""


def check_paused(book: Book, request: Any, _reply: Any) -> None:
    """Check that an activity named by its id was paused."""
    runs = book.runs(request.execution.workflow_id)
    paused = any(view.going or request.id in view.pauses for view in runs)
    require(paused or not request.id, "acknowledged", f"no pause of {request.id} is in a log")


OPERATION_PROMISES: dict[type, Callable[[Book, Any, Any], None]] = {
    ws.ResetWorkflowExecutionRequest: check_reset,
    ws.PauseActivityRequest: check_paused,
}
