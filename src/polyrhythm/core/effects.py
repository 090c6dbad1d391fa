"""What a decision asks of the engine beside writing its events and notes.

Effects are values, returned and never called back. An offer is matched in the same turn; the rest
of a decision's outcome leaves the process only after its commit.
An offer may be obsolete when it is taken: whoever takes it decides against the state again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polyrhythm.api import notes
from polyrhythm.base.errors import PolyrhythmError


@dataclass(slots=True)
class WorkflowTaskOffer:
    """A workflow task that waits for a worker. `normal_queue` is where it goes if `queue` is
    a sticky queue that nobody polls. Priority and fairness decide which offer of a queue is next
    (0 and empty: the defaults); `since_ns` is when it became available."""

    queue: str
    normal_queue: str
    sticky: bool
    scheduled_event_id: int
    attempt: int
    priority: int = 0
    fairness_key: str = ""
    fairness_weight: float = 0.0
    since_ns: int = field(default=0, compare=False)


@dataclass(slots=True)
class ActivityOffer:
    """An attempt of an activity that waits for a worker."""

    queue: str
    scheduled_event_id: int
    stamp: int
    priority: int = 0
    fairness_key: str = ""
    fairness_weight: float = 0.0
    since_ns: int = field(default=0, compare=False)


@dataclass(slots=True)
class Delivery:
    """A message that is now owed to another run; its sequence is in the sender's log."""

    sequence: int
    message: notes.Message


@dataclass(slots=True)
class UpdateEnded:
    """An update that leaves no trace: its callers get a serialized Failure, or an error."""

    update_id: str
    failure: bytes = b""
    error: PolyrhythmError | None = None


@dataclass(slots=True)
class BatchStep:
    """A batch operation goes on with the next of its runs."""
