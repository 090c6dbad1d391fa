"""Bounded memory: spilled queues, timers past the horizon, evicted runs, long histories."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import (
    Rig,
    activity,
    complete,
    poll_activity_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import ResourceExhausted
from polyrhythm.base.limits import DAY_NS, SECOND_NS, Limits
from polyrhythm.engine.cache import weight_of


def test_a_queue_past_its_memory_is_read_back_in_order() -> None:
    rig = Rig(Limits(offers_in_memory_max=3))
    for number in range(20):
        rig.now_ns += SECOND_NS // 1000
        rig.call(start_request(f"w{number:02}"))
    taken = [rig.poll().workflow_execution.workflow_id for _ in range(20)]
    assert taken == [f"w{number:02}" for number in range(20)]


def test_work_in_several_queues_is_found_again() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a", "one"), activity("b", "two"), activity("c", "two"))
    rig.crash()
    assert rig.call(poll_activity_request("two")).activity_id == "b"
    assert rig.call(poll_activity_request("one")).activity_id == "a"
    rig.crash()
    assert rig.call(poll_activity_request("two")).activity_id == "c"


def test_a_timer_past_the_horizon_fires_on_time() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(timer("t", 30 * 24 * 3600))
    rig.crash()
    rig.advance(30 * 24 * 3600 - 1)
    assert "TIMER_FIRED" not in rig.events()
    rig.advance(1)
    assert "TIMER_FIRED" in rig.events()
    assert rig.now_ns > 30 * DAY_NS


@pytest.mark.parametrize("timers_max", [2, 1000])
def test_more_timers_than_memory_holds_all_fire(timers_max: int) -> None:
    rig = Rig(Limits(timers_in_memory_max=timers_max, cached_runs_max=2))
    for number in range(12):
        rig.call(start_request(f"w{number}"))
        rig.run_commands(timer("t", 10 + number))
    rig.advance(40)
    for number in range(12):
        assert "TIMER_FIRED" in rig.events(f"w{number}"), number


def test_an_evicted_run_is_folded_again() -> None:
    rig = Rig(Limits(cached_runs_max=1, snapshot_rows=2))
    rig.call(start_request("a"))
    rig.call(start_request("b"))
    for _ in range(4):
        rig.call(signal_request("a"))
        rig.call(signal_request("b"))
    assert len(rig.lane.memory.world.cache) == 1
    assert rig.events("a").count("WORKFLOW_EXECUTION_SIGNALED") == 4
    rig.run_commands(complete())
    assert rig.store.load_run(1, 1) is not None


def signal_with(workflow_id: str, size: int) -> ws.SignalWorkflowExecutionRequest:
    request = signal_request(workflow_id)
    request.input.payloads.add().data = bytes(size)
    return request


def test_runs_are_evicted_by_what_they_hold_too() -> None:
    rig = Rig(Limits(cached_bytes_max=200_000, cached_history_bytes_max=100_000))
    cache = rig.lane.memory.world.cache
    for number in range(30):
        rig.call(start_request(f"w{number}"))
    assert len(cache) == 30
    for number in range(30):
        rig.call(signal_with(f"w{number}", 30_000))
    assert 1 < len(cache) < 7
    # They are read again, and what is evicted counts no more.
    for number in range(30):
        assert rig.events(f"w{number}").count("WORKFLOW_EXECUTION_SIGNALED") == 1
    assert cache._bytes == sum(weight_of(run) for run in cache._runs.values()) < 200_000


def test_one_run_larger_than_all_memory_allows_still_works() -> None:
    rig = Rig(Limits(cached_bytes_max=10_000, cached_history_bytes_max=1_000_000))
    rig.call(start_request("large"))
    for _ in range(5):
        rig.call(signal_with("large", 50_000))
    assert len(rig.lane.memory.world.cache) == 1
    rig.call(start_request("small"))
    assert len(rig.lane.memory.world.cache) == 1
    assert rig.events("large").count("WORKFLOW_EXECUTION_SIGNALED") == 5


def test_a_long_history_is_paged() -> None:
    rig = Rig(Limits(cached_history_bytes_max=500))
    rig.call(start_request())
    for _ in range(600):
        rig.call(signal_request())
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    ids: list[int] = []
    pages = 0
    while True:
        page = rig.call(request)
        pages += 1
        ids += [event.event_id for event in page.history.events]
        request.next_page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert ids == list(range(1, 603))
    assert pages == 3
    task = rig.poll()
    assert len(task.history.events) == 256
    assert task.next_page_token


def test_a_full_inbox_refuses_at_once() -> None:
    rig = Rig(Limits(inbox_max=2))
    replies = [rig.submit(start_request(f"w{number}")) for number in range(3)]
    assert isinstance(replies[2].error, ResourceExhausted)
    rig.turn()
    assert replies[0].value.started
    assert replies[1].value.started


def test_too_many_waiting_polls_are_refused() -> None:
    rig = Rig(Limits(waiters_max=2))
    for _ in range(2):
        rig.submit(poll_activity_request("q"))
    rig.turn()
    with pytest.raises(ResourceExhausted):
        rig.call(poll_activity_request("q"))
