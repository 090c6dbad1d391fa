"""More tasks and children than a service lets be open at once: they wait for a place, in order."""

from __future__ import annotations

import asyncio

import pytest

from polyrhythm import App, wf
from polyrhythm.sdk.loop import window
from polyrhythm.testing import Stage

OPENS = {10: "scheduled", 29: "initiated"}
ENDS = {12, 13, 14, 16, 30, 31, 32, 33, 34, 35}


@pytest.fixture(params=[False, True], ids=["live", "replayed"])
def replays(request, monkeypatch):
    monkeypatch.setattr(window, "OPEN_MAX", 3)
    return request.param


def most_open(run) -> int:
    """How many tasks or children were open at once, by the run's history."""
    opened = most = 0
    for event in run.history().events:
        opened += (event.event_type in OPENS) - (event.event_type in ENDS)
        most = max(most, opened)
    return most


def test_tasks_wait_for_a_place_in_order(replays):
    app, seen = App("wide"), []

    @app.task
    async def one(number: int) -> int:
        seen.append(number)
        return number

    @app.workflow
    async def fan(count: int) -> list[int]:
        return await asyncio.gather(*[one(number) for number in range(count)])

    with Stage(app, replays=replays):
        run = fan.start(10)
        assert run.result() == list(range(10))
        assert most_open(run) == 3
    assert seen == list(range(10))


def test_children_wait_for_a_place(replays):
    app = App("wide")

    @app.workflow
    async def child(number: int) -> int:
        await wf.sleep("1m")
        return number

    @app.workflow
    async def fan(count: int) -> int:
        return sum(await asyncio.gather(*[wf.child(child, number) for number in range(count)]))

    with Stage(app, replays=replays):
        run = fan.start(8)
        assert run.result() == sum(range(8))
        assert most_open(run) == 3


def test_who_is_cancelled_while_it_waits_never_leaves(replays):
    app, seen = App("wide"), []

    @app.task
    async def one(number: int) -> int:
        seen.append(number)
        if number == 2:
            raise ValueError("two is wrong")
        return number

    @app.workflow
    async def fan() -> int:
        waiting = [asyncio.ensure_future(one.options(retry=1)(n)) for n in range(9)]
        # The last of those that have a place, one that waits, and the last of all.
        for number in (1, 4, 8):
            waiting[number].cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        return sum(one for one in done if isinstance(one, int))

    with Stage(app, replays=replays):
        run = fan.start()
        assert run.result() == 0 + 3 + 5 + 6 + 7
        assert most_open(run) == 3
    assert sorted(seen) == [0, 2, 3, 5, 6, 7]


def test_a_fan_out_wider_than_the_service_allows():
    app = App("wide", durability="memory")

    @app.task
    async def one(number: int) -> int:
        return number

    @app.workflow
    async def fan(count: int) -> int:
        return sum(await asyncio.gather(*[one(number) for number in range(count)]))

    with app:
        run = fan.start(2500)
        assert run.result(timeout=60) == sum(range(2500))
        assert most_open(run) == window.OPEN_MAX
