"""What the auditor knows of one run: values it derived itself from the bytes of the run's log.

A view is not the engine's state: it has only what the rules need. Times are nanoseconds since
1970, durations nanoseconds, 0 means none. `reading` is the one writer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import notes


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


@dataclass(slots=True)
class ActivityView:
    """A pending activity and its current attempt."""

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
    cancel_id: int = 0
    taken_by_id: bool = False


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
    events: list[HistoryEvent] = field(default_factory=list)
    event_bytes: int = 0
    start_ns: int = 0
    run_deadline_ns: int = 0
    execution_deadline_ns: int = 0
    first_task_due_ns: int = 0
    close_type: int = 0
    close_ns: int = 0
    deleted: bool = False
    # Deleted by this very step: what it did before that in the same commit is in no log.
    going: bool = False
    # The workflow task.
    task: TaskView | None = None
    last_start: tuple[int, int] = (0, 0)
    completed_starts: set[int] = field(default_factory=set)
    sticky_queue: str = ""
    sticky_timeout_ns: int = 0
    # What is pending.
    timers: dict[str, tuple[int, int]] = field(default_factory=dict)
    activities: dict[int, ActivityView] = field(default_factory=dict)
    closed_activities: set[int] = field(default_factory=set)
    activity_attempts: dict[int, int] = field(default_factory=dict)
    # Activity starts (scheduled id, attempt) the log knows of; started events by their id.
    activity_starts: set[tuple[int, int]] = field(default_factory=set)
    started_events: dict[int, int] = field(default_factory=dict)
    buffer: list[HistoryEvent] = field(default_factory=list)
    flushing: list[bytes] = field(default_factory=list)
    # Messages.
    signals: Counter[bytes] = field(default_factory=Counter)
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
