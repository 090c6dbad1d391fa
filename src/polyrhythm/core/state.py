"""The state of one run: what a fold of its log gives, and all that a decision may look at.

Owns the values only. `core.apply` is the one writer; everything else reads. Entries of the tables
(activities, timers, the workflow task) are replaced, never changed in place, so that a fork of a
state is a handful of shallow copies and a refused completion costs nothing to forget.
Messages are kept as serialized bytes: an event as an object takes ten times the memory.
Times are nanoseconds since 1970, durations nanoseconds, 0 means none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from operator import attrgetter

from temporalio.api.enums.v1 import workflow_pb2 as statuses

_RUNNING = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING

# (due_ns, kind, subject, stamp): kinds are in core.deadlines; subject is an event id or a timer id.
Deadline = tuple[int, int, int | str, int]
# A build of a worker deployment: the deployment's name and the build id.
Version = tuple[str, str]


@dataclass(slots=True)
class WorkflowTaskState:
    """The pending workflow task; `started_event_id` 0 means it waits for a worker."""

    scheduled_event_id: int
    attempt: int
    scheduled_ns: int
    original_scheduled_ns: int
    timeout_ns: int
    started_event_id: int = 0
    started_ns: int = 0
    request_id: str = ""
    identity: str = ""
    suggest_continue_as_new: bool = False
    suggest_reasons: tuple[int, ...] = ()
    history_bytes: int = 0
    speculative: bool = False
    # A worker must take it within this span, also from a normal queue; 0: no limit.
    start_within_ns: int = 0
    # Its worker is told that the version it would go to has changed.
    target_changed: bool = False

    @property
    def unwritten(self) -> bool:
        """Whether its events are not in the log: they are written when it completes."""
        return self.speculative or self.attempt > 1


@dataclass(slots=True)
class ActivityState:
    """One pending activity. `scheduled` is its serialized ActivityTaskScheduled event."""

    scheduled_event_id: int
    activity_id: str
    scheduled: bytes
    scheduled_ns: int
    available_ns: int
    attempt: int = 1
    stamp: int = 0
    started_ns: int = 0
    request_id: str = ""
    identity: str = ""
    last_identity: str = ""
    last_started_ns: int = 0
    last_attempt_complete_ns: int = 0
    retry_interval_ns: int = 0
    last_failure: bytes = b""
    heartbeat_details: bytes = b""
    heartbeat_ns: int = 0
    cancel_requested: bool = False
    cancel_request_event_id: int = 0
    # Copied from the scheduled event or `options`, so that deadlines need no parsing.
    task_queue: str = ""
    priority: int = 0
    fairness_key: str = ""
    fairness_weight: float = 0.0
    schedule_to_start_ns: int = 0
    schedule_to_close_ns: int = 0
    start_to_close_ns: int = 0
    heartbeat_timeout_ns: int = 0
    # Serialized PauseInfo and ActivityOptions of the protocol; empty: not paused, as scheduled.
    pause: bytes = b""
    options: bytes = b""
    reset: bool = False
    reset_heartbeat: bool = False
    # Of the worker that took the last attempt.
    last_version: Version | None = None

    def twin(self) -> ActivityState:
        """Return a copy, to be changed and put in this one's place."""
        return ActivityState(*_ACTIVITY_FIELDS(self))


@dataclass(slots=True)
class TimerState:
    """One pending user timer."""

    timer_id: str
    started_event_id: int
    due_ns: int


@dataclass(slots=True)
class ChildState:
    """One pending child. `run_id` is the first run of its chain, empty until it has started;
    `initiated` is its serialized Initiated event, kept until then; `started_event_id` 0: not
    started, or that event is still buffered."""

    initiated_event_id: int
    workflow_id: str
    workflow_type: str
    close_policy: int
    initiated: bytes
    run_id: str = ""
    started_event_id: int = 0


class UpdateStage(IntEnum):
    """How far an update is that has not completed."""

    ADMITTED = 1
    # With a worker, by a workflow task that has not been answered.
    SENT = 2
    ACCEPTED = 3
    # The run closed before it was accepted, or went on in another run.
    ABORTED = 4
    MOVED = 5
    # Dropped, but its request stands in the history, where a worker may find it again.
    LEFT = 6


@dataclass(slots=True)
class UpdateState:
    """One update. `request` is its serialized Any of a Request until it is accepted."""

    stage: UpdateStage
    request: bytes = b""
    accepted_event_id: int = 0


@dataclass(slots=True)
class VersioningState:
    """How a run is bound to a version of its worker; behaviors are the protocol's numbers, 0 none.

    `behavior` and `version` are those of the last completed task, or inherited. `override` is a
    behavior set from outside, `pinned` the version that it pins to. A run in transition goes to
    `target`, None being workers without a version. `notified` and `declined` are versions that
    a pinned run's worker was told of or did not take, as tuples of one, which may be None.
    """

    behavior: int = 0
    version: Version | None = None
    override: int = 0
    pinned: Version | None = None
    in_transition: bool = False
    target: Version | None = None
    revision: int = 0
    initial_behavior: int = 0
    notified: tuple[Version | None] | None = None
    declined: tuple[Version | None] | None = None


@dataclass(slots=True)
class ResetPoint:
    """Where a run first met a build: the completion of its first workflow task by it. `expire_ns`:
    when the run of a closed link of the chain is deleted, 0 while it is open."""

    checksum: str
    build_id: str
    run_id: str
    completed_event_id: int
    created_ns: int
    expire_ns: int = 0
    resettable: bool = True


@dataclass(slots=True)
class RequestEvent:
    """Which event a caller's request id became; event id 0 while it is buffered."""

    event_type: int
    event_id: int


@dataclass(slots=True)
class RunState:
    """The whole state of one run."""

    # Identity, fixed by the first note and event.
    namespace_key: int = 0
    workflow_id: str = ""
    run_id: str = ""
    first_run_id: str = ""
    original_run_id: str = ""
    workflow_type: str = ""
    task_queue: str = ""
    create_request_id: str = ""
    start_event: bytes = b""
    start_ns: int = 0
    task_timeout_ns: int = 0
    run_timeout_ns: int = 0
    execution_timeout_ns: int = 0
    run_deadline_ns: int = 0
    execution_deadline_ns: int = 0
    first_task_due_ns: int = 0
    parent_workflow_id: str = ""
    parent_run_id: str = ""
    parent_initiated_id: int = 0
    # The run at the top of the family; empty for a run without a parent.
    root_workflow_id: str = ""
    root_run_id: str = ""
    # The entity that is told of the end of the run's chain, a serialized Watcher; empty: nobody.
    watcher: bytes = b""
    memo: bytes = b""
    search_attributes: bytes = b""
    # The serialized Priority, None when there is none, and its fields (0: the default).
    priority: bytes | None = None
    priority_key: int = 0
    fairness_key: str = ""
    fairness_weight: float = 0.0
    # Life.
    status: int = statuses.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED
    close_ns: int = 0
    close_event_id: int = 0
    # How it closed, serialized, for as long as somebody has to be told.
    close_event: bytes = b""
    next_event_id: int = 1
    history_bytes: int = 0
    transitions: int = 0
    skip_events: int = 0
    close_attempted: bool = False
    cancel_requested: bool = False
    cancel_request_id: str = ""
    # The run this one was reset to; for a reset run its last event that is a copy.
    reset_run_id: str = ""
    forked_event_id: int = 0
    # The workflow task.
    workflow_task: WorkflowTaskState | None = None
    next_attempt: int = 1
    last_original_scheduled_ns: int = 0
    last_completed_started_id: int = 0
    sticky_queue: str = ""
    sticky_timeout_ns: int = 0
    # The worker of the last completed task: its serialized stamp and its binary's checksum; no
    # checksum (None): the build ids of the run have to be set right.
    worker_stamp: bytes = b""
    last_checksum: str | None = None
    reset_points: tuple[ResetPoint, ...] = ()
    # None for a run that was never bound to a version; replaced, never changed in place.
    versioning: VersioningState | None = None
    deployment_name: str = ""
    # What is pending.
    activities: dict[int, ActivityState] = field(default_factory=dict)
    activity_ids: dict[str, int] = field(default_factory=dict)
    timers: dict[str, TimerState] = field(default_factory=dict)
    children: dict[int, ChildState] = field(default_factory=dict)
    external_signals: dict[int, bytes] = field(default_factory=dict)
    external_cancels: dict[int, bytes] = field(default_factory=dict)
    buffered: list[bytes] = field(default_factory=list)
    buffered_bytes: int = 0
    signal_count: int = 0
    signal_request_ids: set[str] = field(default_factory=set)
    request_events: dict[str, RequestEvent] = field(default_factory=dict)
    # Updates in order of admission, and the events that completed the others.
    updates: dict[str, UpdateState] = field(default_factory=dict)
    completed_updates: dict[str, int] = field(default_factory=dict)
    # Messages between runs.
    owed: dict[int, bytes] = field(default_factory=dict)
    owed_next: int = 1
    # The newest keys (sender run, sequence) of messages this run has applied.
    received: tuple[tuple[int, int], ...] = ()
    # Derived: never stored, rebuilt by core.deadlines.
    deadlines: list[Deadline] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether the run is open."""
        return self.status == _RUNNING

    @property
    def task_started(self) -> bool:
        """Whether a worker holds the workflow task, so that new events are buffered."""
        return self.workflow_task is not None and self.workflow_task.started_event_id != 0

    @property
    def waits_for_first_task(self) -> bool:
        """Whether the run is in its start delay or back-off: nothing wakes it before the time."""
        return self.first_task_due_ns != 0

    def fork(self) -> RunState:
        """Return a copy that can be applied to and thrown away.

        Sets that a workflow task's completion never adds to are shared: a run of 10,000 signals
        would pay 100 us a completion for the copy. So are updates, which are replaced whole.
        """
        twin = RunState(*_RUN_FIELDS(self))
        # Most tables are empty: a call to copy one costs four times a new one.
        twin.activities = dict(self.activities) if self.activities else {}
        twin.activity_ids = dict(self.activity_ids) if self.activity_ids else {}
        twin.timers = dict(self.timers) if self.timers else {}
        twin.children = dict(self.children) if self.children else {}
        twin.external_signals = dict(self.external_signals) if self.external_signals else {}
        twin.external_cancels = dict(self.external_cancels) if self.external_cancels else {}
        twin.buffered = list(self.buffered) if self.buffered else []
        twin.request_events = dict(self.request_events)
        twin.owed = dict(self.owed) if self.owed else {}
        twin.deadlines = list(self.deadlines)
        return twin


# copy.copy goes through __reduce_ex__ and costs five times as much.
_RUN_FIELDS = attrgetter(*RunState.__slots__)
_ACTIVITY_FIELDS = attrgetter(*ActivityState.__slots__)
