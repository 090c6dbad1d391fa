"""What an order is, and the order book the demo reads.

Owns the values that cross the wire (an `Order` is the workflow's input, a `Receipt` its result, a
`Status` the answer to its query) and the reader of `orders.json`. Imported inside the workflow
sandbox, so nothing here touches a clock, a socket or the disk except `load_book`, which only the
demo calls. Amounts are whole cents; times are seconds.
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

PAYMENT_DEADLINE_S = 120.0
FAULT_KINDS = ("unreachable", "answer_lost", "refused", "pending", "rejected")


class Step(StrEnum):
    """One thing that is done to an order; the last four undo or report."""

    CREATE = "create"
    RESERVE = "reserve"
    PAY = "pay"
    NOTIFY = "notify"
    REFUND = "refund"
    RELEASE = "release"
    CANCEL = "cancel"
    ALERT = "alert"


SALE_STEPS = (Step.CREATE, Step.RESERVE, Step.PAY, Step.NOTIFY)


@dataclass(slots=True)
class Line:
    """One position of an order."""

    sku: str
    quantity: int
    unit_cents: int


@dataclass(slots=True)
class Order:
    """What a customer asked for: the input of the workflow."""

    id: str
    customer: str
    lines: list[Line]
    payment_deadline_s: float = PAYMENT_DEADLINE_S

    def total_cents(self) -> int:
        """Return the price of all lines."""
        return sum(line.quantity * line.unit_cents for line in self.lines)


@dataclass(slots=True)
class Receipt:
    """The result of a sale that went through; `notified` is false when the mail was refused."""

    order_id: str
    cents: int
    paid_by: str
    notified: bool


@dataclass(slots=True)
class Status:
    """The answer to the workflow's `status` query."""

    stage: str
    payment: str
    undone: list[str]


@dataclass(slots=True)
class Fault:
    """How the world answers one step of one order: `times` first runs, or for ever when 0."""

    step: Step
    kind: str
    times: int = 0
    settles: bool = True
    webhooks: int = 1


@dataclass(slots=True)
class Entry:
    """One order of the book with the faults it meets and the outcome the book expects."""

    order: Order
    faults: list[Fault] = field(default_factory=list)
    expect: str = ""

    def late(self) -> Fault | None:
        """Return the fault that makes the payment pending, if there is one."""
        return next((f for f in self.faults if f.kind == "pending"), None)


@dataclass(slots=True)
class Book:
    """A whole order file: the stock at the start and the orders in the order of placing."""

    stock: dict[str, int]
    entries: list[Entry]


class BookError(Exception):
    """The order file cannot be used; the message names the place."""


def load_book(path: Path) -> Book:
    """Read and check an order file; raise BookError with the reason when it cannot be used."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        book = Book(
            stock={str(sku): int(n) for sku, n in raw["stock"].items()},
            entries=[_entry(item) for item in raw["orders"]],
        )
    except OSError as error:
        raise BookError(f"cannot read {path.name}: {error.strerror}") from error
    except KeyError as error:
        raise BookError(f"{path.name}: the field {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BookError(f"{path.name}: {error}") from error
    ids = [entry.order.id for entry in book.entries]
    if not ids:
        raise BookError(f"{path.name}: there is no order in it")
    if len(set(ids)) != len(ids):
        raise BookError(f"{path.name}: an order id appears twice")
    unknown = {line.sku for e in book.entries for line in e.order.lines} - book.stock.keys()
    if unknown:
        raise BookError(f"{path.name}: not in stock at all: {', '.join(sorted(unknown))}")
    return book


def _entry(item: dict[str, Any]) -> Entry:
    lines = [Line(x["sku"], int(x["quantity"]), int(x["unit_cents"])) for x in item["lines"]]
    if not lines or any(line.quantity < 1 or line.unit_cents < 0 for line in lines):
        raise ValueError(f"{item['id']}: an order needs lines with a quantity and a price")
    order = Order(
        id=str(item["id"]),
        customer=str(item["customer"]),
        lines=lines,
        payment_deadline_s=float(item.get("payment_deadline_s", PAYMENT_DEADLINE_S)),
    )
    faults = [Fault(**{**fault, "step": Step(fault["step"])}) for fault in item.get("faults", [])]
    for fault in faults:
        if fault.kind not in FAULT_KINDS:
            raise ValueError(f"{order.id}: unknown kind of fault {fault.kind!r}")
    return Entry(order=order, faults=faults, expect=str(item.get("expect", "")))
