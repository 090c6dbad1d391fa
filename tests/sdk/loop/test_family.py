"""Children, messages to other workflows, continue-as-new, on the engine and in replay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polyrhythm.sdk.definitions import Cancellation, ChildOptions, ParentClose, WorkflowDefinition
from polyrhythm.sdk.errors import ChildCancelled, ChildFailed, ChildTerminated, Failure
from polyrhythm.sdk.loop import Continuation, Target
from sdk.loop.coding import SLEEP, anything, ctx, workflow_of
from sdk.loop.stage import Stage


async def echo(value: Any) -> Any:
    await ctx().start_timer(1)
    return [value, ctx().info().parent is not None]


async def breaks(value: Any) -> None:
    raise ValueError(f"child {value}")


async def sleeps(_: Any) -> str:
    try:
        await SLEEP(3600)
    except asyncio.CancelledError:
        await SLEEP(5)
        raise
    return "slept"


ECHO, BREAKS, SLEEPS = workflow_of(echo, 1), workflow_of(breaks, 1), workflow_of(sleeps, 1)


def stage_of(run: Any, count: int = 0, **options: Any) -> Stage:
    return Stage(workflow_of(run, count), ECHO, BREAKS, SLEEPS, **options)


def child(definition: WorkflowDefinition, value: Any, **options: Any) -> Any:
    return ctx().start_child(definition, ChildOptions(**options), (value,))


@pytest.mark.parametrize("evict", [0.0, 0.7])
def test_a_child_is_started_and_gives_its_result(evict: float) -> None:
    async def story() -> list[Any]:
        one, two = child(ECHO, 1), child(ECHO, 2, id="second")
        run_id = await two.started
        return [await one.result, await two.result, len(run_id), two.id, len(one.id)]

    stage = stage_of(story, evict=evict)
    assert stage.play("story") == [[1, True], [2, True], 36, "second", 36]


def test_a_child_that_fails_raises_what_it_raised() -> None:
    async def story() -> list[str]:
        try:
            await child(BREAKS, 7).result
        except ChildFailed as error:
            return [error.workflow, str(error.cause)]
        return []

    assert stage_of(story).play("story") == ["breaks", "ValueError: child 7"]


def test_a_child_whose_id_is_taken_is_not_started() -> None:
    async def story() -> str:
        first = child(SLEEPS, 1, id="same", parent_close=ParentClose.ABANDON)
        await first.started
        second = child(SLEEPS, 1, id="same")
        try:
            await second.started
        except ChildFailed as error:
            return str(error.cause)
        return ""

    assert "a workflow with this id runs already" in stage_of(story).play("story")


@pytest.mark.parametrize(
    ("way", "ended", "waited_s"),
    [("wait", True, 5.0), ("ask", True, 0.0), ("wait_asked", True, 0.0), ("abandon", False, 0.0)],
)
def test_cancelling_a_child(way: str, ended: bool, waited_s: float) -> None:
    async def story() -> Any:
        one = child(
            SLEEPS, 1, id="c", cancellation=Cancellation(way), parent_close=ParentClose.ABANDON
        )
        await one.started
        waiting = asyncio.ensure_future(one.result)
        await ctx().start_timer(10)
        at = ctx().now()
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            return (ctx().now() - at).total_seconds()
        return "done"

    stage = stage_of(story, evict=0.5)
    assert stage.play("story") == waited_s
    assert (stage.result("c") == "CANCELED") is ended


def test_a_child_cancelled_before_it_has_started_is_asked_once_it_has() -> None:
    async def story() -> str:
        one = child(SLEEPS, 1, id="c")
        waiting = asyncio.ensure_future(one.result)
        await ctx().next_signal("stop", anything(0))
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            return "cancelled"
        return "done"

    stage = stage_of(story)
    stage.start("story")
    stage.signal("stop")
    stage.run()
    assert stage.result() == "cancelled"


def test_a_child_that_others_end() -> None:
    async def story() -> list[str]:
        seen = []
        for name in ("a", "b"):
            try:
                await child(SLEEPS, 1, id=name).result
            except (ChildCancelled, ChildTerminated) as error:
                seen.append(type(error).__name__)
        return seen

    stage = stage_of(story, evict=0.5)
    stage.start("story")
    stage.run(until=lambda: "CHILD_WORKFLOW_EXECUTION_STARTED" in stage.names())
    stage.cancel("a")
    stage.run(until=lambda: stage.names().count("CHILD_WORKFLOW_EXECUTION_STARTED") == 2)
    stage.terminate("b")
    stage.run()
    assert stage.result() == ["ChildCancelled", "ChildTerminated"]


def test_signals_and_cancels_to_other_workflows() -> None:
    async def listener() -> list[Any]:
        got = []
        try:
            while True:
                got += await ctx().next_signal("word", anything(1))
        except asyncio.CancelledError:
            return got

    async def story() -> str:
        target = Target("listener")
        for word in ("a", "b"):
            await ctx().signal_external(target, "word", (word,), anything(1))
        await ctx().cancel_external(target)
        try:
            await ctx().signal_external(Target("nobody"), "word", ("c",), anything(1))
        except Failure as error:
            return str(error)
        return ""

    stage = Stage(workflow_of(story), workflow_of(listener), evict=0.5)
    stage.start("listener", workflow_id="listener")
    stage.start("story")
    stage.run()
    assert "no workflow with this id runs" in stage.result()
    assert stage.result("listener") == ["a", "b"]


def test_continue_as_new_takes_its_arguments_along() -> None:
    async def story(count: int, total: int) -> list[Any]:
        await ctx().start_timer(1)
        if count:
            memo = {"round": count}
            raise ctx().continue_as_new((count - 1, total + count), Continuation(memo=memo))
        continued = ctx().info().continued_run_id
        return [total, len(continued), ctx().settings.converter.decode(ctx().memo["round"], int)]

    stage = stage_of(story, 2, evict=0.5)
    stage.start("story", 3, 0)
    stage.run()
    assert stage.result() == [6, 36, 1]
    assert len(stage.cache) == 4
