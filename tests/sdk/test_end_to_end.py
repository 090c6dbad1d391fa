"""Whole applications in this process: declared, opened, run, opened again."""

import asyncio
import os
import threading
import time
from dataclasses import dataclass

import pytest

from polyrhythm.app.application import App
from polyrhythm.base.errors import NotFound
from polyrhythm.sdk import wf
from polyrhythm.sdk.errors import MisuseError, TaskFailed, WorkflowFailed
from polyrhythm.sdk.messages import Query, Signal, Update
from polyrhythm.sdk.retry import Retry
from polyrhythm.sdk.task import TASK


@dataclass
class Order:
    number: int
    total: float


APPROVED = Signal("approved", bool)
STATE = Query("state", str)


class Shop:
    """One application with a bit of everything, and what its tasks did."""

    def __init__(self, path, **settings) -> None:
        self.app = app = App("shop", url=str(path), **settings)
        self.charged: list[int] = []
        self.fail_first = 0
        self.entered = threading.Event()
        self.released = threading.Event()

        @app.task(retry=Retry(initial=0.01, max_attempts=3))
        def charge(order: Order) -> str:
            self.charged.append(TASK.info().attempt)
            if len(self.charged) <= self.fail_first:
                raise RuntimeError("the bank is away")
            return f"receipt {order.number}"

        @app.task
        async def notify(text: str) -> int:
            await asyncio.sleep(0)
            return len(text)

        @app.task(timeout="1m", heartbeat="1s")
        def wait_for_release(word: str) -> str:
            self.entered.set()
            while not self.released.wait(0.02):
                TASK.heartbeat(word)
            return word

        @app.workflow
        async def checkout(order: Order) -> str:
            receipt = await charge(order)
            await notify(receipt)
            return receipt

        @app.workflow
        async def approval(order: Order) -> str:
            answer = await APPROVED.next(timeout="30d")
            return "sent" if answer else "refused"

        @app.workflow
        async def hold(word: str) -> str:
            return await wait_for_release(word)

        @app.workflow
        async def local(order: Order) -> str:
            return await charge.local(order)

        @app.workflow
        async def many(count: int) -> int:
            return sum(await asyncio.gather(*[notify("x" * n) for n in range(count)]))

        self.charge, self.checkout, self.approval = charge, checkout, approval
        self.hold, self.local, self.many = hold, local, many


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.db"


def test_blocking_calls_through_a_loop_in_a_thread(path):
    shop = Shop(path)
    with shop.app:
        run = shop.checkout.options(id="order-7").start(Order(7, 9.5))
        assert run.result(timeout="20s") == "receipt 7"
        assert shop.app.client.count() == 1
        assert shop.app.client.run("order-7", result=str).result() == "receipt 7"
    assert sorted(os.listdir(path.parent)) == ["shop.db", "shop.db.lock"]


def test_calls_on_the_programs_own_loop(path):
    shop = Shop(path)

    async def main():
        async with shop.app:
            run = await shop.checkout.aio.start(Order(8, 1.0))
            assert await run.result() == "receipt 8"
            assert await shop.many.aio.execute(30) == sum(range(30))
            with pytest.raises(MisuseError, match=r"\.aio\.start"):
                shop.checkout.start(Order(8, 1.0))

    asyncio.run(main())


def test_a_task_is_tried_again_and_its_failure_arrives(path):
    shop = Shop(path)
    with shop.app:
        shop.fail_first = 2
        assert shop.checkout.execute(Order(1, 1.0)) == "receipt 1"
        assert shop.charged == [1, 2, 3]
        shop.fail_first = 99
        with pytest.raises(WorkflowFailed) as caught:
            shop.checkout.execute(Order(2, 1.0))
        assert isinstance(caught.value.cause, TaskFailed)
        assert "the bank is away" in str(caught.value.cause)


def test_a_local_task_with_retries(path):
    shop = Shop(path)
    with shop.app:
        shop.fail_first = 1
        run = shop.local.start(Order(3, 1.0))
        assert run.result(timeout="20s") == "receipt 3"
        assert shop.charged == [1, 2]
        markers = [e for e in run.history() if e.HasField("marker_recorded_event_attributes")]
        assert len(markers) == 1


def test_a_run_waits_over_a_restart_and_replays(path):
    shop = Shop(path)
    with shop.app:
        shop.approval.options(id="waits").start(Order(1, 1.0))
    again = Shop(path)
    with again.app:
        run = again.app.client.run("waits", result=str)
        run.send(APPROVED, True)
        assert run.result(timeout="20s") == "sent"
        with pytest.raises(NotFound):
            run.send(APPROVED, True)


def test_an_attempt_in_hand_is_finished_before_the_end(path):
    shop = Shop(path)
    with shop.app:
        run = shop.hold.options(id="held").start("done")
        assert shop.entered.wait(20)
        releasing = threading.Timer(0.1, shop.released.set)
        releasing.start()
    # The result was written by the process that was told to stop.
    with Shop(path).app as app:
        assert app.client.run("held", result=str).result(timeout="20s") == "done"
    assert run.workflow_id == "held"


def test_an_attempt_that_does_not_finish_is_told_to_stop(path):
    shop = Shop(path, stop=0.1)
    with shop.app:
        shop.hold.options(id="held").start("late")
        assert shop.entered.wait(20)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    # Its next heartbeat raised: the attempt failed and is made again elsewhere.
    again = Shop(path)
    again.released.set()
    with again.app:
        assert again.app.client.run("held", result=str).result(timeout="20s") == "late"


def test_cancelling_a_run_reaches_the_thread_of_its_task(path):
    shop = Shop(path)
    with shop.app:
        run = shop.hold.start("never")
        assert shop.entered.wait(20)
        run.cancel()
        with pytest.raises(Exception, match="cancel"):
            run.result(timeout="20s")


def test_evicted_code_is_replayed(path):
    shop = Shop(path, cached_runs_max=1)
    with shop.app:
        runs = [shop.approval.start(Order(n, 1.0)) for n in range(5)]
        for run in runs:
            run.send(APPROVED, False)
        assert [run.result(timeout="20s") for run in runs] == ["refused"] * 5


def test_a_class_with_messages(path):
    app = App("bank", url=str(path))

    @app.workflow
    class Account:
        def __init__(self) -> None:
            self.balance = 0
            self.open = True

        async def run(self) -> int:
            await wf.wait_for(lambda: not self.open)
            return self.balance

        @wf.signal
        def close(self) -> None:
            self.open = False

        @wf.query
        def state(self) -> int:
            return self.balance

        @wf.update
        async def deposit(self, amount: int) -> int:
            self.balance += amount
            return self.balance

        @deposit.validator
        def check(self, amount: int) -> None:
            if amount <= 0:
                raise ValueError("more than nothing")

    with app:
        run = Account.start()
        assert run.update("deposit", 5) == 5
        with pytest.raises(Exception, match="more than nothing"):
            run.update("deposit", 0)
        assert run.query("state") == 5
        run.send("close")
        assert run.result(timeout="20s") == 5


def test_an_update_of_a_function(path):
    app = App("updated", url=str(path))
    set_level = Update("set_level", int, int)

    @app.workflow
    async def dial() -> int:
        level = 0

        @set_level.handler
        def change(to: int) -> int:
            nonlocal level
            before, level = level, to
            return before

        await wf.wait_for(lambda: level > 9)
        return level

    with app:
        run = dial.start()
        assert run.update("set_level", 3) == 0
        assert run.update("set_level", 10) == 3
        assert run.result(timeout="20s") == 10


def test_a_signal_without_a_value_is_not_waited_for_by_its_value(path):
    app = App("bell", url=str(path))
    ring = Signal("ring")

    @app.workflow
    async def wait() -> str:
        try:
            await ring.next(timeout="1h")
        except MisuseError as error:
            advice = str(error)
        rung = await wf.wait_for(ring.pending, timeout="1h")
        await ring.next()
        return f"{rung} {ring.pending()} {advice}"

    with app:
        run = wait.start()
        run.send(ring)
        assert run.result(timeout="20s").startswith("True 0 Signal('ring') has no value: ")
