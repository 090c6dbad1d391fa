"""When a long poll ends: its span is over, or its caller is about to give up.

An empty answer in time keeps a client polling; a missed deadline makes it back off.
"""

from __future__ import annotations

from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk


def poll_until_ns(desk: Desk, call: Call, span_ns: int) -> int:
    """Return when to answer empty: a second before the deadline leaves time for the way back."""
    until_ns = desk.now_ns + span_ns
    if call.deadline_ns:
        until_ns = min(until_ns, max(call.deadline_ns - SECOND_NS, desk.now_ns))
    return until_ns
