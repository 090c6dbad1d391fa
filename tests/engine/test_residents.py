"""Workers of this process: workflow code runs inside the turn, attempts begin after the commit."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from google.protobuf.message import Message
from temporalio.api.command.v1 import Command

from engine.rig import (
    Rig,
    activity,
    complete,
    completed_request,
    poll_activity_request,
    poll_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import NotFound, StoreError
from polyrhythm.base.limits import Limits
from polyrhythm.engine.residents import Resident


class Scripted:
    """A worker that answers the n-th workflow task of a run with the n-th list of commands."""

    identity = "resident"

    def __init__(self, *script: list[Command], slots: int = 10) -> None:
        self.script = script
        self.slots = slots
        self.tasks: list[ws.PollWorkflowTaskQueueResponse] = []
        self.attempts: list[ws.PollActivityTaskQueueResponse] = []
        self.held: dict[str, int] = {}
        self.forgotten: list[str] = []
        self.stopped: list[tuple[str, str]] = []

    @property
    def room(self) -> int:
        return self.slots

    def holds(self, run_id: str, started_event_id: int) -> bool:
        return self.held.get(run_id) == started_event_id

    def activate(self, task: ws.PollWorkflowTaskQueueResponse) -> Message:
        self.tasks.append(task)
        if task.HasField("query"):
            answer = ws.RespondQueryTaskCompletedRequest(task_token=task.task_token)
            answer.completed_type = 1
            answer.query_result.payloads.add().data = b"yes"
            return answer
        run_id = task.workflow_execution.run_id
        self.held[run_id] = task.started_event_id
        step = sum(one.workflow_execution.run_id == run_id for one in self.tasks) - 1
        commands = self.script[step] if step < len(self.script) else []
        return completed_request(task.task_token, *commands)

    def perform(self, task: ws.PollActivityTaskQueueResponse) -> None:
        self.slots -= 1
        self.attempts.append(task)

    def stop(self, run_id: str, task_id: str, why: str) -> None:
        self.stopped.append((task_id, why))

    def forget(self, run_id: str) -> None:
        self.held.pop(run_id, None)
        self.forgotten.append(run_id)


def house(rig: Rig, worker: Scripted, queue: str = "q") -> None:
    namespace = rig.lane.memory.registry.find("default")
    rig.lane.memory.residents.add(Resident(namespace, queue, worker))


def finish(rig: Rig, worker: Scripted) -> None:
    """Complete the oldest attempt that the worker has begun."""
    worker.slots += 1
    token = worker.attempts.pop(0).task_token
    rig.call(ws.RespondActivityTaskCompletedRequest(namespace="default", task_token=token))


def commits(rig: Rig, key: int = 1) -> list[int]:
    run = rig.store.load_run(key, 0)
    assert run is not None
    return [row.event_count for row in run.log]


def test_a_workflow_of_one_task_takes_two_commits() -> None:
    rig = Rig()
    worker = Scripted([activity("a")], [complete()])
    house(rig, worker)
    rig.call(start_request())
    assert [one.activity_id for one in worker.attempts] == ["a"]
    finish(rig, worker)
    assert rig.events()[-4:] == [
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
    ]
    assert len(commits(rig)) == 2


def test_live_code_gets_only_what_is_new() -> None:
    rig = Rig()
    worker = Scripted([activity("a")], [complete()])
    house(rig, worker)
    rig.call(start_request())
    finish(rig, worker)
    first, second = ([event.event_id for event in task.history.events] for task in worker.tasks)
    assert first == [1, 2, 3]
    assert second == [4, 5, 6, 7, 8, 9]


def test_code_that_is_not_held_gets_the_whole_history() -> None:
    rig = Rig()
    worker = Scripted([activity("a")], [complete()])
    house(rig, worker)
    rig.call(start_request())
    worker.held.clear()
    finish(rig, worker)
    assert [event.event_id for event in worker.tasks[1].history.events] == list(range(1, 10))


def test_a_whole_history_is_not_cut_into_pages() -> None:
    rig = Rig()
    rig.call(start_request())
    for number in range(700):
        rig.submit(signal_request(name=f"s{number}"))
    rig.turn()
    worker = Scripted([complete()])
    house(rig, worker)
    rig.turn()
    assert len(worker.tasks[0].history.events) == 703
    assert not worker.tasks[0].next_page_token


def test_attempts_begin_after_their_commit_and_never_without_it() -> None:
    rig = Rig(faults=(faults := Failing()))
    worker = Scripted([activity("a")], [complete()])
    house(rig, worker)
    reply = rig.submit(start_request())
    faults.before = 1
    rig.turn()
    assert isinstance(reply.error, Exception)
    assert worker.attempts == []
    run_id = worker.tasks[0].workflow_execution.run_id
    assert run_id in worker.forgotten
    rig.turn()
    with pytest.raises(NotFound):
        rig.events()


def test_a_commit_that_failed_after_the_first_task_gives_the_task_again() -> None:
    rig = Rig(faults=(faults := Failing()))
    worker = Scripted([activity("a")], [complete()], [complete()])
    house(rig, worker)
    rig.call(start_request())
    faults.before = 1
    rig.submit(
        ws.RespondActivityTaskCompletedRequest(
            namespace="default", task_token=worker.attempts[0].task_token
        )
    )
    rig.turn()
    worker.tasks.pop()
    finish(rig, worker)
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_offers_wait_while_the_worker_has_no_room() -> None:
    rig = Rig()
    names = [activity(f"a{number}") for number in range(5)]
    worker = Scripted(names, *[[] for _ in range(4)], [complete()], slots=2)
    house(rig, worker)
    rig.call(start_request())
    assert [one.activity_id for one in worker.attempts] == ["a0", "a1"]
    for _ in range(5):
        finish(rig, worker)
        assert len(worker.attempts) <= 2
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_what_waited_in_the_rows_is_given_to_a_worker_that_comes_later() -> None:
    rig = Rig(Limits(offers_in_memory_max=3, turn_items_max=4))
    for number in range(20):
        rig.call(start_request(f"w{number}"))
    rig.crash()
    worker = Scripted([complete()])
    house(rig, worker)
    rig.turn()
    while rig.lane.busy:
        rig.turn()
    assert len({task.workflow_execution.workflow_id for task in worker.tasks}) == 20


def test_a_query_is_answered_in_its_turn() -> None:
    rig = Rig()
    worker = Scripted([timer("t", 60)])
    house(rig, worker)
    rig.call(start_request())
    request = ws.QueryWorkflowRequest(namespace="default")
    request.execution.workflow_id = "w"
    request.query.query_type = "state"
    answer: Any = rig.call(request)
    assert answer.query_result.payloads[0].data == b"yes"
    assert len(worker.tasks[-1].history.events) == 0


def test_code_that_is_ahead_of_its_run_is_dropped() -> None:
    rig = Rig()
    worker = Scripted([timer("", 60)], [timer("t", 60)])
    house(rig, worker)
    rig.call(start_request())
    assert "WORKFLOW_TASK_FAILED" in rig.events()
    assert worker.forgotten


def test_a_timer_that_fires_wakes_the_code() -> None:
    rig = Rig()
    worker = Scripted([timer("t", 60)], [complete()])
    house(rig, worker)
    rig.call(start_request())
    rig.advance(60)
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_a_resident_and_a_poll_share_a_queue() -> None:
    rig = Rig()
    worker = Scripted([activity("a"), activity("b")], [], [complete()], slots=1)
    house(rig, worker)
    poll = rig.submit(poll_activity_request())
    idle = rig.submit(poll_request())
    rig.call(start_request())
    assert [one.activity_id for one in worker.attempts] == ["a"]
    assert poll.value.activity_id == "b"
    assert not idle.done


class Failing:
    """Fails the next commit before it is written."""

    before = 0

    def before_commit(self, _batch: object) -> None:
        if self.before:
            self.before -= 1
            raise StoreError("planned")

    def after_commit(self, _batch: object) -> None:
        """Written: nothing to fail."""
