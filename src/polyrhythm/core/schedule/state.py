"""The state of one schedule: what a fold of its notes gives. `apply` is its one writer.

Messages are kept as serialized bytes, each part of the schedule apart, so that a firing parses its
action alone. Times are nanoseconds since 1970, 0 means none. Nothing here grows without a bound:
the buffer and the backfills have one each, the newest actions are ten.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from temporalio.api.enums.v1 import workflow_pb2 as statuses

_RUNNING = statuses.WORKFLOW_EXECUTION_STATUS_RUNNING


@dataclass(slots=True)
class BufferedStart:
    """A start that waits for its turn. `overlap` 0: by the schedule's policy, as it is then."""

    nominal_ns: int
    actual_ns: int
    overlap: int
    manual: bool
    # By the end of another job's run.
    triggered: bool = False


@dataclass(slots=True)
class Backfill:
    """Times of the past still to act for: those after `start_ns`, up to `end_ns`."""

    start_ns: int
    end_ns: int
    overlap: int


@dataclass(slots=True)
class RecentAction:
    """A workflow that was started: for which time, and when."""

    scheduled_ns: int
    actual_ns: int
    workflow_id: str
    run_id: str
    status: int


@dataclass(slots=True)
class ScheduleState:
    """The whole state of one schedule; `workflow_id` is the schedule's id."""

    namespace_key: int = 0
    workflow_id: str = ""
    run_id: str = ""
    request_id: str = ""
    transitions: int = 0
    status: int = statuses.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED
    create_ns: int = 0
    update_ns: int = 0
    close_ns: int = 0
    conflict_token: int = 1
    # The schedule: a ScheduleSpec, a ScheduleAction and SchedulePolicies, serialized.
    spec: bytes = b""
    action: bytes = b""
    policies: bytes = b""
    # A serialized Job, whose times then stand in place of the spec's; which jobs act after it.
    job: bytes = b""
    followers: list[str] = field(default_factory=list)
    overlap: int = 0
    catchup_ns: int = 0
    pause_on_failure: bool = False
    keep_workflow_id: bool = False
    workflow_type: str = ""
    paused: bool = False
    notes: str = ""
    limited: bool = False
    remaining: int = 0
    memo: bytes = b""
    search_attributes: bytes = b""
    # What it has to do.
    processed_ns: int = 0
    due_ns: int = 0
    buffer: list[BufferedStart] = field(default_factory=list)
    backfills: list[Backfill] = field(default_factory=list)
    # What it has done: workflow id and first run id of what it waits for, in order.
    started: list[tuple[str, str]] = field(default_factory=list)
    recent: list[RecentAction] = field(default_factory=list)
    actions: int = 0
    missed: int = 0
    skipped: int = 0
    dropped: int = 0
    last_result: bytes = b""
    last_failure: bytes = b""
    owed: dict[int, bytes] = field(default_factory=dict)
    owed_next: int = 1

    @property
    def running(self) -> bool:
        """Whether the schedule is there: not deleted, not over."""
        return self.status == _RUNNING

    def acts(self) -> bool:
        """Whether it acts at its times: it is not paused, and has actions left."""
        return not self.paused and (not self.limited or self.remaining > 0)
