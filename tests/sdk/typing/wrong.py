"""Wrong uses: each marked line, and no other one, is an error for both type checkers."""

from right import (
    APPROVE,
    REFUND,
    STATUS,
    Account,
    Order,
    Receipt,
    Refund,
    account,
    app,
    charge,
    checkout,
    reserve,
)

import polyrhythm
from polyrhythm import wf


@app.task(retry="often")  # wrong: a strategy or a number
def odd() -> None: ...


@app.workflow  # wrong: a workflow is a coroutine
def plain(order: Order) -> int:
    return order.id


def keep(*values: object) -> None:
    """Stands for whatever a program does with values."""


async def inside(order: Order) -> None:
    await charge("an id")  # wrong: the type of an argument
    await reserve(order, times=2)  # wrong: no such parameter
    keep(charge(order).amount)  # wrong: not awaited
    number: int = await charge(order)  # wrong: the type of the result
    await charge.options(timeut="1s")(order)  # wrong: no such option
    later: Refund = await REFUND.next(timeout="1d")  # wrong: None when the time is over

    @APPROVE.handler  # wrong: the handler takes something else
    async def approve(count: int) -> bool:
        return count > 0

    async with wf.saga() as undo:
        undo(charge, 7)  # wrong: the argument of the undo step
    child: int = await wf.child(checkout, order)  # wrong: the type of the result
    await wf.slep("5s")  # wrong: no such verb
    keep(number, later, child)
    keep(polyrhythm.Refused)  # wrong: there is no such name


def outside(order: Order) -> None:
    checkout.start()  # wrong: no argument
    run = checkout.options(id=7).start(order)  # wrong: an id is a text
    run.send(REFUND, "because")  # wrong: the type of the signal
    text: int = run.query(STATUS)  # wrong: the type of the answer
    receipt: Receipt = account.start(1).result()  # wrong: the type of the result
    account.start(1).update(Account.deposit, "five")  # wrong: the type of the update
    keep(text, receipt)


async def on_a_loop(order: Order) -> None:
    await checkout.start(order)  # wrong: that is the blocking start
    checkout.aio.start(order).result()  # wrong: not awaited
