"""A replay that is long is not stuck: each step has the time that code may hold a thread."""

from __future__ import annotations

import time

from temporalio.api.enums.v1 import EventType

from polyrhythm import App
from polyrhythm.sdk.worker.watch import Watch

STUCK_S = 0.15
STEP_S = 0.02
STEPS = 15


def hold(seconds: float) -> None:
    """Keep the thread at work."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_code_that_rests_now_and_then_is_left_alone() -> None:
    watch = Watch(STUCK_S)
    with watch.around("long replay") as activity:
        for _ in range(30):
            hold(STEP_S)
            watch.rest()
    assert not activity.interrupted
    assert activity.taken_s > 2 * STUCK_S
    with watch.around("stuck") as activity:
        hold(60)
    assert activity.interrupted
    watch.close()


def test_a_history_that_takes_long_to_replay_goes_on() -> None:
    app = App("long", durability="memory", cached_runs_max=0)
    app.plan.worker.stuck_s = STUCK_S

    @app.task
    async def add(number: int) -> int:
        return number + 1

    @app.workflow
    async def chain() -> int:
        number = 0
        for _ in range(STEPS):
            hold(STEP_S)
            number = await add(number)
        return number

    with app:
        run = chain.start()
        assert run.result(timeout="60s") == STEPS
        names = [event.event_type for event in run.history()]
        assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in names
