"""What reaches a run from outside: suspend, resume, stop, terminate, deadlines, supplied values.

A wait of the walker is one on `changed`: whatever arrives sets it. What runs is cancelled through
`running`, where every node in flight has its future and whether it belongs to an exit handler.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

STOP, TERMINATE = "Stop", "Terminate"


@dataclass(slots=True)
class Flight:
    """A node whose work is under way."""

    future: asyncio.Future[Any]
    on_exit: bool
    # What looks after a daemon that is ready.
    watch: asyncio.Future[None] | None = None


@dataclass(slots=True)
class ControlState:
    """What was asked of the run so far."""

    suspended: bool = False
    shutdown: str = ""
    # Set once the workflow's own deadline is over.
    late: bool = False
    running: dict[str, Flight] = field(default_factory=dict)
    # Suspended nodes that may go on, by id, with what was supplied: phase, message, parameters.
    resumed: dict[str, dict[str, object]] = field(default_factory=dict)

    # Addresses of daemons that are ready, by id.
    ready: dict[str, str] = field(default_factory=dict)

    def may_execute(self, on_exit: bool) -> bool:
        """Whether a new pod may run: none once terminated, handlers only once stopped."""
        return not self.shutdown or (self.shutdown == STOP and on_exit)

    def suits(self, flight: Flight) -> bool:
        """Whether what is in flight may go on."""
        return self.may_execute(flight.on_exit) and not (self.late and not flight.on_exit)

    def interrupt(self) -> None:
        """Cancel what may not go on."""
        for flight in list(self.running.values()):
            if not self.suits(flight) and not flight.future.done():
                flight.future.cancel()
