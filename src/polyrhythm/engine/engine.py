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
from polyrhythm.engine.residents import Resident, Worker
from polyrhythm.engine.tally import Tally


class Host(Protocol):
    """Drives a lane: calls its turns, waits in between, commits where it does no harm."""

    def submit(self, call: Call) -> None:
        """Hand a call to the lane and see that a turn follows."""
        ...

    def nudge(self) -> None:
        """See that a turn follows, though nothing was submitted."""
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

    @property
    def tally(self) -> Tally:
        """What was asked and refused."""
        return self._lane.memory.tally

    def submit(
        self, namespace: NamespaceInfo, request: Any, deadline_ns: int, identity: str
    ) -> Reply:
        """Hand a request to the lane; the reply is answered after its commit."""
        call = Call(namespace, request, deadline_ns, identity)
        self._host.submit(call)
        return call.reply

    def host(self, namespace: NamespaceInfo, queue: str, worker: Worker) -> None:
        """Let a worker of this process stand at a task queue, before any poll."""
        self._lane.memory.residents.add(Resident(namespace, queue, worker))
        self._host.nudge()

    def dismiss(self, namespace: NamespaceInfo, queue: str) -> None:
        """Let nobody stand at a queue any more; what was handed out is answered as usual."""
        self._lane.memory.residents.remove(namespace.key, queue)

    def nudge(self) -> None:
        """See that a turn looks at what waits for a worker of this process."""
        self._host.nudge()

    def now_ns(self) -> int:
        """Return the time that deadlines are measured by."""
        return self._host.now_ns()
