"""Stories of workflows on the engine; each is replayed from scratch after every workflow task."""

from __future__ import annotations

from typing import Any

from sdk.loop.coding import SLEEP, call, ctx, task_of, workflow_of
from sdk.loop.stage import Stage


def test_one_task_a_timer_and_a_signal() -> None:
    double = task_of(lambda_named("double", lambda x: 2 * x))

    async def story(start: int) -> list[Any]:
        first = await call(double, start)
        await ctx().start_timer(30.0)
        (word,) = await ctx().next_signal("word", double.signature)
        await SLEEP(5)
        return [first, await call(double, first), word]

    stage = Stage(workflow_of(story, 1))
    stage.tasks["double"] = double
    stage.start("story", 4)
    stage.run()
    stage.signal("word", "hello")
    stage.run()
    assert stage.result() == [8, 16, "hello"]
    assert stage.names().count("TIMER_FIRED") == 2
    assert stage.replays == 6


def lambda_named(name: str, function: Any) -> Any:
    function.__name__ = name
    return function
