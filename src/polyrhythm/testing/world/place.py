"""What clients and workers see of the world they live in.

A protocol, so that they can be read without the world and never import it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from polyrhythm.core.context import NamespaceInfo
from polyrhythm.testing.world.known import Known
from polyrhythm.testing.world.process import Process
from polyrhythm.testing.world.profile import Profile, Rates
from polyrhythm.testing.world.trace import Trace

Answered = Callable[[Any, Exception | None], None]


class Place(Protocol):
    """A world as its inhabitants see it."""

    seed: int
    random: Random
    profile: Profile
    rates: Rates
    now_ns: int
    healing: bool
    process: Process
    trace: Trace
    known: Known

    @property
    def namespace(self) -> NamespaceInfo:
        """The namespace everything happens in."""
        ...

    def clock(self) -> str:
        """Return the time as the trace shows it."""
        ...

    def chance(self, rate: float) -> bool:
        """Whether something of this rate happens now."""
        ...

    def after_ms(self, low: int, high: int, action: Callable[[], None]) -> None:
        """Have something done after a while."""
        ...

    def send(self, request: Any, answered: Answered, poll: bool = False) -> None:
        """Send a request to whoever is the server when it arrives."""
        ...

    def pause_ms(self, error: Exception | None) -> tuple[int, int]:
        """How long a worker waits before its next poll."""
        ...

    def take_eager(self, task: Any) -> None:
        """Give a workflow task that came with a start's answer to a worker of the caller."""
        ...

    def take_activity(self, task: Any) -> None:
        """Give an activity that came with a workflow task's answer to a worker of the caller."""
        ...
