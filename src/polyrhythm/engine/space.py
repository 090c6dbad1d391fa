"""What a lane does while its store has no space: it takes no new work, and looks for space.

The commit that found the disk full is made once more with the space that the store had set aside,
so what was decided in that turn is kept. From then on calls that would write are refused, nothing
falls due and no run is taken up again; reads go on, and so do terminations and deletions, which is
how space is made. When the store has set space aside again, work is taken up where it was. Workers
then get a moment to report before timeouts that passed meanwhile are decided.
"""

from __future__ import annotations

import logging

import temporalio.api.workflowservice.v1 as _ws

from polyrhythm.base.errors import ResourceExhausted
from polyrhythm.engine.calls import (
    Call,
    CountRuns,
    Expire,
    FireDue,
    ListRuns,
    ListSchedules,
    Restore,
)
from polyrhythm.stores.port import Store

LOG = logging.getLogger("polyrhythm.space")

# How often a full lane asks its store for space (a statvfs, and a file once there is some).
LOOK_NS = 1_000_000_000
# What workers have for reports that were refused, before deadlines count again: the official SDKs
# try again within 10 s at the latest, most of them sooner.
GRACE_NS = 5_000_000_000

_ALLOWED = frozenset(
    {
        _ws.DescribeWorkflowExecutionRequest,
        _ws.GetWorkflowExecutionHistoryRequest,
        _ws.GetWorkflowExecutionHistoryReverseRequest,
        _ws.QueryWorkflowRequest,
        _ws.RespondQueryTaskCompletedRequest,
        _ws.PollWorkflowExecutionUpdateRequest,
        _ws.DescribeTaskQueueRequest,
        _ws.ShutdownWorkerRequest,
        _ws.RecordWorkerHeartbeatRequest,
        _ws.ListWorkersRequest,
        _ws.DescribeWorkerRequest,
        _ws.TerminateWorkflowExecutionRequest,
        _ws.DeleteWorkflowExecutionRequest,
        _ws.DescribeScheduleRequest,
        _ws.ListScheduleMatchingTimesRequest,
        _ws.DeleteScheduleRequest,
        ListRuns,
        ListSchedules,
        CountRuns,
        Expire,
    }
)


class Space:
    """Whether a lane's store has space; `full` is the reason it has none, or empty."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._look_ns = 0
        self._due_from_ns = 0
        self._kept: list[Call] = []
        self.full = ""

    def close(self, reason: str) -> None:
        """Take no more work: a commit has found no space."""
        if not self.full:
            LOG.error("%s; until then no new work is taken", reason)
        self.full = reason
        self._look_ns = 0

    def look(self, now_ns: int) -> list[Call]:
        """Ask for space when it is time; return the calls that were kept, once there is some."""
        if not self.full or now_ns < self._look_ns:
            return []
        if not self._store.find_space():
            self._look_ns = now_ns + LOOK_NS
            return []
        LOG.warning("there is space again: work is taken up")
        self.full = ""
        self._due_from_ns = now_ns + GRACE_NS
        kept, self._kept = self._kept, []
        return kept

    def admits(self, call: Call) -> bool:
        """Whether a call may be decided now; what the lane asks of itself is kept for later.

        Raises ResourceExhausted for a call that has to be made again when there is space.
        """
        if not self.full or type(call.request) in _ALLOWED:
            return True
        if isinstance(call.request, (FireDue, Restore)):
            self._kept.append(call)
            return False
        raise ResourceExhausted(self.full, "PERSISTENCE_STORAGE_LIMIT", "SYSTEM")

    def is_due(self, now_ns: int) -> bool:
        """Whether deadlines count now."""
        return not self.full and now_ns >= self._due_from_ns

    def next_ns(self, due_ns: int) -> int:
        """Return when to act by itself, given when something is due."""
        return self._look_ns if self.full else max(due_ns, self._due_from_ns)
