"""What users write, as the README shows it; type checkers accept every line."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import assert_type

from polyrhythm import (
    App,
    ByError,
    Fixed,
    Query,
    Retry,
    Run,
    Signal,
    Task,
    TaskFailed,
    Update,
    task,
    wf,
)
from polyrhythm.sdk.client.run import Run as AsyncRun

app = App("types", durability="memory")


@dataclass
class Order:
    id: int


@dataclass
class Receipt:
    amount: float


@dataclass
class Refund:
    reason: str


@app.task(retry=Retry(max_attempts=5, initial="1s"), timeout="10s", rate="100/m", concurrency=8)
def charge(order: Order) -> Receipt:
    return Receipt(float(order.id))


@app.task
async def reserve(order: Order, count: int = 1) -> list[str]:
    return [str(order.id)] * count


@app.task(retry=ByError({ConnectionError: Fixed("5s"), ValueError: None}), process=True)
def crunch(numbers: list[int]) -> int:
    return sum(numbers)


REFUND = Signal("refund", Refund)
STOP = Signal("stop")
STATUS = Query("status", str)
APPROVE = Update("approve", Refund, bool)


@app.workflow
async def checkout(order: Order) -> Receipt:
    state = "new"
    STATUS.handler(lambda: state)

    @APPROVE.handler
    async def approve(refund: Refund) -> bool:
        return bool(refund.reason)

    assert_type(await reserve(order), list[str])
    assert_type(await reserve(order, count=2), list[str])
    receipt = await charge(order)
    assert_type(receipt, Receipt)
    both: list[Awaitable[Receipt]] = [charge(order), charge.options(timeout="1m", retry=3)(order)]
    for one in both:
        assert_type(await one, Receipt)
    assert_type(await crunch.local([1, 2]), int)
    refund = await REFUND.next(timeout="30d")
    assert_type(refund, Refund | None)
    assert_type(await REFUND.next(), Refund)
    assert_type(await REFUND.receive(), Refund)
    async for value in REFUND:
        assert_type(value, Refund)
    return receipt


@app.task(heartbeat="30s")
async def release(order: Order) -> None:
    task.heartbeat(order.id)
    assert_type(task.last_heartbeat(int), int | None)


@app.task
async def refund_money(order: Order) -> None: ...


@app.task
async def notify(order: Order) -> None: ...


@app.workflow
async def sell(order: Order) -> Receipt:
    async with wf.saga() as undo:
        undo(release, order)
        await reserve(order)
        undo(refund_money, order)
        receipt = await charge(order)
    await notify(order)
    if await REFUND.next(timeout="30d") is not None:
        await refund_money(order)
    other = await wf.child(checkout.options(id="other"), order)
    assert_type(other, Receipt)
    await wf.sleep("5s")
    return receipt


class Account:
    def __init__(self) -> None:
        self.balance = 0

    async def run(self, opening: int) -> int:
        self.balance = opening
        await self.deposit(5)
        return self.balance

    @wf.signal
    def close(self) -> None:
        """End it."""

    @wf.query
    def now(self) -> int:
        return self.balance

    @wf.update
    async def deposit(self, amount: int, note: str = "") -> int:
        self.balance += amount
        return self.balance

    @deposit.validator
    def check(self, amount: int, note: str = "") -> None:
        assert amount > 0


account = app.workflow(Account)


def blocking(order: Order) -> None:
    run = checkout.options(id=f"order-{order.id}", signal=REFUND.of(Refund("x"))).start(order)
    assert_type(run, Run[Receipt])
    assert_type(run.result(timeout="5s"), Receipt)
    run.send(REFUND, Refund("late"))
    run.send(STOP)
    run.send("refund", Refund("by name"), 1)
    assert_type(run.query(STATUS), str)
    assert_type(run.update(APPROVE, Refund("x")), bool)
    handle = run.start_update(APPROVE, Refund("x"))
    assert_type(handle.result(), bool)
    one = account.start(100)
    assert_type(one.query(Account.now), int)
    assert_type(one.update(Account.deposit, 5, note="hi"), int)
    one.send(Account.close)
    with_update = account.options(id="a").start_update(Account.deposit.of(5), 100)
    assert_type(with_update.result(), int)
    assert_type(charge.fn(order), Receipt)


async def on_a_loop(order: Order) -> None:
    run = await checkout.aio.start(order)
    assert_type(run, AsyncRun[Receipt])
    assert_type(await run.result(), Receipt)
    assert_type(await run.update(APPROVE, Refund("x")), bool)
    assert_type(await checkout.aio.execute(order), Receipt)
    assert_type(await reserve.fn(order), list[str])


def takes_any_task(task: Task[[Order], Receipt]) -> None:
    """A task can be annotated without the third parameter."""


takes_any_task(charge)


def classify(error: TaskFailed) -> str:
    return error.type


totals = app.projection("totals", of=checkout, initial=dict[str, int])
counts = app.projection("counts", initial=0)


def read_models() -> None:
    assert_type(totals.read(), dict[str, int])
    assert_type(counts.read(fresh=True), int)
