"""How fast a queue fills and empties, and what its polls are advised."""

from __future__ import annotations

from typing import Any

import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, poll_request, start_request
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.flow import ADVICE_RATE, FlowState

START_NS = 1_000 * SECOND_NS
MS_NS = SECOND_NS // 1000


def describe(rig: Rig) -> Any:
    request = ws.DescribeTaskQueueRequest(namespace="default", task_queue_type=1)
    request.task_queue.name = "q"
    request.report_stats = True
    return rig.call(request)


def advice(answer: Any) -> int | None:
    if not answer.HasField("poller_scaling_decision"):
        return None
    return int(answer.poller_scaling_decision.poll_request_delta_suggestion)


def test_rates_are_of_the_last_half_minute() -> None:
    flow = FlowState()
    for second in range(20):
        flow.add(3, START_NS + second * SECOND_NS)
    flow.hand(3, START_NS + 19 * SECOND_NS)
    assert flow.counts[3].rates(START_NS + 20 * SECOND_NS) == (1.0, 1 / 20)
    # The slot that has begun and the six before it: 30 s and what has passed of it.
    assert flow.counts[3].rates(START_NS + 41 * SECOND_NS) == (10 / 31, 1 / 31)
    assert flow.counts[3].rates(START_NS + 500 * SECOND_NS) == (0.0, 0.0)


def test_the_first_moment_has_no_rate() -> None:
    flow = FlowState()
    flow.add(3, START_NS)
    assert flow.counts[3].rates(START_NS) == (0.0, 0.0)


def test_a_poll_that_waited_is_one_too_many() -> None:
    flow = FlowState()
    assert flow.advise(SECOND_NS, SECOND_NS, 1, START_NS) == -1
    assert flow.advise(SECOND_NS - 1, 0, 1, START_NS) == 0


def test_tasks_that_wait_want_one_more() -> None:
    flow = FlowState()
    assert flow.advise(0, 200 * MS_NS, 1, START_NS) == 0
    assert flow.advise(0, 200 * MS_NS + 1, 1, START_NS) == 1


def test_tasks_that_come_faster_than_they_go_want_one_more() -> None:
    flow = FlowState()
    for _ in range(6):
        flow.add(3, START_NS)
    for _ in range(5):
        flow.hand(3, START_NS)
    later_ns = START_NS + SECOND_NS
    assert flow.advise(0, 0, 1, later_ns) == 0
    flow.add(1, later_ns)
    assert flow.advise(0, 0, 1, later_ns + SECOND_NS) == 1


def test_advice_to_make_more_is_bounded_by_the_pollers() -> None:
    for pollers in (1, 3):
        flow = FlowState()
        given = [
            flow.advise(0, SECOND_NS, pollers, START_NS + ms * MS_NS) for ms in range(0, 10_000, 10)
        ]
        # A second's worth is saved up, then as many as the rate allows.
        assert abs(sum(given) - 11 * pollers * ADVICE_RATE) <= 2
        # Fewer are always said.
        assert flow.advise(SECOND_NS, 0, pollers, START_NS) == -1


def test_a_queue_tells_what_comes_and_goes() -> None:
    rig = Rig()
    for number in range(10):
        rig.call(start_request(f"w{number}"))
    rig.poll()
    rig.advance(5)
    told = describe(rig)
    assert told.stats.tasks_add_rate == 2
    assert abs(told.stats.tasks_dispatch_rate - 0.2) < 1e-6
    assert told.stats_by_priority_key[3].tasks_add_rate == 2
    rig.advance(40)
    assert describe(rig).stats.tasks_dispatch_rate == 0


def test_polls_are_answered_with_advice() -> None:
    rig = Rig()
    waiting = [rig.submit(poll_request("q"), 60) for _ in range(2)]
    rig.turn()
    rig.call(start_request("first"))
    assert advice(waiting[0].value) is None
    rig.advance(1)
    rig.call(start_request("second"))
    assert advice(waiting[1].value) == -1
    for number in range(3):
        rig.call(start_request(f"w{number}"))
    rig.advance(1)
    assert [advice(rig.poll()) for _ in range(3)] == [1, 1, None]
