"""The stage: time that jumps, tasks that are replaced, fail or vanish, commits that crash."""

import asyncio
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from polyrhythm.app.application import App
from polyrhythm.sdk import wf
from polyrhythm.sdk.errors import MisuseError, Permanent, TaskTimedOut, WorkflowFailed
from polyrhythm.sdk.messages import Signal
from polyrhythm.sdk.retry import Retry
from polyrhythm.testing import Stage
from tidy.source import ROOT

START = datetime(2024, 2, 28, 12, tzinfo=UTC)
MONTH_S = 0.05


@dataclass
class Order:
    number: int


@dataclass
class Receipt:
    text: str


APPROVED = Signal("approved", bool)


class Shop:
    """One application, and how often its tasks ran."""

    def __init__(self) -> None:
        self.app = app = App("shop")
        self.ran: Counter[str] = Counter()
        self.released = asyncio.Event()

        @app.task(retry=Retry(initial="1m", max_attempts=4), timeout="30s")
        async def charge(order: Order) -> Receipt:
            self.ran["charge"] += 1
            return Receipt(f"paid {order.number}")

        @app.task(timeout="1h", heartbeat="30s", retry=1)
        async def stall() -> str:
            self.ran["stall"] += 1
            await self.released.wait()
            return "released"

        @app.task
        def blocking(number: int) -> int:
            self.ran["blocking"] += 1
            return number + 1

        @app.workflow
        async def wait_a_month() -> str:
            await wf.sleep("30d")
            return wf.now().isoformat()

        @app.workflow
        async def pay(order: Order) -> str:
            return (await charge(order)).text

        @app.workflow
        async def approve() -> str:
            if not await wf.wait_for(APPROVED.pending, timeout="7d"):
                return "nobody answered"
            return "yes" if await APPROVED.next() else "no"

        @app.workflow
        async def family(count: int) -> list[str]:
            children = [wf.child(wait_a_month) for _ in range(count)]
            return list(await asyncio.gather(*children))

        @app.workflow
        async def stalled() -> str:
            return await stall()

        @app.workflow
        async def steps(count: int) -> int:
            total = 0
            for _ in range(count):
                total = await blocking(total)
                await wf.sleep("1h")
            return total

        self.charge, self.stall, self.blocking = charge, stall, blocking
        self.wait_a_month, self.pay, self.approve = wait_a_month, pay, approve
        self.family, self.stalled, self.steps = family, stalled, steps


@pytest.fixture
def shop():
    return Shop()


def test_a_month_takes_no_time(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.wait_a_month.aio.start()
            began_s = time.perf_counter()
            assert await run.result() == (START + timedelta(days=30)).isoformat()
            taken_s = time.perf_counter() - began_s
            assert stage.now() == START + timedelta(days=30)
            return taken_s

    assert asyncio.run(play()) < MONTH_S


def test_the_clock_stands_while_nobody_waits(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.approve.aio.start()
            for _ in range(100):
                await asyncio.sleep(0)
            assert stage.now() == START
            await run.send(APPROVED, True)
            assert await run.result() == "yes"
            assert stage.now() == START
            assert await (await shop.approve.aio.start()).result() == "nobody answered"
            assert stage.now() == START + timedelta(days=7)

    asyncio.run(play())


def test_a_signal_in_the_middle_of_a_wait(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.approve.aio.start()
            await stage.advance("3d")
            assert stage.now() == START + timedelta(days=3)
            await run.send(APPROVED, False)
            assert await run.result() == "no"
            assert stage.now() == START + timedelta(days=3)

    asyncio.run(play())


def test_advance_meets_all_that_is_due(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.steps.aio.start(10)
            await stage.advance("2h30m")
            assert shop.ran["blocking"] == 3
            await stage.advance(8 * 3600)
            assert await run.result() == 10

    asyncio.run(play())


def test_retries_follow_the_clock(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            stage.fail(shop.charge, times=2)
            run = await shop.pay.aio.start(Order(7))
            assert await run.result() == "paid 7"
            assert shop.ran["charge"] == 1
            assert stage.now() == START + timedelta(minutes=1 + 2)

    asyncio.run(play())


def test_failures_that_are_final(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            stage.fail(shop.charge, error=Permanent("no such card"))
            with pytest.raises(WorkflowFailed, match="no such card"):
                await (await shop.pay.aio.start(Order(7))).result()
            stage.fail_at(shop.charge, 2, error=Permanent("gone"))
            stage.fail_at(shop.charge, 1)
            with pytest.raises(WorkflowFailed, match="gone"):
                await (await shop.pay.aio.start(Order(8))).result()
            assert shop.ran["charge"] == 0

    asyncio.run(play())


def test_stubs_and_their_end(shop):
    async def play():
        async with Stage(shop.app) as stage:
            stage.stub(shop.charge, lambda order: Receipt(f"stub {order.number}"))
            assert await (await shop.pay.aio.start(Order(1))).result() == "stub 1"

            async def later(order: Order) -> Receipt:
                await asyncio.sleep(0)
                return Receipt("later")

            stage.stub(shop.charge, later)
            stage.fail(shop.charge)
            assert await (await shop.pay.aio.start(Order(2))).result() == "later"
        assert shop.ran["charge"] == 0
        async with Stage(shop.app):
            assert await (await shop.pay.aio.start(Order(3))).result() == "paid 3"

    asyncio.run(play())


def test_a_lost_attempt_is_tried_again_after_its_timeout(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            stage.lose(shop.charge)
            assert await (await shop.pay.aio.start(Order(1))).result() == "paid 1"
            assert stage.now() == START + timedelta(seconds=30 + 60, milliseconds=100)

    asyncio.run(play())


def test_children_wait_side_by_side(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.family.aio.start(5)
            assert await run.result() == [(START + timedelta(days=30)).isoformat()] * 5
            assert stage.now() == START + timedelta(days=30)

    asyncio.run(play())


def test_a_task_at_work_holds_the_clock(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.stalled.aio.start()
            result = asyncio.ensure_future(run.result())
            asyncio.get_running_loop().call_later(0.03, shop.released.set)
            assert await result == "released"
            assert stage.now() == START

    asyncio.run(play())


def test_a_heartbeat_that_does_not_come(shop):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            run = await shop.stalled.aio.start()
            while not shop.ran["stall"]:
                await asyncio.sleep(0)
            await stage.advance("31s", waits=False)
            shop.released.set()
            with pytest.raises(WorkflowFailed) as caught:
                await run.result()
            assert isinstance(caught.value.__cause__, TaskTimedOut)

    asyncio.run(play())


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("commit", range(1, 9))
def test_a_crash_at_any_commit_doubles_no_result(shop, after, commit):
    async def play():
        async with Stage(shop.app, at=START) as stage:
            (stage.crash_after_commit if after else stage.crash_before_commit)(commit)
            run = await shop.steps.aio.start(2)
            assert await run.result() == 2

    asyncio.run(play())


def test_blocking(shop):
    with Stage(shop.app, at=START) as stage:
        run = shop.approve.start()
        stage.advance("1d")
        assert stage.now() == START + timedelta(days=1)
        run.send(APPROVED, True)
        assert run.result() == "yes"
        stage.fail(shop.charge)
        assert shop.pay.start(Order(4)).result() == "paid 4"
        assert stage.now() == START + timedelta(days=1, minutes=1)
    assert shop.app.plan.home.file.endswith("shop.db")


def test_every_step_replays(shop):
    async def play():
        async with Stage(shop.app, at=START, replays=True):
            assert await (await shop.steps.aio.start(5)).result() == 5

    asyncio.run(play())


def test_misuse(shop):
    with pytest.raises(MisuseError, match="zone"):
        Stage(shop.app, at=datetime(2024, 1, 1))  # noqa: DTZ001
    with pytest.raises(MisuseError, match="not open"):
        Stage(shop.app).now()
    with pytest.raises(MisuseError, match="at least 1"):
        Stage(shop.app).fail(shop.charge, times=0)


PLUGGED = """
from polyrhythm import App, wf

app = App("plugged")

@app.workflow
async def wait() -> str:
    await wf.sleep("1d")
    return "waited"

def test_wait(polyrhythm_stage):
    stage = polyrhythm_stage(app)
    before = stage.now()
    assert wait.execute() == "waited"
    assert (stage.now() - before).days == 1
"""


def test_the_plugin(tmp_path):
    (tmp_path / "test_plugged.py").write_text(PLUGGED)
    words = ["-q", "-p", "polyrhythm.testing.pytest_plugin", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", *words, str(tmp_path)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_is_found_and_costs_nothing():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    place = project["project"]["entry-points"]["pytest11"]["polyrhythm"]
    code = (
        f"import {place}, sys; print(sorted(m for m in sys.modules if m.startswith('polyrhythm.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["polyrhythm.testing", place])
