"""An activity without a workflow: its state, and what notes do to it.

It is an entity with a log of notes alone. The volatile part of its attempt is the same record that
a workflow's activity has (`ActivityState`), and so are the notes of it; what was asked for is kept
as the request that started it. One note is one transition of its state.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from temporalio.api.enums.v1 import activity_pb2 as statuses
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from polyrhythm.api import notes
from polyrhythm.core.apply.activity import changed_activity
from polyrhythm.core.deadlines import DeadlineKind, activity_due
from polyrhythm.core.decide.activity_attempt import backs_off
from polyrhythm.core.durations import span_ns
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.core.state import ActivityState

RUNNING = statuses.ACTIVITY_EXECUTION_STATUS_RUNNING
COMPLETED = statuses.ACTIVITY_EXECUTION_STATUS_COMPLETED
FAILED = statuses.ACTIVITY_EXECUTION_STATUS_FAILED
CANCELED = statuses.ACTIVITY_EXECUTION_STATUS_CANCELED
TERMINATED = statuses.ACTIVITY_EXECUTION_STATUS_TERMINATED
TIMED_OUT = statuses.ACTIVITY_EXECUTION_STATUS_TIMED_OUT

# Timeouts that run while a worker has the attempt, and while none has it.
_STARTED_KINDS = (
    DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE,
    DeadlineKind.ACTIVITY_START_TO_CLOSE,
    DeadlineKind.ACTIVITY_HEARTBEAT,
)
_WAITING_KINDS = (
    DeadlineKind.ACTIVITY_SCHEDULE_TO_CLOSE,
    DeadlineKind.ACTIVITY_SCHEDULE_TO_START,
)


def _no_attempt() -> ActivityState:
    return ActivityState(0, "", b"", 0, 0)


@dataclass(slots=True)
class StandaloneState:
    """One run of an activity. `workflow_id` is the activity's own id, as for every entity;
    `request` is its serialized start; `changes` counts transitions; `outcome` is a serialized
    ActivityExecutionOutcome, empty while it runs and when it is the last attempt's failure."""

    namespace_key: int = 0
    workflow_id: str = ""
    run_id: str = ""
    transitions: int = 0
    owed: dict[int, bytes] = field(default_factory=dict)
    owed_next: int = 1
    status: int = 0
    request: bytes = b""
    request_id: str = ""
    activity_type: str = ""
    search_attributes: bytes = b""
    close_ns: int = 0
    changes: int = 0
    attempt: ActivityState = field(default_factory=_no_attempt)
    outcome: bytes = b""
    cancel_request_id: str = ""
    cancel_identity: str = ""
    cancel_reason: str = ""
    terminate_request_id: str = ""

    @property
    def running(self) -> bool:
        """Whether it is open."""
        return self.status == RUNNING

    def asked(self) -> StartActivityExecutionRequest:
        """Return what was asked for."""
        return StartActivityExecutionRequest.FromString(self.request)


def apply_note(state: StandaloneState, note: notes.Note) -> None:
    """Apply one note: the beginning, or everything that a change left."""
    state.changes += 1
    if note.HasField("standalone_created"):
        _apply_created(state, note)
        return
    change = note.standalone_changed
    state.attempt = changed_activity(state.attempt, change.attempt)
    if change.HasField("cancel"):
        cancel = change.cancel
        state.attempt.cancel_requested = True
        state.cancel_request_id = cancel.request_id
        state.cancel_identity = cancel.identity
        state.cancel_reason = cancel.reason
    state.terminate_request_id = change.terminate_request_id
    state.outcome = change.outcome
    if change.status != state.status:
        state.status = change.status
        state.close_ns = note.time_ns


def standalone_offers(state: StandaloneState, now_ns: int) -> list[ActivityOffer]:
    """Return the attempt that waits for a worker now, if one does."""
    attempt = state.attempt
    if not state.running or attempt.started_ns or backs_off(attempt, now_ns):
        return []
    return [
        ActivityOffer(
            attempt.task_queue,
            0,
            attempt.stamp,
            attempt.priority,
            attempt.fairness_key,
            attempt.fairness_weight,
            attempt.available_ns,
        )
    ]


def next_deadline(state: StandaloneState) -> tuple[int, int]:
    """Return the earliest timeout that counts now: (time, DeadlineKind), or (0, 0)."""
    attempt = state.attempt
    if not state.running:
        return 0, 0
    found = (0, 0)
    for kind in _STARTED_KINDS if attempt.started_ns else _WAITING_KINDS:
        due_ns = activity_due(kind, attempt)
        if due_ns and (not found[0] or due_ns < found[0]):
            found = (due_ns, int(kind))
    return found


def due_ns(state: StandaloneState, now_ns: int) -> int:
    """Return when it next has to act by itself, 0 for never: a timeout, or a back-off's end."""
    due, _ = next_deadline(state)
    attempt = state.attempt
    if state.running and backs_off(attempt, now_ns):
        return min(due or attempt.available_ns, attempt.available_ns)
    return due


def _apply_created(state: StandaloneState, note: notes.Note) -> None:
    created = note.standalone_created
    request = StartActivityExecutionRequest.FromString(created.request)
    state.namespace_key = created.namespace_key
    state.workflow_id = created.activity_id
    state.run_id = created.run_id
    state.status = RUNNING
    state.request = created.request
    state.request_id = request.request_id
    state.activity_type = request.activity_type.name
    state.search_attributes = request.search_attributes.SerializeToString(deterministic=True)
    attempt = ActivityState(0, created.activity_id, b"", note.time_ns, created.available_ns)
    attempt.task_queue = request.task_queue.name
    attempt.priority = request.priority.priority_key
    attempt.fairness_key = request.priority.fairness_key
    attempt.fairness_weight = request.priority.fairness_weight
    attempt.schedule_to_start_ns = span_ns(request.schedule_to_start_timeout)
    whole_ns = span_ns(request.schedule_to_close_timeout)
    # A start delay does not use up the activity's time.
    attempt.schedule_to_close_ns = whole_ns and whole_ns + created.available_ns - note.time_ns
    attempt.start_to_close_ns = span_ns(request.start_to_close_timeout)
    attempt.heartbeat_timeout_ns = span_ns(request.heartbeat_timeout)
    state.attempt = attempt
