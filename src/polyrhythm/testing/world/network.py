"""Calls on their way: lost, doubled and delayed requests, lost and delayed replies.

Whoever sends is called back exactly once: with the reply's value, with the engine's refusal, or
with `Lost` when its own patience ends, the connection breaks or it gives the call up itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from polyrhythm.engine.calls import Call

Answered = Callable[[Any, Exception | None], None]


class Lost(Exception):
    """The caller does not know what became of its request."""


@dataclass(slots=True)
class Sent:
    """A call at a server. `patience_ns`: when its answer must have come; `twin`: a duplicate
    made by the network, whose answer nobody reads."""

    number: int
    what: str
    call: Call
    answered: Answered
    process: object
    patience_ns: int
    twin: bool = False
    overdue: int = 0


def ignore(_value: Any, _error: Exception | None) -> None:
    """Read nothing: the answer of a duplicate."""


def name_of(request: Any) -> str:
    """Return a short name of a request for the trace."""
    return type(request).__name__.removesuffix("Request").removesuffix("Execution")
