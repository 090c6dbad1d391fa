"""Many activities by one call: one commit, an answer for each, times kept to the nanosecond."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import poll_activity_request
from engine.standalone_rig import Stage, start_request
from polyrhythm.base.errors import ActivityAlreadyStarted, InvalidArgument, StoreError
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.calls import StartTasks


class Commits:
    """Counts commits, and makes one fail."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = ""

    def before_commit(self, _batch: Any) -> None:
        if self.fails == "before":
            self.fails = ""
            raise StoreError("not written")

    def after_commit(self, _batch: Any) -> None:
        self.count += 1
        if self.fails == "after":
            self.fails = ""
            raise StoreError("written, not told")


def start(activity_id: str, request_id: str = "", due_ns: int = 0) -> Any:
    return start_request(activity_id, request_id=request_id or f"r-{activity_id}"), due_ns


def test_all_are_one_commit_and_each_is_answered() -> None:
    stage = Stage()
    commits = stage.store.faults = Commits()
    answers = stage.call(StartTasks([start(f"a{n}") for n in range(100)]))
    assert commits.count == 1
    assert all(answer.started for answer in answers)
    assert len({answer.run_id for answer in answers}) == 100
    assert [stage.status(f"a{n}") for n in (0, 99)] == ["running", "running"]


def test_what_is_refused_keeps_none_of_the_others() -> None:
    stage = Stage()
    stage.call(StartTasks([start("taken")]))
    wrong = InvalidArgument("no such thing")
    first, taken, unsound, again = stage.call(
        StartTasks([start("a"), start("taken", "another"), wrong, start("a")])
    )
    assert first.started
    assert isinstance(taken, ActivityAlreadyStarted)
    assert unsound is wrong
    # The same request twice in one call is one task.
    assert not again.started
    assert again.run_id == first.run_id


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_call_whose_commit_failed_is_made_again_and_starts_nothing_twice(when: str) -> None:
    stage = Stage()
    commits = stage.store.faults = Commits()
    commits.fails = when
    starts = [start("a"), start("b")]
    reply = stage.submit(StartTasks(starts))
    stage.turn()
    assert reply.error is not None
    answers = stage.call(StartTasks(starts))
    assert len({answer.run_id for answer in answers}) == 2
    assert [answer.started for answer in answers] == [when == "before"] * 2
    assert {stage.work().activity_id for _ in range(2)} == {"a", "b"}


def test_tasks_begin_in_the_order_of_their_times() -> None:
    stage = Stage()
    now_ns = stage.now_ns
    order = [7, 2, 9, 0, 4]
    starts = [start(f"a{n}", due_ns=now_ns + 30 * SECOND_NS + n) for n in order]
    stage.call(StartTasks(starts))
    reply = stage.submit(poll_activity_request())
    stage.turn()
    assert not reply.done
    stage.advance(31)
    begun = [reply.value.activity_id, *(stage.work().activity_id for _ in order[1:])]
    assert begun == ["a0", "a2", "a4", "a7", "a9"]


def test_a_time_that_is_over_is_now() -> None:
    stage = Stage()
    stage.call(StartTasks([start("a", due_ns=1)]))
    task = stage.work()
    assert task.activity_id == "a"
    finished = ws.RespondActivityTaskCompletedRequest(task_token=task.task_token)
    stage.call(finished)
    assert stage.status("a") == "completed"
