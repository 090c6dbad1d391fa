"""The engine as the service sees it: a lane, its host and its namespaces behind one face.

Holds no state of its own. `submit` never waits: it hands a call to the host, which sees to it
that a turn takes it up.
"""

from __future__ import annotations

from typing import Any, Protocol

from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.calls import Call
from polyrhythm.engine.lane import Lane
from polyrhythm.engine.namespaces import Registry
from polyrhythm.engine.reply import Reply


class Host(Protocol):
    """Drives a lane: calls its turns, waits in between, commits where it does no harm."""

    def submit(self, call: Call) -> None:
        """Hand a call to the lane and see that a turn follows."""
        ...

    def now_ns(self) -> int:
        """Return the lane's time, nanoseconds since 1970."""
        ...


class Engine:
    """One lane under one host."""

    def __init__(self, lane: Lane, host: Host) -> None:
        self._lane = lane
        self._host = host

    @property
    def namespaces(self) -> Registry:
        """The registered namespaces."""
        return self._lane.memory.registry

    def submit(
        self, namespace: NamespaceInfo, request: Any, deadline_ns: int, identity: str
    ) -> Reply:
        """Hand a request to the lane; the reply is answered after its commit."""
        call = Call(namespace, request, deadline_ns, identity)
        self._host.submit(call)
        return call.reply

    def now_ns(self) -> int:
        """Return the time that deadlines are measured by."""
        return self._host.now_ns()
