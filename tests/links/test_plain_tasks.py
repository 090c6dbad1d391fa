"""Plain tasks, started by themselves: in process, over gRPC, and at a Temporal service.

`POLYRHYTHM_TEMPORAL=host:port` runs the last two against a Temporal service that is up.
"""

import asyncio
import os
import threading
import uuid
from dataclasses import dataclass

import pytest

from poly_process import PolyProcess
from polyrhythm import (
    ActivityAlreadyStarted,
    App,
    Failure,
    IdConflict,
    IdReuse,
    MisuseError,
    NotFound,
    Permanent,
    Retry,
    TaskCancelled,
    TaskFailed,
    TaskStatus,
    TaskTimedOut,
    Terminated,
    task,
)
from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.sdk.retry import ByError

REAL = os.environ.get("POLYRHYTHM_TEMPORAL", "")


@dataclass
class Order:
    id: int


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    if REAL:
        yield REAL
        return
    with PolyProcess(tmp_path_factory.mktemp("plain")) as server:
        yield server.address


class Shop:
    """An application with a task of each behaviour."""

    def __init__(self, url: str | None, **settings) -> None:
        self.app = app = App(f"plain-{uuid.uuid4()}", url=url, **settings)
        self.tries = tries = []
        self.go = threading.Event()
        self.heard = threading.Event()

        @app.task(retry=Retry(initial=0.01, max_attempts=4))
        def charge(order: Order, times: int = 1) -> list[int]:
            tries.append(task.info().attempt)
            if order.id < 0:
                raise Permanent("no such card", {"order": order.id}, type="CardDeclined")
            if len(tries) < times:
                raise Failure("not yet")
            assert not task.info().workflow_id
            return [order.id] * times

        @app.task(heartbeat="5s", timeout="1m")
        def beat() -> str:
            task.heartbeat(3)
            while not task.wait_cancelled(0.02):
                task.heartbeat(4)
            self.heard.set()
            raise asyncio.CancelledError

        @app.task(timeout="1s", retry=1)
        def slow() -> None:
            self.go.wait(10)

        @app.task(retry=ByError({"Odd": Retry(initial=0.01, jitter=0.5)}, otherwise=Retry(1)))
        async def picky(number: int) -> int:
            if len(tries) < number:
                tries.append(1)
                raise Failure("odd", type="Odd")
            return number

        self.charge, self.beat, self.slow, self.picky = charge, beat, slow, picky


@pytest.fixture(params=["here", "poly", "temporal"])
def shop(request, address):
    url = None if request.param == "here" else f"{request.param}://{address}"
    settings = {"durability": "memory"} if url is None else {}
    shop = Shop(url, **settings)
    with shop.app:
        yield shop
        shop.go.set()


def test_a_task_by_itself_is_tried_until_it_has_a_typed_result(shop):
    run = shop.charge.options(summary="an order", details="of two").start(Order(7), times=3)
    assert run.result(timeout="30s") == [7, 7, 7]
    assert shop.tries == [1, 2, 3]
    described = run.describe()
    assert described.status is TaskStatus.COMPLETED
    assert (described.attempt, described.text, described.details) == (3, "an order", "of two")
    assert (described.summary.task, described.summary.task_id) == ("charge", run.task_id)
    assert shop.charge.execute(Order(1)) == [1]


def test_on_an_event_loop(shop):
    async def main() -> None:
        run = await shop.charge.aio.start(Order(2))
        assert await run.result() == [2]
        assert await shop.charge.aio.execute(Order(3)) == [3]

    shop.app.portal.run(main())


def test_what_a_task_raised_is_told(shop):
    run = shop.charge.start(Order(-1))
    with pytest.raises(TaskFailed) as caught:
        run.result(timeout="30s")
    assert (caught.value.task, caught.value.type) == ("charge", "CardDeclined")
    assert caught.value.cause.details == ({"order": -1},)
    assert run.describe().status is TaskStatus.FAILED


def test_the_caller_s_strategy_counts(shop):
    assert shop.picky.start(3).result(timeout="30s") == 3


def test_a_worker_hears_of_a_cancellation(shop):
    run = shop.beat.start()
    while run.describe().heartbeat != [3]:
        pass
    run.cancel("enough")
    with pytest.raises(TaskCancelled):
        run.result(timeout="30s")
    assert run.describe().cancel_reason == "enough"
    with pytest.raises(FailedPrecondition):
        run.cancel()


def test_a_terminated_task_tells_its_waiter_at_once(shop):
    run = shop.beat.start()
    run.terminate("enough")
    with pytest.raises(TaskFailed, match="enough") as caught:
        run.result(timeout="30s")
    assert isinstance(caught.value.cause, Terminated)


def test_a_task_that_takes_too_long(shop):
    with pytest.raises(TaskTimedOut):
        shop.slow.start().result(timeout="30s")


def test_an_id_is_a_task_s_own(shop):
    named = shop.beat.options(id=str(uuid.uuid4()))
    first = named.start()
    with pytest.raises(ActivityAlreadyStarted) as refused:
        named.start()
    assert refused.value.run_id == first.run_id
    assert named.options(id_conflict=IdConflict.JOIN).start().run_id == first.run_id
    with pytest.raises(MisuseError, match="join it"):
        named.options(id_conflict=IdConflict.TERMINATE).start()
    first.terminate()
    with pytest.raises(ActivityAlreadyStarted):
        named.options(id_reuse=IdReuse.REJECT).start()
    handle = shop.app.client.task_run(first.task_id)
    assert handle.describe().status is TaskStatus.TERMINATED
    handle.delete()
    while True:
        try:
            handle.describe()
        except NotFound:
            break


def test_lists_and_counts(shop):
    client, queue = shop.app.client, f"TaskQueue = '{shop.app.name}'"
    runs = [shop.charge.start(Order(n)) for n in range(3)]
    for run in runs:
        run.result(timeout="30s")
    while client.count_tasks(f"{queue} AND ExecutionStatus = 'Completed'") < 3:
        pass
    listed = list(client.list_tasks(f"{queue} AND ActivityType = 'charge'"))
    assert {one.task_id for one in listed} == {run.task_id for run in runs}
    assert {one.status for one in listed} == {TaskStatus.COMPLETED}
    assert len(list(client.list_tasks(queue, limit=2))) == 2


def test_a_task_waits_for_its_worker(address):
    shop = Shop(f"poly://{address}", works=False)
    with shop.app:
        run = shop.charge.options(delay="10ms").start(Order(4))
        with pytest.raises(TimeoutError, match="no worker has it"):
            run.result(timeout="50ms")
    other = App(shop.app.name, url=f"poly://{address}")

    @other.task
    def charge(order: Order, times: int = 1) -> list[int]:
        return [order.id]

    with other:
        handle = other.client.task_run(run.task_id, result=list[int])
        assert handle.result(timeout="30s") == [4]


def test_inside_a_workflow_a_task_is_called():
    app = App(f"plain-{uuid.uuid4()}", durability="memory")
    said = []

    @app.task
    async def one() -> int:
        return 1

    @app.workflow
    async def wrong() -> int:
        for act in (lambda: one.aio, one.options(id="x")):
            try:
                act()
            except MisuseError as error:
                said.append(str(error))
        return await one()

    with app:
        assert wrong.execute() == 1
    assert "makes it part of the run" in said[0]
    assert "does not have" in said[1]


def test_permits_hold_for_plain_tasks_too():
    app = App(f"plain-{uuid.uuid4()}", durability="memory")
    at_once, most = [], []

    @app.task(concurrency=2)
    async def careful() -> int:
        at_once.append(1)
        most.append(len(at_once))
        await asyncio.sleep(0)
        at_once.pop()
        return 1

    with app:
        runs = [careful.start() for _ in range(6)]
        assert sum(run.result(timeout="60s") for run in runs) == 6
    assert max(most) <= 2
