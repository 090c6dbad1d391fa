"""Where a domain event was recorded, as handlers of projections are told.

Times are aware datetimes in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class EventMeta:
    """Where an event was recorded: the run, the place in its history, the time, and the place in
    the log, which only grows.
    """

    workflow: str
    workflow_id: str
    run_id: str
    event_id: int
    at: datetime
    position: int
