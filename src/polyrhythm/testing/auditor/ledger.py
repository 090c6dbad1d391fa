"""Messages between runs: who asked for what, who got it, and what the sender was told.

Signals are recognised by their payload, which the simulated workflows make unique; requests to
cancel by the sender and the event that initiated them. A delivered signal is there exactly once, a
refused one never; nobody is told twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polyrhythm.testing.auditor.finding import Finding, require


@dataclass(slots=True)
class Errand:
    """One message: asked for by `sender` (run id) in event `event_id`."""

    sender: str
    event_id: int
    signal: bool
    received: int = 0
    delivered: int = 0
    failed: int = 0


@dataclass(slots=True)
class Ledger:
    """All errands, by (sender run id, event id), and signals' payloads to find them by."""

    errands: dict[tuple[str, int], Errand] = field(default_factory=dict)
    by_payload: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    arrivals: list[tuple[str, tuple[str, int] | bytes]] = field(default_factory=list)
    changed: list[Errand] = field(default_factory=list)

    def ask(self, sender: str, event_id: int, payload: bytes | None) -> None:
        """Note an Initiated event; `payload` None is a request to cancel."""
        errand = Errand(sender, event_id, payload is not None)
        self.errands[sender, event_id] = errand
        if payload is not None:
            require(payload not in self.by_payload, "messages", f"{payload!r} is asked for twice")
            self.by_payload[payload] = (sender, event_id)

    def arrive(self, receiver: str, key: tuple[str, int] | bytes) -> None:
        """Note a message at its receiver; its sender's row may be read only after it."""
        self.arrivals.append((receiver, key))

    def outcome(self, sender: str, event_id: int, failed: bool) -> None:
        """Note what the sender is told."""
        errand = self.errands.get((sender, event_id))
        if errand is None:
            raise Finding("messages", f"{sender} is told of event {event_id}, which asked nothing")
        if failed:
            errand.failed += 1
        else:
            errand.delivered += 1
        self.changed.append(errand)

    def balance(self) -> None:
        """Check every errand that changed, once all rows of a step are read."""
        for receiver, key in self.arrivals:
            place = self.by_payload.get(key) if isinstance(key, bytes) else key
            errand = self.errands.get(place) if place is not None else None
            if errand is None:
                raise Finding("messages", f"{receiver} got {key!r}, which nobody sent")
            errand.received += 1
            self.changed.append(errand)
        self.arrivals.clear()
        for errand in self.changed:
            _check(errand)
        self.changed.clear()


def _check(errand: Errand) -> None:
    require(errand.received <= 1, "messages", f"applied twice: {errand}")
    require(errand.delivered + errand.failed <= 1, "messages", f"told twice: {errand}")
    if errand.delivered and errand.signal:
        require(errand.received == 1, "messages", f"told delivered, never applied: {errand}")
    if errand.failed:
        require(errand.received == 0, "messages", f"told failed, but applied: {errand}")
