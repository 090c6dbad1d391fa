"""Which closed runs are past their namespace's retention, found by the lane's own clock.

Every few minutes each namespace's rows are asked, through the index of lists, for runs that closed
too long ago; they are deleted a bounded number a turn, the earliest closed first, and the next turn
goes on where this one stopped. Nothing is remembered that a restart would miss. A run that still
owes a message to another stays until it is delivered. A namespace that is deleted keeps nothing:
its runs go as they are.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import NamespaceState

from polyrhythm.base.entities import EntityKind
from polyrhythm.base.limits import RETENTION_SPACES_MAX, Limits
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.namespaces import Registry
from polyrhythm.stores.port import RunFilter, Store

_DELETED = NamespaceState.NAMESPACE_STATE_DELETED


class Retention:
    """The clock of deletions of one lane."""

    def __init__(self, store: Store, registry: Registry, limits: Limits) -> None:
        self._store = store
        self._registry = registry
        self._limits = limits
        self._next_ns = 0
        # How many namespaces of the scan in progress are done.
        self._done = 0

    def hurry(self) -> None:
        """Look again with the next turn: a namespace is deleted in this one."""
        self._next_ns = 0

    def next_ns(self) -> int:
        """Return when to look again, 0 for at once."""
        return self._next_ns

    def take_expired(self, now_ns: int) -> list[int]:
        """Return the keys of runs to delete in this turn, none while it is not yet time."""
        if now_ns < self._next_ns:
            return []
        runs_max = self._limits.retention_runs_max
        expired: list[int] = []
        stretch = self._registry.all()[self._done : self._done + RETENTION_SPACES_MAX]
        for namespace in stretch:
            expired += self._find(namespace, now_ns, runs_max - len(expired))
            if len(expired) == runs_max:
                # Perhaps there are more: the next turn asks this namespace again.
                self._next_ns = now_ns
                return expired
            self._done += 1
        if len(stretch) < RETENTION_SPACES_MAX:
            self._done = 0
            self._next_ns = now_ns + self._limits.retention_scan_ns
        return expired

    def _find(self, namespace: NamespaceInfo, now_ns: int, room: int) -> list[int]:
        found: list[int] = []
        if self._registry.state_of(namespace.name) == _DELETED:
            for kind in EntityKind:
                doomed = RunFilter(namespace.key, kind, limit=room - len(found))
                found += (row.run_key for row in self._store.list_runs(doomed))
        elif namespace.retention_ns > 0:
            found = self._store.scan_expired(namespace.key, now_ns - namespace.retention_ns, room)
        return found
