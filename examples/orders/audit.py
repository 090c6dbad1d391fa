"""Adds up what is left when all orders are through.

Reads the shop's file with its own queries and the runs' histories as the server tells them; shares
no code with the activities or the saga. Every finding is one sentence that names the order. What is
checked: stock and money balance; a completed order was charged once; an order that failed for good
is fully undone and has one alert; nothing is stuck; no attempt of a step was handed out twice; and
every result the server recorded belongs to a run the shop saw.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from model import Book, Entry, Step
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

STEP_OF_ACTIVITY = {
    "create_order": Step.CREATE,
    "reserve_stock": Step.RESERVE,
    "pay": Step.PAY,
    "notify": Step.NOTIFY,
    "refund": Step.REFUND,
    "release_stock": Step.RELEASE,
    "cancel_order": Step.CANCEL,
    "alert": Step.ALERT,
}
LAST_EVENT = {
    "completed": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    "failed": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
}


@dataclass(slots=True)
class Outcome:
    """How an order ended for its client: `completed`, `failed` or `stuck`."""

    order_id: str
    outcome: str = "stuck"
    reason: str = ""
    notified: bool = False


@dataclass(slots=True)
class Audit:
    """Facts to print and findings that make the demo fail."""

    facts: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def expect(self, holds: bool, finding: str) -> None:
        """Keep the finding unless it holds."""
        if not holds:
            self.findings.append(finding)


def audit(
    book: Book, shop_file: Path, outcomes: list[Outcome], histories: dict[str, WorkflowHistory]
) -> Audit:
    """Check everything and return facts and findings."""
    result = Audit()
    db = sqlite3.connect(f"{shop_file.as_uri()}?mode=ro", uri=True)
    try:
        by_id = {entry.order.id: entry for entry in book.entries}
        stuck = [outcome for outcome in outcomes if outcome.outcome == "stuck"]
        if stuck:  # sums mean nothing while orders are on their way
            result.findings = [f"{o.order_id} is stuck: {o.reason}" for o in stuck]
            return result
        for outcome in outcomes:
            _check_order(result, db, by_id[outcome.order_id], outcome)
        sold = [by_id[o.order_id] for o in outcomes if o.outcome == "completed"]
        _check_stock(result, db, sold)
        _check_money(result, db, sold)
        _check_runs(result, db, outcomes, histories)
    finally:
        db.close()
    return result


def step_counts(shop_file: Path) -> dict[str, Counter[str]]:
    """Return how often each step of each order ran."""
    db = sqlite3.connect(f"{shop_file.as_uri()}?mode=ro", uri=True)
    counts: dict[str, Counter[str]] = {}
    try:
        for order_id, step in db.execute("SELECT order_id, step FROM runs"):
            counts.setdefault(order_id, Counter())[step] += 1
    finally:
        db.close()
    return counts


def alerts(shop_file: Path) -> dict[str, str]:
    """Return the reason of each alert by order."""
    db = sqlite3.connect(f"{shop_file.as_uri()}?mode=ro", uri=True)
    try:
        return dict(db.execute("SELECT order_id, reason FROM alerts").fetchall())
    finally:
        db.close()


def _check_order(result: Audit, db: sqlite3.Connection, entry: Entry, outcome: Outcome) -> None:
    name, order = outcome.order_id, entry.order
    wanted = entry.expect or outcome.outcome
    result.expect(outcome.outcome == wanted, f"{name} {outcome.outcome}, expected: {wanted}")
    charges = _numbers(db, "SELECT cents FROM money WHERE order_id = ? AND cents > 0", name)
    returns = _numbers(db, "SELECT -cents FROM money WHERE order_id = ? AND cents < 0", name)
    held = sum(_numbers(db, "SELECT quantity FROM reserved WHERE order_id = ?", name))
    alerted = len(_numbers(db, "SELECT 1 FROM alerts WHERE order_id = ?", name))
    mails = len(_numbers(db, "SELECT 1 FROM mails WHERE order_id = ?", name))
    cancelled = _numbers(
        db, "SELECT 1 FROM orders WHERE order_id = ? AND state = 'cancelled'", name
    )
    if outcome.outcome == "completed":
        total = order.total_cents()
        result.expect(charges == [total], f"{name} was charged {charges}, not once {total}")
        result.expect(not returns, f"{name} is sold and was refunded {returns}")
        wanted_units = sum(line.quantity for line in order.lines)
        result.expect(held == wanted_units, f"{name} holds {held} units, not {wanted_units}")
        result.expect(alerted == 0, f"{name} is sold and raised an alert")
        result.expect(not cancelled, f"{name} is sold and cancelled")
        result.expect(mails == outcome.notified, f"{name} has {mails} mails")
    if outcome.outcome == "failed":
        result.expect(charges == returns, f"{name} failed, took {charges}, returned {returns}")
        result.expect(held == 0, f"{name} failed and still holds {held} units")
        result.expect(alerted == 1, f"{name} failed and has {alerted} alerts, not one")
        result.expect(bool(cancelled), f"{name} failed and is not cancelled")


def _check_stock(result: Audit, db: sqlite3.Connection, sold: list[Entry]) -> None:
    units: Counter[str] = Counter()
    for entry in sold:
        for line in entry.order.lines:
            units[line.sku] += line.quantity
    start = left = 0
    for sku, at_start, now in db.execute("SELECT sku, at_start, left FROM stock"):
        start, left = start + at_start, left + now
        finding = f"stock of {sku}: {at_start} at start, {now} left, {units[sku]} sold"
        result.expect(at_start == now + units[sku], finding)
    result.facts.append(f"stock     {start} at start = {left} left + {units.total()} sold")


def _check_money(result: Audit, db: sqlite3.Connection, sold: list[Entry]) -> None:
    taken = sum(_numbers(db, "SELECT cents FROM money WHERE cents > 0"))
    returned = sum(_numbers(db, "SELECT -cents FROM money WHERE cents < 0"))
    worth = sum(entry.order.total_cents() for entry in sold)
    fact = f"{_euros(taken)} taken - {_euros(returned)} refunded = {_euros(worth)} sold"
    result.expect(taken - returned == worth, f"payments do not add up: {fact}")
    result.facts.append(f"payments  {fact}")


def _check_runs(
    result: Audit,
    db: sqlite3.Connection,
    outcomes: list[Outcome],
    histories: dict[str, WorkflowHistory],
) -> None:
    runs: Counter[tuple[str, str, int]] = Counter()
    good: set[tuple[str, str, int]] = set()
    for order_id, step, attempt, end in db.execute(
        "SELECT order_id, step, attempt, result FROM runs"
    ):
        runs[(order_id, step, attempt)] += 1
        if end == "ok":
            good.add((order_id, step, attempt))
    for (order_id, step, attempt), times in runs.items():
        finding = f"{order_id}: attempt {attempt} of {step} was handed out {times} times"
        result.expect(times == 1, finding)
    for outcome in outcomes:
        _check_history(result, outcome, histories[outcome.order_id], good)
    again = sum(1 for _, _, attempt in runs if attempt > 1)
    result.facts.append(f"steps     {runs.total()} runs, {again} of them second or later attempts")


def _check_history(
    result: Audit, outcome: Outcome, history: WorkflowHistory, good: set[tuple[str, str, int]]
) -> None:
    name, events = outcome.order_id, history.events
    numbers = [event.event_id for event in events]
    result.expect(numbers == list(range(1, len(events) + 1)), f"{name}: history has gaps")
    last = LAST_EVENT[outcome.outcome]
    result.expect(events[-1].event_type == last, f"{name}: wrong last event")
    by_number = {event.event_id: event for event in events}
    for event in events:
        if event.event_type != EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            continue
        ended = event.activity_task_completed_event_attributes
        planned = by_number[ended.scheduled_event_id].activity_task_scheduled_event_attributes
        begun = by_number[ended.started_event_id].activity_task_started_event_attributes
        step = STEP_OF_ACTIVITY[planned.activity_type.name]
        finding = f"{name}: the shop knows no good run of {step}, attempt {begun.attempt}"
        result.expect((name, step, begun.attempt) in good, finding)


def _numbers(db: sqlite3.Connection, sql: str, *values: str) -> list[int]:
    return [number for (number,) in db.execute(sql, values)]


def _euros(cents: int) -> str:
    return f"{cents / 100:,.2f}"
