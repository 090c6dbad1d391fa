"""The outside world of the orders demo: a stock room, a payment provider, a mail gateway.

Owns one SQLite file that every worker process opens. Each operation is one transaction under an
idempotency key (the order and the step), so a step that runs twice takes effect once, and a step
that was undone stays undone even if a late twin of it still arrives. Every run of every step is
recorded in `runs`, with its attempt and result: that is what the audit adds up afterwards.

The world's bad manners (`faults`) are written down when the shop opens: a step may be unreachable
for its first n runs, lose its answer after taking effect, be refused for good, or leave a payment
pending until `settle`.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model import SALE_STEPS, Book, Fault, Order, Step

READ = "BEGIN"  # takes no lock before it needs one
BUSY_TIMEOUT_S = 20.0  # sixteen activity threads write to one file

SCHEMA = """
CREATE TABLE stock (sku TEXT PRIMARY KEY, at_start INTEGER NOT NULL, left INTEGER NOT NULL
                    CHECK (left >= 0));
CREATE TABLE orders (order_id TEXT PRIMARY KEY, state TEXT NOT NULL);
CREATE TABLE reserved (order_id TEXT, sku TEXT, quantity INTEGER NOT NULL,
                       PRIMARY KEY (order_id, sku));
CREATE TABLE payments (order_id TEXT PRIMARY KEY, cents INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE money (key TEXT PRIMARY KEY, order_id TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE TABLE mails (order_id TEXT PRIMARY KEY);
CREATE TABLE alerts (order_id TEXT PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE undone (order_id TEXT, step TEXT, PRIMARY KEY (order_id, step));
CREATE TABLE faults (order_id TEXT, step TEXT, kind TEXT NOT NULL, times INTEGER NOT NULL,
                     PRIMARY KEY (order_id, step));
CREATE TABLE runs (run_id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, step TEXT NOT NULL,
                   attempt INTEGER NOT NULL, began_at_s REAL NOT NULL, result TEXT);
CREATE INDEX runs_by_step ON runs (order_id, step);
"""


class Unreachable(Exception):
    """The other side cannot be reached, or its answer got lost: worth another try."""


class OutOfStock(Exception):
    """There is not enough of something: final."""


class CardRefused(Exception):
    """The payment provider says no: final."""


class MailRejected(Exception):
    """The customer's mailbox does not exist: final."""


class Undone(Exception):
    """The step was taken back before this run of it arrived: final."""


REFUSALS = {"refused": CardRefused, "rejected": MailRejected}


class Shop:
    """The shop behind one file; safe to use from many threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open_for_business(self, book: Book) -> None:
        """Create the file: stock as in the book, and the faults its orders will meet."""
        with self._transaction() as db:
            for statement in SCHEMA.split(";\n"):
                db.execute(statement)
            for sku, count in book.stock.items():
                db.execute("INSERT INTO stock VALUES (?, ?, ?)", (sku, count, count))
            for entry in book.entries:
                for fault in entry.faults:
                    row = (entry.order.id, fault.step, fault.kind, fault.times)
                    db.execute("INSERT INTO faults VALUES (?, ?, ?, ?)", row)

    def begin_run(self, order_id: str, step: Step, attempt: int) -> int:
        """Record that a step starts running and return the number of this run."""
        with self._transaction() as db:
            row = (order_id, step, attempt, time.time())
            sql = "INSERT INTO runs (order_id, step, attempt, began_at_s) VALUES (?, ?, ?, ?)"
            run_id = db.execute(sql, row).lastrowid
        assert run_id is not None
        return run_id

    def end_run(self, run_id: int, result: str) -> None:
        """Record how a run ended: `ok` or the name of the error."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET result = ? WHERE run_id = ?", (result, run_id))

    def fault(self, order_id: str, step: Step) -> Fault | None:
        """Return the fault this run meets, or None when the first `times` runs are over."""
        with self._transaction(READ) as db:
            sql = "SELECT kind, times FROM faults WHERE order_id = ? AND step = ?"
            row = db.execute(sql, (order_id, step)).fetchone()
            if row is None:
                return None
            sql = "SELECT count(*) FROM runs WHERE order_id = ? AND step = ?"
            (runs,) = db.execute(sql, (order_id, step)).fetchone()
        over = row[1] and runs > row[1]
        return None if over else Fault(step=step, kind=row[0], times=row[1])

    def create(self, order: Order) -> None:
        """Write the order down."""
        with self._forward(order.id, Step.CREATE) as db:
            db.execute("INSERT OR IGNORE INTO orders VALUES (?, 'accepted')", (order.id,))

    def reserve(self, order: Order) -> None:
        """Take all lines from the stock, or none of them and raise OutOfStock."""
        with self._forward(order.id, Step.RESERVE) as db:
            sql = "SELECT 1 FROM reserved WHERE order_id = ?"
            if db.execute(sql, (order.id,)).fetchone():
                return
            for line in order.lines:
                take = "UPDATE stock SET left = left - ? WHERE sku = ? AND left >= ?"
                if not db.execute(take, (line.quantity, line.sku, line.quantity)).rowcount:
                    raise OutOfStock(f"{line.quantity} x {line.sku} wanted")
                keep = "INSERT INTO reserved VALUES (?, ?, ?)"
                db.execute(keep, (order.id, line.sku, line.quantity))

    def pay(self, order: Order, pending: bool) -> str:
        """Charge the customer once; return `taken`, or `pending` when the money comes later."""
        with self._forward(order.id, Step.PAY) as db:
            sql = "INSERT OR IGNORE INTO payments VALUES (?, ?, 'pending')"
            db.execute(sql, (order.id, order.total_cents()))
            if not pending:
                _take_money(db, order.id)
            sql = "SELECT state FROM payments WHERE order_id = ?"
            (state,) = db.execute(sql, (order.id,)).fetchone()
        return str(state)

    def settle(self, order_id: str) -> bool:
        """Let a pending payment arrive; False when it is not (or no longer) pending."""
        with self._transaction() as db:
            sql = "SELECT 1 FROM payments WHERE order_id = ? AND state = 'pending'"
            if not db.execute(sql, (order_id,)).fetchone():
                return False
            _take_money(db, order_id)
            return True

    def notify(self, order: Order) -> None:
        """Send the confirmation mail."""
        with self._forward(order.id, Step.NOTIFY) as db:
            db.execute("INSERT OR IGNORE INTO mails VALUES (?)", (order.id,))

    def refund(self, order: Order) -> None:
        """Give back what was taken, void what is pending, and refuse what would still come."""
        with self._backward(order.id, Step.PAY) as db:
            sql = "SELECT cents, state FROM payments WHERE order_id = ?"
            row = db.execute(sql, (order.id,)).fetchone()
            if row and row[1] == "taken":
                values = (f"{order.id}/refund", order.id, -row[0])
                db.execute("INSERT OR IGNORE INTO money VALUES (?, ?, ?)", values)
            if row:
                state = "refunded" if row[1] in ("taken", "refunded") else "void"
                sql = "UPDATE payments SET state = ? WHERE order_id = ?"
                db.execute(sql, (state, order.id))

    def release(self, order: Order) -> None:
        """Put reserved lines back on the shelf."""
        with self._backward(order.id, Step.RESERVE) as db:
            sql = "SELECT sku, quantity FROM reserved WHERE order_id = ?"
            for sku, quantity in db.execute(sql, (order.id,)).fetchall():
                db.execute("UPDATE stock SET left = left + ? WHERE sku = ?", (quantity, sku))
            db.execute("DELETE FROM reserved WHERE order_id = ?", (order.id,))

    def cancel(self, order: Order) -> None:
        """Mark the order as cancelled."""
        with self._backward(order.id, Step.CREATE) as db:
            db.execute("INSERT OR REPLACE INTO orders VALUES (?, 'cancelled')", (order.id,))

    def alert(self, order: Order, reason: str) -> None:
        """Tell the people of the shop, once per order."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO alerts VALUES (?, ?)", (order.id, reason))

    def payment(self, order_id: str) -> str:
        """Return the state of an order's payment, or an empty string when there is none."""
        with self._transaction(READ) as db:
            sql = "SELECT state FROM payments WHERE order_id = ?"
            row = db.execute(sql, (order_id,)).fetchone()
        return row[0] if row else ""

    def stages(self) -> dict[str, str]:
        """Return how far each known order is: the step it is in, `waiting` or `done`."""
        with self._transaction(READ) as db:
            ran = db.execute("SELECT order_id, step, result FROM runs ORDER BY run_id").fetchall()
            sql = "SELECT order_id FROM payments WHERE state = 'pending'"
            pending = {order_id for (order_id,) in db.execute(sql)}
        stages = {order_id: _stage(Step(step), result) for order_id, step, result in ran}
        waiting = {o: "waiting" for o in pending if stages.get(o) == Step.NOTIFY}
        return {**stages, **waiting}

    def steps_done(self) -> int:
        """Return how many steps of sales have had their effect or were refused for good."""
        steps = ", ".join(f"'{step}'" for step in SALE_STEPS)
        sql = (
            "SELECT count(*) FROM (SELECT DISTINCT order_id, step FROM runs "
            f"WHERE step IN ({steps}) AND result IS NOT NULL AND result != 'Unreachable')"
        )
        with self._transaction(READ) as db:
            (count,) = db.execute(sql).fetchone()
        return int(count)

    @contextmanager
    def _forward(self, order_id: str, step: Step) -> Iterator[sqlite3.Connection]:
        with self._transaction() as db:
            sql = "SELECT 1 FROM undone WHERE order_id = ? AND step = ?"
            if db.execute(sql, (order_id, step)).fetchone():
                raise Undone(f"{step} of {order_id} was taken back")
            yield db

    @contextmanager
    def _backward(self, order_id: str, step: Step) -> Iterator[sqlite3.Connection]:
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO undone VALUES (?, ?)", (order_id, step))
            yield db

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            db.execute(begin)
            yield db
            db.execute("COMMIT")
        finally:
            db.close()  # an open transaction rolls back


def _take_money(db: sqlite3.Connection, order_id: str) -> None:
    sql = "INSERT OR IGNORE INTO money SELECT ?, order_id, cents FROM payments WHERE order_id = ?"
    db.execute(sql, (f"{order_id}/charge", order_id))
    db.execute("UPDATE payments SET state = 'taken' WHERE order_id = ?", (order_id,))


def _stage(step: Step, result: str | None) -> str:
    if step not in SALE_STEPS:
        return "undoing" if result is None or step is not Step.ALERT else "done"
    if result is None or result == "Unreachable":
        return step
    if result != "ok":
        return "done" if step is Step.NOTIFY else "undoing"
    place = SALE_STEPS.index(step) + 1
    return SALE_STEPS[place] if place < len(SALE_STEPS) else "done"
