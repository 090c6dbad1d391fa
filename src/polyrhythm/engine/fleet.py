"""The workers of a lane: the last heartbeat of each, as long as it is fresh.

Memory only, as in the server: workers say all of themselves every minute, so after a restart the
list fills by itself. A worker that says it has shut down is dropped at once, one that is silent for
five minutes after that. All heartbeats together are bounded in bytes, since their size is the
workers' choice: past it those seen longest ago go first.
Source: service/matching/workers/registry_impl.go of release 1.31.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat

from polyrhythm.base.limits import FLEET_BYTES_MAX, MINUTE_NS

SHOWN_NS = 5 * MINUTE_NS
# What the record of a heartbeat takes beside its bytes.
RECORD_BYTES = 500
_SHUTDOWN = WorkerStatus.WORKER_STATUS_SHUTDOWN


@dataclass(slots=True)
class _Seen:
    at_ns: int
    size: int
    heartbeat: WorkerHeartbeat


class Fleet:
    """The workers of all namespaces, by namespace and instance, in the order they were seen."""

    def __init__(self, bytes_max: int = FLEET_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._seen: dict[tuple[int, str], _Seen] = {}

    def record(
        self, namespace_key: int, heartbeats: Sequence[WorkerHeartbeat], now_ns: int
    ) -> None:
        """Keep what workers say of themselves."""
        for heartbeat in heartbeats:
            key = namespace_key, heartbeat.worker_instance_key
            self._drop(key)
            if heartbeat.status == _SHUTDOWN:
                continue
            size = heartbeat.ByteSize() + RECORD_BYTES
            self._seen[key] = _Seen(now_ns, size, heartbeat)
            self._bytes += size
        self._forget_old(now_ns)

    def find(self, namespace_key: int, instance: str, now_ns: int) -> WorkerHeartbeat | None:
        """Return a worker's last heartbeat, None when it has not been heard of lately."""
        self._forget_old(now_ns)
        found = self._seen.get((namespace_key, instance))
        return found.heartbeat if found is not None else None

    def of(self, namespace_key: int, now_ns: int) -> list[WorkerHeartbeat]:
        """Return the last heartbeats of a namespace's workers, by instance."""
        self._forget_old(now_ns)
        keys = sorted(key for key in self._seen if key[0] == namespace_key)
        return [self._seen[key].heartbeat for key in keys]

    def _forget_old(self, now_ns: int) -> None:
        while self._seen:
            key = next(iter(self._seen))
            old = now_ns - self._seen[key].at_ns > SHOWN_NS
            if not old and self._bytes <= self._bytes_max:
                return
            self._drop(key)

    def _drop(self, key: tuple[int, str]) -> None:
        seen = self._seen.pop(key, None)
        if seen is not None:
            self._bytes -= seen.size
