"""Messages between runs: who asked for what, who got it, and what the sender was told.

Signals are recognised by their sender and their payload, which is unique among those of a run;
requests to cancel and starts of children by the sender and the event that initiated them. A
delivered message is there exactly once, a refused one never; nobody is told twice. A run that a
reset has made asks again for what its copied events leave open.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polyrhythm.testing.auditor.finding import Finding, require

# A run id, and the event that asked or the payload that was sent.
Key = tuple[str, int | bytes]


@dataclass(slots=True)
class Errand:
    """One message: asked for by `sender` (run id) in event `event_id`; `kind` is "signal",
    "cancel" or "child"; `copied`: by an event that was another run's before."""

    sender: str
    event_id: int
    kind: str
    copied: bool = False
    received: int = 0
    delivered: int = 0
    failed: int = 0


@dataclass(slots=True)
class Ledger:
    """All errands, by (sender run id, event id), and signals' payloads to find them by."""

    errands: dict[Key, Errand] = field(default_factory=dict)
    by_payload: dict[Key, Key] = field(default_factory=dict)
    arrivals: list[tuple[str, Key]] = field(default_factory=list)
    changed: list[Errand] = field(default_factory=list)

    def ask(self, errand: Errand, payload: bytes = b"") -> None:
        """Note an Initiated event; a signal has a payload."""
        place: Key = (errand.sender, errand.event_id)
        self.errands[place] = errand
        if payload:
            key: Key = (errand.sender, payload)
            require(key not in self.by_payload, "messages", f"{payload!r} is asked for twice")
            self.by_payload[key] = place

    def arrive(self, receiver: str, key: Key) -> None:
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

    def forget(self, sender: str, event_id: int) -> None:
        """Note that a copied event tells the outcome: it was the errand of another run."""
        del self.errands[sender, event_id]

    def balance(self, gone: set[str]) -> None:
        """Check every errand that changed, once all rows of a step are read.

        `gone` are runs that this step has deleted: what they did in it is in no log.
        """
        for receiver, key in self.arrivals:
            errand = self.errands.get(self.by_payload.get(key, key))
            if errand is None:
                if key[0] in gone:
                    continue
                raise Finding("messages", f"{receiver} got {key!r}, which nobody sent")
            errand.received += 1
            self.changed.append(errand)
        self.arrivals.clear()
        for errand in self.changed:
            _check(errand, bool(gone))
        self.changed.clear()


def _check(errand: Errand, lossy: bool) -> None:
    require(errand.received <= 1, "messages", f"applied twice: {errand}")
    require(errand.delivered + errand.failed <= 1, "messages", f"told twice: {errand}")
    if errand.delivered and errand.kind != "cancel" and not lossy:
        # A reset run adopts a child that another run of the same past has started.
        known = errand.kind == "child" and errand.copied
        applied = errand.received == 1 or known
        require(applied, "messages", f"told delivered, never applied: {errand}")
    if errand.failed:
        require(errand.received == 0, "messages", f"told failed, but applied: {errand}")
