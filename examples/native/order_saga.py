"""Orders as sagas: reserve, charge, ship; what was done is undone when a later step fails.

    python examples/native/order_saga.py [ORDERS.json]

Runs live in ./order-saga.db, the shop's own books in ./shop.sqlite. Kill it and start it again: it
goes on where it was. At the end the books must add up, or it exits with 1.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from polyrhythm import App, Permanent, Retry, TaskFailed, WorkflowFailed, task, wf

INPUT = Path(__file__).parent / "input" / "orders.json"
BOOKS = Path("shop.sqlite")
SHIPS_TO = ("DE", "FR", "JP")

app = App("order-saga")


@dataclass
class Order:
    id: str
    item: str
    count: int
    price: float
    card_limit: float
    country: str
    courier_failures: int = 0


@dataclass
class Parcel:
    tracking: str
    paid: float


@contextmanager
def books() -> Iterator[sqlite3.Connection]:
    """The shop's books, in one transaction."""
    db = sqlite3.connect(BOOKS, timeout=30)
    try:
        with db:
            db.execute("BEGIN IMMEDIATE")
            yield db
    finally:
        db.close()


def open_books(stock: dict[str, int]) -> None:
    with books() as db:
        db.execute("CREATE TABLE IF NOT EXISTS stock (item PRIMARY KEY, count)")
        db.execute("CREATE TABLE IF NOT EXISTS reserved (id PRIMARY KEY, item, count)")
        db.execute("CREATE TABLE IF NOT EXISTS paid (id PRIMARY KEY, amount)")
        db.execute("CREATE TABLE IF NOT EXISTS shipped (id PRIMARY KEY, tracking)")
        db.executemany("INSERT OR IGNORE INTO stock VALUES (?, ?)", stock.items())


@app.task
def reserve(order: Order) -> None:
    with books() as db:
        # A task runs at least once: the order's id makes a second time harmless.
        if db.execute("SELECT 1 FROM reserved WHERE id = ?", (order.id,)).fetchone():
            return
        (left,) = db.execute("SELECT count FROM stock WHERE item = ?", (order.item,)).fetchone()
        if left < order.count:
            raise Permanent(f"{order.count} of {order.item} wanted, {left} left", type="SoldOut")
        db.execute("UPDATE stock SET count = ? WHERE item = ?", (left - order.count, order.item))
        db.execute("INSERT INTO reserved VALUES (?, ?, ?)", (order.id, order.item, order.count))


@app.task
def release(order: Order) -> None:
    with books() as db:
        # An undo is registered before its step: it may find nothing to undo.
        if db.execute("DELETE FROM reserved WHERE id = ?", (order.id,)).rowcount:
            sql = "UPDATE stock SET count = count + ? WHERE item = ?"
            db.execute(sql, (order.count, order.item))


@app.task
def charge(order: Order) -> float:
    amount = order.count * order.price
    if amount > order.card_limit:
        raise Permanent(f"{amount:.2f} is over the card's limit", type="CardDeclined")
    with books() as db:
        db.execute("INSERT OR IGNORE INTO paid VALUES (?, ?)", (order.id, amount))
    return amount


@app.task
def refund(order: Order) -> None:
    with books() as db:
        db.execute("DELETE FROM paid WHERE id = ?", (order.id,))


@app.task(retry=Retry(initial="50ms", max_attempts=5), timeout="10s")
def ship(order: Order) -> str:
    if task.info().attempt <= order.courier_failures:
        raise ConnectionError("the courier does not answer")
    if order.country not in SHIPS_TO:
        raise Permanent(f"no parcels to {order.country}", type="NotServed")
    tracking = f"PX-{order.id}"
    with books() as db:
        db.execute("INSERT OR IGNORE INTO shipped VALUES (?, ?)", (order.id, tracking))
    return tracking


@app.workflow
async def sell(order: Order) -> Parcel:
    async with wf.saga() as undo:
        undo(release, order)
        await reserve(order)
        undo(refund, order)
        paid = await charge(order)
        tracking = await ship(order)
    return Parcel(tracking, paid)


def add_up(stock: dict[str, int], sold: list[Order]) -> bool:
    """Whether the books hold exactly what was sold."""
    left = dict(stock)
    for order in sold:
        left[order.item] -= order.count
    with books() as db:
        kept = dict(db.execute("SELECT item, count FROM stock"))
        paid = dict(db.execute("SELECT id, amount FROM paid"))
    return kept == left and paid == {one.id: one.count * one.price for one in sold}


def main(file: Path = INPUT) -> int:
    book = json.loads(file.read_text())
    orders = [Order(**one) for one in book["orders"]]
    open_books(book["stock"])
    sold = []
    with app:
        runs = [sell.options(id=order.id).start(order) for order in orders]
        for order, run in zip(orders, runs, strict=True):
            try:
                print(f"{order.id}  sold      {run.result().tracking}")
                sold.append(order)
            except WorkflowFailed as error:
                reason = error.cause.cause if isinstance(error.cause, TaskFailed) else error.cause
                print(f"{order.id}  undone    {reason}")
    fine = add_up(book["stock"], sold)
    print(f"{len(sold)} of {len(orders)} sold; the books {'add up' if fine else 'ARE WRONG'}")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
