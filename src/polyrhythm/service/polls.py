"""What all long polls share: the caller must wait for an answer, and long enough to be worth it.

A poll without a deadline would never be noticed as gone; one of under two seconds would spend its
time on the way. Both are refused as the server refuses them (common/util.go).
"""

from __future__ import annotations

from polyrhythm.base.errors import FailedPrecondition, InvalidArgument
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.service.service import Service

POLL_NS_MIN = 2 * SECOND_NS


def check_poll_deadline(service: Service, deadline_ns: int) -> None:
    """Refuse a poll that waits for ever or hardly at all. `deadline_ns` 0: none was set."""
    if not deadline_ns:
        raise InvalidArgument("Context timeout is not set.")
    if deadline_ns - service.engine.now_ns() < POLL_NS_MIN:
        raise FailedPrecondition("Context timeout is too short.")
