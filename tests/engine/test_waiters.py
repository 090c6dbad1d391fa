"""Calls that wait: what a jump of the clock does to them."""

from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.calls import Call
from polyrhythm.engine.waiters import Waiters

SPACE = NamespaceInfo(1, "default", "", 0)


def test_a_jump_takes_no_time_from_calls_that_wait():
    waiters = Waiters(10)
    calls = [Call(SPACE, None, deadline_ns=deadline_ns) for deadline_ns in (70, 0)]
    waiters.park(calls[0], 60, "late")
    waiters.park(calls[1], 50, "late")
    calls[0].since_ns = 5
    waiters.shift(1000)
    assert [call.deadline_ns for call in calls] == [1070, 0]
    # Nor has a poll waited for longer, in the eyes of its queue.
    assert [call.since_ns for call in calls] == [1005, 0]
    assert waiters.next_ns() == 1050
    waiters.expire(1049)
    assert not any(call.reply.done for call in calls)
    waiters.expire(1055)
    assert [call.reply.done for call in calls] == [False, True]
