"""Limits of queues and of keys: exact under a clock that the test moves, changed while they run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, activity, completed_request, poll_activity_request, start_request
from polyrhythm.api import service as api
from polyrhythm.base.errors import StoreError
from polyrhythm.base.limits import SECOND_NS, Limits


def schedule(rig: Rig, *names: str) -> None:
    """Activities whose fairness key is the first letter of their name."""
    commands = []
    for name in names:
        command = activity(name)
        command.schedule_activity_task_command_attributes.priority.fairness_key = name[0]
        commands.append(command)
    rig.call(start_request(f"of-{names[0]}", "wq"))
    rig.call(completed_request(rig.poll("wq").task_token, *commands))


def limit(rig: Rig, rate: float | None = None, key_rate: float | None = None) -> Any:
    request = ws.UpdateTaskQueueConfigRequest(namespace="default", task_queue="q")
    request.task_queue_type = 2
    if rate is not None:
        request.update_queue_rate_limit.rate_limit.requests_per_second = rate
    if key_rate is not None:
        update = request.update_fairness_key_rate_limit_default
        update.rate_limit.requests_per_second = key_rate
    return rig.call(request)


def poll(rig: Rig, count: int = 1, rate: float | None = None) -> list[Any]:
    """Park polls, or have them answered."""
    replies = []
    for _ in range(count):
        request = poll_activity_request()
        if rate is not None:
            request.task_queue_metadata.max_tasks_per_second.value = rate
        replies.append(rig.submit(request, 3600))
        rig.turn()
    return replies


def answered(replies: list[Any]) -> list[str]:
    return [reply.value.activity_id for reply in replies if reply.done]


def follow(rig: Rig, until_s: float) -> int:
    """Wake the lane whenever it asks for it; return how often that was."""
    end_ns, turns = rig.now_ns + int(until_s * SECOND_NS), 0
    while (due_ns := rig.lane.next_ns()) and due_ns <= end_ns:
        rig.now_ns = max(rig.now_ns, due_ns)
        rig.turn()
        turns += 1
        assert turns < 1000, "the lane wakes without pause"
    rig.now_ns = end_ns
    return turns


@pytest.mark.parametrize("limits", [{}, {"offers_in_memory_max": 3}])
def test_a_queue_gives_no_more_than_its_rate(limits: dict[str, int]) -> None:
    rig = Rig(Limits(**limits))
    limit(rig, 2)
    schedule(rig, *(f"a{number:02}" for number in range(40)))
    polls = poll(rig, 40)
    # A burst of a second, and one that is ready at the start.
    assert len(answered(polls)) == 3
    for second in range(1, 11):
        turns = follow(rig, 1)
        assert len(answered(polls)) == 3 + 2 * second
        assert turns <= 3


def test_a_rate_is_changed_while_tasks_wait_for_it() -> None:
    rig = Rig()
    limit(rig, 0)
    schedule(rig, *(f"a{number:02}" for number in range(60)))
    polls = poll(rig, 60)
    assert answered(polls) == []
    assert follow(rig, 5) == 0
    answer = limit(rig, 10)
    assert answer.config.queue_rate_limit.rate_limit.requests_per_second == 10
    follow(rig, 2)
    assert len(answered(polls)) == 20
    before = len(answered(polls))
    follow(rig, 1)
    assert len(answered(polls)) == before + 10
    request = ws.UpdateTaskQueueConfigRequest(namespace="default", task_queue="q")
    request.task_queue_type = 2
    request.update_queue_rate_limit.SetInParent()
    answer = rig.call(request)
    rig.advance(0)
    assert not answer.config.queue_rate_limit.HasField("rate_limit")
    assert len(answered(polls)) == 60


def test_the_rate_of_the_api_counts_before_the_worker_s() -> None:
    rig = Rig()
    schedule(rig, *(f"a{number:02}" for number in range(90)))
    polls = poll(rig, 80, rate=1)
    assert len(answered(polls)) == 2
    follow(rig, 3)
    assert len(answered(polls)) == 5
    limit(rig, 4)
    follow(rig, 2)
    # Nobody waits longer than under the new rate, and it begins where the old one stands.
    before = len(answered(polls))
    assert before == 13
    follow(rig, 2)
    assert len(answered(polls)) == before + 8
    rig.crash()
    polls = poll(rig, 40, rate=1)
    assert len(answered(polls)) == 5


def test_the_newest_poll_sets_the_worker_s_rate() -> None:
    rig = Rig()
    schedule(rig, *(f"a{number:02}" for number in range(20)))
    waiting = poll(rig, 5, rate=1)
    assert len(answered(waiting)) == 2
    assert len(answered(poll(rig, 1))) == 1
    assert len(answered(waiting)) == 5


@pytest.mark.parametrize("limits", [{}, {"offers_in_memory_max": 3}])
def test_keys_have_rates_by_their_weight(limits: dict[str, int]) -> None:
    rig = Rig(Limits(**limits))
    limit(rig, key_rate=2)
    request = ws.UpdateTaskQueueConfigRequest(namespace="default", task_queue="q")
    request.task_queue_type = 2
    request.set_fairness_weight_overrides["b"] = 2
    rig.call(request)
    schedule(rig, *(f"a{number:02}" for number in range(60)), *(f"b{n:02}" for n in range(60)))
    polls = poll(rig, 100)
    assert Counter(name[0] for name in answered(polls)) == {"a": 3, "b": 5}
    follow(rig, 10)
    assert Counter(name[0] for name in answered(polls)) == {"a": 23, "b": 45}


def test_single_keys_have_rates_of_their_own_that_change_at_once() -> None:
    rig = Rig()
    schedule(rig, *(f"a{number:02}" for number in range(60)), *(f"b{n:02}" for n in range(20)))
    held = api.UpdateKeyLimitsRequest(namespace="default", task_queue="q", task_queue_type=2)
    held.set["a"] = 0
    assert rig.call(held).key_rates == {"a": 0}
    polls = poll(rig, 80)
    assert Counter(name[0] for name in answered(polls)) == {"b": 20}
    held.set["a"] = 5
    rig.call(held)
    follow(rig, 4)
    before = len(answered(polls))
    assert before == 20 + 20
    follow(rig, 1)
    assert len(answered(polls)) == before + 5
    held.set.clear()
    held.unset.append("a")
    assert rig.call(held).key_rates == {}
    rig.advance(0)
    assert len(answered(polls)) == 80


def test_an_eager_activity_does_not_go_past_the_limit() -> None:
    rig = Rig()
    limit(rig, 1)
    rig.call(start_request("w", "q"))
    commands = [activity(f"a{number}") for number in range(5)]
    for command in commands:
        command.schedule_activity_task_command_attributes.request_eager_execution = True
    answer = rig.call(completed_request(rig.poll("q").task_token, *commands))
    assert list(answer.activity_tasks) == []
    polls = poll(rig, 5)
    assert len(answered(polls)) == 2
    follow(rig, 3)
    assert len(answered(polls)) == 5


def test_a_limit_whose_commit_failed_is_not_in_force() -> None:
    class Broken:
        fail = False

        def before_commit(self, batch: Any) -> None:
            if self.fail:
                raise StoreError("broken")

        def after_commit(self, batch: Any) -> None:
            pass

    broken = Broken()
    rig = Rig(faults=broken)
    schedule(rig, "a0", "a1", "a2")
    broken.fail = True
    with pytest.raises(Exception, match="did not commit"):
        limit(rig, 0)
    broken.fail = False
    assert answered(poll(rig, 3)) == ["a0", "a1", "a2"]


def test_a_queue_tells_its_limits_its_pollers_and_its_backlog() -> None:
    rig = Rig()
    schedule(rig, *(f"a{number}" for number in range(5)))
    poll(rig, 1, rate=7)
    rig.advance(3)
    request = ws.DescribeTaskQueueRequest(namespace="default", task_queue_type=2)
    request.task_queue.name = "q"
    request.report_stats = request.report_config = request.include_task_queue_status = True
    told = rig.call(request)
    assert [(one.identity, one.rate_per_second) for one in told.pollers] == [("worker", 7)]
    assert told.stats.approximate_backlog_count == 4
    assert told.task_queue_status.backlog_count_hint == 4
    assert told.stats_by_priority_key[3].approximate_backlog_age.seconds == 3
    assert (told.effective_rate_limit.requests_per_second,) == (7,)
    assert told.effective_rate_limit.rate_limit_source == 2
    assert not told.HasField("config")
    enhanced = ws.DescribeTaskQueueRequest(namespace="default", api_mode=1)
    enhanced.task_queue.name = "q"
    enhanced.task_queue_types.extend([1, 2])
    enhanced.report_stats = enhanced.report_pollers = True
    types = rig.call(enhanced).versions_info[""].types_info
    assert [one.identity for one in types[2].pollers] == ["worker"]
    assert types[2].stats.approximate_backlog_count == 4
    assert (len(types[1].pollers), types[1].stats.approximate_backlog_count) == (0, 0)
    limit(rig, 9, 2)
    told = rig.call(request)
    assert told.effective_rate_limit.requests_per_second == 9
    assert told.effective_rate_limit.rate_limit_source == 1
    assert told.config.queue_rate_limit.rate_limit.requests_per_second == 9
    assert told.config.fairness_keys_rate_limit_default.rate_limit.requests_per_second == 2
