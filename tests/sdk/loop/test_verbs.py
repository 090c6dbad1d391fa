"""The verbs of `wf` and the declared forms of tasks, workflows and messages, on the engine."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from polyrhythm.sdk import wf
from polyrhythm.sdk.declare.home import Home
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.verbs import TaskVerb, WorkflowVerb
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.messages import Query, Signal, Update
from sdk.loop.stage import Stage

WORD = Signal("word", str)
STATE = Query("state", str)
ADD = Update("add", int, int)


class Nowhere:
    """A home without a service: the stage starts runs."""

    session: Any = None
    portal: Any = None


REGISTRY = Registry()
HOME: Home = Nowhere()
TASK, WORKFLOW = TaskVerb(REGISTRY, HOME), WorkflowVerb(REGISTRY, HOME)


@TASK(timeout="10s")
def double(number: int) -> int:
    return 2 * number


@WORKFLOW
async def talk(count: int) -> list[Any]:
    state, total = "begun", [0]
    STATE.handler(lambda: state)

    async def add(number: int) -> int:
        total[0] += number
        return total[0]

    ADD.handler(add)
    wf.logger.warning("begun")
    state = await WORD.receive()
    missing = await WORD.next(timeout="5s")
    values: list[Any] = [state, missing, await double(count), await double.local(count)]
    values.append(await wf.wait_for(lambda: total[0] > 100, timeout="1m"))
    await wf.sleep("1h")
    values += await wf.gather(double(1), double(2))
    await wf.all_handlers_finished()
    return [*values, total[0]]


@WORKFLOW
class Counter:
    """Counts until it is told to stop."""

    def __init__(self) -> None:
        self.count = 0
        self.done = False

    async def run(self, start: int = 0) -> int:
        self.count += start
        await wf.wait_for(lambda: self.done)
        if self.count > 1000:
            wf.continue_as_new(1)
        return self.count

    @wf.signal
    async def add(self, number: int) -> None:
        doubled = await double(number)
        self.count += doubled

    @wf.query
    def value(self) -> int:
        return self.count

    @wf.update
    async def stop(self) -> int:
        self.done = True
        return self.count


@WORKFLOW
async def parent() -> list[Any]:
    child: wf.Child[int] = wf.child(COUNTER.options(id="child"), 5)
    await child.started
    await wf.external("child").send(Signal("add", int), 4)
    seen = [child.id]
    await wf.sleep("1s")
    child.cancel()
    try:
        await child
    except asyncio.CancelledError as error:
        seen.append(type(error).__name__)
    return [*seen, wf.info().workflow, str(wf.now())[:4]]


COUNTER: Workflow[[int], int] = Counter  # type: ignore[assignment]


def stage(evict: float = 0.5) -> Stage:
    made = Stage(talk.definition, COUNTER.definition, parent.definition, evict=evict)
    made.tasks = {"double": double.definition}
    return made


def test_a_function_workflow_with_every_kind_of_message() -> None:
    one = stage()
    one.start("talk", 21)
    one.signal("word", "hello")
    assert one.query("state") == "hello"
    assert one.outcome(one.update("add", 7)) == 7
    one.run()
    assert one.result() == ["hello", None, 42, 42, False, 2, 4, 7]


def test_a_class_workflow_with_marked_methods() -> None:
    one = stage()
    one.start("Counter", 1)
    one.signal("add", 5)
    one.run()
    assert one.query("value") == 11
    assert one.outcome(one.update("stop")) == 11
    one.run()
    assert one.result() == 11


def test_a_child_that_is_signalled_and_cancelled() -> None:
    one = stage()
    assert one.play("parent") == ["child", "CancelledError", "parent", "2023"]


def test_logs_are_written_once_and_name_their_run(caplog: pytest.LogCaptureFixture) -> None:
    one = stage(evict=1.0)
    one.start("talk", 1)
    with caplog.at_level(logging.WARNING, "polyrhythm.workflow"):
        one.signal("word", "x")
        one.run()
    begun = [record for record in caplog.records if record.getMessage() == "begun"]
    assert [record.__dict__["workflow_id"] for record in begun] == ["w"]


def test_verbs_outside_of_a_workflow_say_so() -> None:
    with pytest.raises(MisuseError, match=r"wf.now\(\) works inside a workflow only"):
        wf.now()
    with pytest.raises(MisuseError, match=r"call double.start"):
        double(1)
