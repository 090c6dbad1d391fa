"""Domain events of event-sourced workflows: `from polyrhythm import events, wf`.

    @events.event("Debited", version=2)
    @dataclass
    class Debited:
        amount: int
        fee: int

    @events.upcast("Debited", from_version=1)
    def add_fee(old: dict) -> dict:             # what version 1 wrote, as version 2 writes it
        return {**old, "fee": 0}

    wf.record(Debited(5, fee=1))                # inside a workflow; kept in its history

Read models of them are projections: `app.projection(...)`.
"""

from polyrhythm.sdk.events.catalogue import EventError, EventType, event, type_of, upcast
from polyrhythm.sdk.events.meta import EventMeta

__all__ = [
    "EventError",
    "EventMeta",
    "EventType",
    "event",
    "type_of",
    "upcast",
]
