"""Tasks, timers and asyncio's own waits, on the engine and in replay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polyrhythm.sdk.definitions import Cancellation
from polyrhythm.sdk.errors import (
    Failure,
    MisuseError,
    Permanent,
    TaskFailed,
    TaskTimedOut,
    TimeoutKind,
)
from sdk.loop.coding import SLEEP, Held, call, ctx, task_of, workflow_of
from sdk.loop.stage import Stage


def double(number: int) -> int:
    return 2 * number


def refuse(text: str) -> None:
    raise Permanent(text, type="Refused")


def hold(_: object) -> None:
    raise Held


# Past what a stage waits for by itself.
LONG_S = 1e7
DOUBLE, REFUSE = task_of(double), task_of(refuse)
HOLD = task_of(hold, timeout_s=LONG_S)


def stage_of(run: Any, **options: Any) -> Stage:
    stage = Stage(workflow_of(run), **options)
    stage.tasks = {"double": DOUBLE, "refuse": REFUSE, "hold": HOLD}
    return stage


def test_a_task_that_fails_raises_what_it_raised() -> None:
    async def story() -> list[str]:
        try:
            await call(REFUSE, "no")
        except TaskFailed as error:
            return [error.task, error.type, str(error.cause)]
        return []

    assert stage_of(story).play("story") == ["refuse", "Refused", "Refused: no"]


def test_a_task_that_nobody_finishes_times_out() -> None:
    async def story() -> str:
        try:
            await call(HOLD, 1, deadline_s=3)
        except TaskTimedOut as error:
            return error.kind.name
        return ""

    assert stage_of(story).play("story") == TimeoutKind.SCHEDULE_TO_CLOSE.name


def test_gather_makes_one_activation_of_all_results() -> None:
    async def story() -> list[int]:
        return await asyncio.gather(*(call(DOUBLE, n) for n in range(5)))

    stage = stage_of(story)
    assert stage.play("story") == [0, 2, 4, 6, 8]
    assert stage.names().count("ACTIVITY_TASK_SCHEDULED") == 5


def test_a_task_group_cancels_the_others_in_the_same_order_in_every_replay() -> None:
    async def story() -> int:
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(8):
                    group.create_task(
                        call(HOLD, number, timeout_s=LONG_S, cancellation=Cancellation.WAIT)
                    )
                group.create_task(call(REFUSE, "no"))
        except ExceptionGroup as errors:
            return len(errors.exceptions)
        return 0

    stage = stage_of(story, evict=0.5)
    stage.start("story")
    stage.run(until=lambda: stage.names().count("ACTIVITY_TASK_CANCEL_REQUESTED") == 8)
    for task in stage.held.values():
        stage.finish_cancelled(task)
    stage.run()
    assert stage.result() == 1


def test_wait_and_as_completed_are_the_same_in_every_replay() -> None:
    async def story() -> list[Any]:
        waits = [ctx().start_timer(float(5 - n)) for n in range(4)]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        order = [len(done), len(pending)]
        works = [call(DOUBLE, n) for n in range(4)]
        return order + [await one for one in asyncio.as_completed(works)]

    stage = stage_of(story, evict=0.5)
    result = stage.play("story")
    assert result[:2] == [1, 3]
    assert sorted(result[2:]) == [0, 2, 4, 6]


def test_asyncio_timeouts_are_durable_timers() -> None:
    async def story() -> list[str]:
        seen = []
        try:
            async with asyncio.timeout(10):
                await call(HOLD, 1)
        except TimeoutError:
            seen.append("timeout")
        seen.append(str(await asyncio.wait_for(call(DOUBLE, 4), 60)))
        async with asyncio.timeout(1):
            await SLEEP(0)
        before = ctx().now()
        await SLEEP(90)
        seen.append(str((ctx().now() - before).total_seconds()))
        return seen

    stage = stage_of(story)
    assert stage.play("story") == ["timeout", "8", "90.0"]
    started = [
        event.timer_started_event_attributes.start_to_fire_timeout.ToNanoseconds() / 1e9
        for event in stage.history()
        if event.HasField("timer_started_event_attributes")
    ]
    # A timer that is cancelled before it left is not in the history.
    assert started == [10.0, 60.0, 90.0]
    assert stage.names().count("TIMER_CANCELED") == 1
    assert stage.names().count("ACTIVITY_TASK_CANCEL_REQUESTED") == 1


@pytest.mark.parametrize("way", ["ask", "wait", "abandon"])
def test_cancelling_a_task(way: str) -> None:
    how = Cancellation(way)

    async def story() -> list[str]:
        task = call(HOLD, 1, timeout_s=LONG_S, cancellation=how)
        waiting = asyncio.ensure_future(task)
        await ctx().start_timer(1)
        waiting.cancel()
        at = ctx().now()
        try:
            await waiting
        except asyncio.CancelledError:
            return ["cancelled", str((ctx().now() - at).total_seconds())]
        return ["done"]

    stage = stage_of(story, evict=0.5)
    stage.start("story")
    stage.run()
    asked = stage.names().count("ACTIVITY_TASK_CANCEL_REQUESTED")
    assert asked == (0 if how is Cancellation.ABANDON else 1)
    if how is Cancellation.WAIT:
        assert "WORKFLOW_EXECUTION_COMPLETED" not in stage.names()
        stage.rig.now_ns += 7_000_000_000
        stage.finish_cancelled(stage.held["1"])
        stage.run()
        assert stage.result() == ["cancelled", "7.0"]
    else:
        assert stage.result() == ["cancelled", "0.0"]


def test_a_task_that_finishes_although_it_was_asked_to_stop_gives_its_result() -> None:
    async def story() -> str:
        task = call(HOLD, 1, timeout_s=LONG_S, cancellation=Cancellation.WAIT)
        await ctx().start_timer(1)
        task.cancel()
        return str(await task)

    stage = stage_of(story)
    stage.start("story")
    stage.run(until=lambda: "ACTIVITY_TASK_CANCEL_REQUESTED" in stage.names())
    stage.finish(stage.held["1"], "late")
    stage.run()
    assert stage.result() == "late"


def test_what_is_cancelled_before_it_left_leaves_no_event() -> None:
    async def story() -> str:
        for work in (call(DOUBLE, 1), ctx().start_timer(5), call(HOLD, 2)):
            work.cancel()
        await ctx().start_timer(1)
        return "done"

    stage = stage_of(story)
    assert stage.play("story") == "done"
    assert stage.names().count("TIMER_STARTED") == 1
    assert "ACTIVITY_TASK_SCHEDULED" not in stage.names()


def test_shielded_work_goes_on_when_the_workflow_is_cancelled() -> None:
    async def story() -> str:
        work = asyncio.ensure_future(call(HOLD, 1))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            return f"kept {await work}"
        return "not cancelled"

    stage = stage_of(story, evict=0.5)
    stage.start("story")
    stage.run(until=lambda: bool(stage.held))
    stage.cancel()
    stage.run()
    stage.finish(stage.held["1"], "x")
    stage.run()
    assert stage.result() == "kept x"


def test_a_cancelled_workflow_ends_cancelled() -> None:
    async def story() -> None:
        try:
            await ctx().start_timer(1000)
        finally:
            await call(DOUBLE, 1)

    stage = stage_of(story, evict=0.5)
    stage.start("story")
    stage.run(until=lambda: "TIMER_STARTED" in stage.names())
    stage.cancel()
    stage.run()
    assert stage.result() == "CANCELED"
    assert "ACTIVITY_TASK_COMPLETED" in stage.names()


def test_an_exception_fails_the_run() -> None:
    async def story() -> None:
        await call(DOUBLE, 1)
        raise ValueError("wrong")

    with pytest.raises(Failure, match="wrong"):
        stage_of(story).play("story")


def test_random_numbers_and_uuids_are_the_same_in_every_replay() -> None:
    async def story() -> list[Any]:
        values: list[Any] = [ctx().random().random(), str(ctx().uuid())]
        await call(DOUBLE, 1)
        values.append(ctx().random().randint(1, 1000))
        await ctx().start_timer(ctx().random().random())
        await call(DOUBLE, round(ctx().random().random() * 100))
        return values

    stage = stage_of(story, evict=1.0)
    assert len(stage.play("story")) == 3


def test_a_retry_of_a_failed_workflow_task_goes_on_where_it_was() -> None:
    broken = [True]

    async def story() -> int:
        value = await call(DOUBLE, 4)
        if broken:
            broken.clear()
            raise MisuseError("the program is wrong")
        return value

    stage = stage_of(story)
    assert stage.play("story") == 8
    assert stage.failed[0].failure.message
    assert "WORKFLOW_TASK_FAILED" in stage.names()
