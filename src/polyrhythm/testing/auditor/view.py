"""What the auditor knows of one run: values it derived itself from the bytes of the run's log.

A view is not the engine's state: it has only what the rules need. Times are nanoseconds since
1970, durations nanoseconds, 0 means none. `reading` is the one writer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent

from polyrhythm.api import notes


def time_ns(event: HistoryEvent) -> int:
    """Return an event's time."""
    return event.event_time.ToNanoseconds()


@dataclass(slots=True)
class TaskView:
    """The pending workflow task."""

    scheduled_id: int
    attempt: int
    scheduled_ns: int
    timeout_ns: int
    started_id: int = 0
    started_ns: int = 0
    original_ns: int = 0
    speculative: bool = False
    # Within which a worker must take it; 0: no limit.
    start_within_ns: int = 0


@dataclass(slots=True)
class ChildView:
    """A pending child; `run_id` is the first run of its chain, empty until it has started."""

    workflow_id: str
    close_policy: int
    run_id: str = ""


@dataclass(slots=True)
class UpdateView:
    """An update that has not completed: "admitted", "sent" to a worker, or "accepted"."""

    stage: str
    accepted_id: int = 0


@dataclass(slots=True)
class ActivityView:
    """A pending activity and its current attempt; `original` is what the workflow asked for."""

    scheduled_id: int
    activity_id: str
    queue: str
    scheduled_ns: int
    available_ns: int
    policy: RetryPolicy
    to_close_ns: int
    to_start_ns: int
    start_to_close_ns: int
    heartbeat_timeout_ns: int
    attempt: int = 1
    started_ns: int = 0
    heartbeat_ns: int = 0
    heartbeat_details: bytes = b""
    cancel_id: int = 0
    paused: bool = False
    options: bytes = b""
    original: ActivityTaskScheduledEventAttributes | None = None


@dataclass(slots=True)
class VersionView:
    """Which version a run belongs to: what its last worker said, what an override says, and where
    it moves to while `moving`. A version is (deployment, build), None is none."""

    behavior: int = 0
    version: tuple[str, str] | None = None
    override: int = 0
    pinned: tuple[str, str] | None = None
    moving: bool = False
    target: tuple[str, str] | None = None
    # Who took a task in the row that is being read, unless something has changed since.
    taken: list[tuple[str, str] | None] = field(default_factory=list)
    # Who completed a task in that row: it may be given the next one at once.
    answered: str = ""

    @property
    def kind(self) -> int:
        """The behavior that holds now, as the protocol numbers it: 1 stays, 2 follows."""
        return 2 if self.moving else self.override or self.behavior

    @property
    def held(self) -> tuple[str, str] | None:
        """The version that the run is pinned to now."""
        return self.now if self.kind == 1 else None

    @property
    def now(self) -> tuple[str, str] | None:
        """The version that its tasks are for, unless the routing moves them."""
        if self.moving:
            return self.target
        if self.override == 1:
            return self.pinned
        return self.version if self.kind else None


@dataclass(slots=True)
class RunView:
    """One run, as its log tells it."""

    key: int
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    # The latest time any turn was given: a clock may be set back after a moment has come.
    newest_ns: int = 0
    namespace_key: int = 0
    workflow_id: str = ""
    run_id: str = ""
    create_request_id: str = ""
    task_queue: str = ""
    # Where it comes from and where it goes on: runs by their ids.
    first_run_id: str = ""
    continued_from: str = ""
    new_run_id: str = ""
    parent: tuple[str, str, int] = ("", "", 0)
    chain_attempt: int = 0
    initiator: int = 0
    retry_policy: RetryPolicy | None = None
    cron: str = ""
    first_due_ns: int = 0
    # What a continue-as-new asked its successor to wait.
    wait_ns: int = 0
    run_timeout_ns: int = 0
    execution_timeout_ns: int = 0
    reset_to: str = ""
    # A reset run: made from this run, its first events copied up to this one.
    base_run_id: str = ""
    copied_id: int = 0
    # The row that is being read makes this run of another one: its events are copies until the
    # note that says so, then what came to the base comes again.
    copying: bool = False
    forking: bool = False
    reapplied: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[HistoryEvent] = field(default_factory=list)
    event_bytes: int = 0
    start_ns: int = 0
    run_deadline_ns: int = 0
    execution_deadline_ns: int = 0
    first_task_due_ns: int = 0
    close_type: int = 0
    close_ns: int = 0
    # The row that is being read closes it: what it owes because of that comes behind.
    closing: bool = False
    deleted: bool = False
    # Deleted by this very step: what it did before that in the same commit is in no log.
    going: bool = False
    # The workflow task.
    task: TaskView | None = None
    last_start: tuple[int, int] = (0, 0)
    # How often a task was started at (started event id, attempt): speculative ones leave no trace.
    starts: Counter[tuple[int, int]] = field(default_factory=Counter)
    # A task that had no events before these were written.
    unwritten: TaskView | None = None
    unwritten_starts: set[tuple[int, int]] = field(default_factory=set)
    discarded_starts: set[int] = field(default_factory=set)
    completed_starts: set[int] = field(default_factory=set)
    sticky_queue: str = ""
    sticky_timeout_ns: int = 0
    # What is pending.
    timers: dict[str, tuple[int, int]] = field(default_factory=dict)
    activities: dict[int, ActivityView] = field(default_factory=dict)
    closed_activities: set[int] = field(default_factory=set)
    # The highest attempt of each activity, and which attempts (scheduled id, attempt) failed.
    activity_attempts: dict[int, int] = field(default_factory=dict)
    failed_attempts: set[tuple[int, int]] = field(default_factory=set)
    # How often attempts (scheduled id, attempt) were started; started events by their id.
    activity_starts: Counter[tuple[int, int]] = field(default_factory=Counter)
    # With which heartbeat details they were.
    start_details: dict[tuple[int, int], set[bytes]] = field(default_factory=dict)
    started_events: dict[int, int] = field(default_factory=dict)
    # Attempts that were given back, by what their workers left for the next: the span they wait.
    postponed: dict[bytes, int] = field(default_factory=dict)
    children: dict[int, ChildView] = field(default_factory=dict)
    # Ends of children that this row tells of: (event type, first run id, last run id).
    heard: list[tuple[int, str, str]] = field(default_factory=list)
    # Whether its end has been looked for at its parent.
    reported: bool = False
    # Terminated by a reset, which has made another run.
    replaced: bool = False
    versions: VersionView = field(default_factory=VersionView)
    # Children to whom the close policy was due when the run closed, by their initiated event.
    bereaved: dict[int, ChildView] = field(default_factory=dict)
    updates: dict[str, UpdateView] = field(default_factory=dict)
    # Those that an event admitted: dropped, they may be admitted again, for workers see the event.
    brought: set[str] = field(default_factory=set)
    # Outcomes of completed updates, serialized; ids ever admitted, accepted, rejected or lost.
    outcomes: dict[str, bytes] = field(default_factory=dict)
    admitted: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    buffer: list[HistoryEvent] = field(default_factory=list)
    flushing: list[bytes] = field(default_factory=list)
    # Messages.
    signals: Counter[bytes] = field(default_factory=Counter)
    signals_taken: set[tuple[str, bytes]] = field(default_factory=set)
    pauses: set[str] = field(default_factory=set)
    request_ids: set[str] = field(default_factory=set)
    results: Counter[bytes] = field(default_factory=Counter)
    heartbeats: set[bytes] = field(default_factory=set)
    terminations: Counter[str] = field(default_factory=Counter)
    cancel_requested: bool = False
    owed: dict[int, notes.Message] = field(default_factory=dict)
    owed_last: int = 0
    received: set[tuple[int, int]] = field(default_factory=set)

    @property
    def open(self) -> bool:
        """Whether the run has started, not closed, and is still there."""
        return bool(self.events) and not self.close_type and not self.deleted

    @property
    def name(self) -> str:
        """How findings call it."""
        return f"run {self.key} ({self.workflow_id} {self.run_id[:8]})"
