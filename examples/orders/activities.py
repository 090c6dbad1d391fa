"""The steps of an order, as activities of the official SDK.

Each one records its run in the shop, takes a moment (as a call over a network would), meets the
fault the order book foresees, and does its work under an idempotency key. Activities know nothing
of retries or of each other: policies belong to the workflow. Errors travel by the name of their
class; the workflow lists the names that are not worth another try.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from model import Fault, Order, Step
from shop import REFUSALS, Shop, Unreachable
from temporalio import activity

STEP_S_MIN, STEP_S_MAX = 0.15, 0.6  # a step's time: long enough that the kill meets all stages


class OrderActivities:
    """The activities of one worker process over one shop."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self._shop = shop
        self._seed = seed

    def all(self) -> list[Callable[..., Any]]:
        """Return what a worker registers."""
        sale = [self.create_order, self.reserve_stock, self.pay, self.notify]
        return [*sale, self.refund, self.release_stock, self.cancel_order, self.alert]

    @activity.defn
    def create_order(self, order: Order) -> None:
        """Write the order down."""
        with self._run(order, Step.CREATE):
            self._shop.create(order)

    @activity.defn
    def reserve_stock(self, order: Order) -> None:
        """Reserve every line, or nothing."""
        with self._run(order, Step.RESERVE):
            self._shop.reserve(order)

    @activity.defn
    def pay(self, order: Order) -> str:
        """Charge the customer; return `taken` or `pending`."""
        with self._run(order, Step.PAY) as fault:
            return self._shop.pay(order, pending=fault is not None and fault.kind == "pending")

    @activity.defn
    def notify(self, order: Order) -> None:
        """Send the confirmation mail."""
        with self._run(order, Step.NOTIFY):
            self._shop.notify(order)

    @activity.defn
    def refund(self, order: Order) -> None:
        """Undo `pay`, whatever it came to."""
        with self._run(order, Step.REFUND):
            self._shop.refund(order)

    @activity.defn
    def release_stock(self, order: Order) -> None:
        """Undo `reserve_stock`."""
        with self._run(order, Step.RELEASE):
            self._shop.release(order)

    @activity.defn
    def cancel_order(self, order: Order) -> None:
        """Undo `create_order`."""
        with self._run(order, Step.CANCEL):
            self._shop.cancel(order)

    @activity.defn
    def alert(self, order: Order, reason: str) -> None:
        """Raise the alert of an order that failed for good."""
        with self._run(order, Step.ALERT):
            self._shop.alert(order, reason)

    @contextmanager
    def _run(self, order: Order, step: Step) -> Iterator[Fault | None]:
        attempt = activity.info().attempt
        run_id = self._shop.begin_run(order.id, step, attempt)
        pace = random.Random(f"{self._seed}/{order.id}/{step}/{attempt}")
        time.sleep(pace.uniform(STEP_S_MIN, STEP_S_MAX))
        try:
            fault = self._shop.fault(order.id, step)
            if fault is not None:
                _refuse(fault)
            yield fault
            if fault is not None and fault.kind == "answer_lost":
                raise Unreachable("the answer was lost")
        except Exception as error:
            self._shop.end_run(run_id, type(error).__name__)
            raise
        self._shop.end_run(run_id, "ok")


def _refuse(fault: Fault) -> None:
    if fault.kind == "unreachable":
        raise Unreachable(f"no connection for {fault.step}")
    if fault.kind in REFUSALS:
        raise REFUSALS[fault.kind](f"{fault.step} was {fault.kind}")
