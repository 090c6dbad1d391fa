"""The order saga: create the order, reserve stock, pay, notify, with compensation.

A step's undo is put on the list before the step runs, because a step whose answer got lost may
still have happened; undoing what never happened is harmless. When a step fails for good, the list
runs backwards, one alert is raised, and the run itself fails, so that it can be found. A mail that
cannot be delivered does not undo a sale.

A payment that is pending is waited for durably: for the signal `payment_settled` or the deadline of
the order, whichever comes first. Waiting costs nothing and survives the server.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities import OrderActivities
    from model import Order, Receipt, Status, Step

STEP_TIMEOUT = timedelta(seconds=5)
FINAL_ERRORS = ["OutOfStock", "CardRefused", "MailRejected", "Undone"]

FIXED = RetryPolicy(
    initial_interval=timedelta(milliseconds=300),
    backoff_coefficient=1.0,
    maximum_attempts=5,
    non_retryable_error_types=FINAL_ERRORS,
)
GROWING = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(milliseconds=800),
    maximum_attempts=5,
    non_retryable_error_types=FINAL_ERRORS,
)
UNTIL_DONE = RetryPolicy(initial_interval=timedelta(milliseconds=500), backoff_coefficient=1.0)

Activity = Callable[..., Any]


@workflow.defn
class OrderSaga:
    """One order from its placing to the mail, or back."""

    def __init__(self) -> None:
        self._stage = "placed"
        self._payment = ""
        self._undo: list[tuple[Step, Activity]] = []
        self._undone: list[str] = []

    @workflow.run
    async def run(self, order: Order) -> Receipt:
        """Sell, or undo everything and fail with the type `OrderFailed`."""
        try:
            await self._sell(order)
        except (ActivityError, PaymentOverdue) as error:
            reason = _reason(error)
            await self._compensate(order)
            await self._step(Step.ALERT, UNTIL_DONE, OrderActivities.alert, order, reason)
            self._stage = "failed"
            raise ApplicationError(reason, type="OrderFailed", non_retryable=True) from error
        notified = await self._notify(order)
        self._stage = "completed"
        return Receipt(order.id, order.total_cents(), self._payment, notified)

    @workflow.signal
    def payment_settled(self, reference: str) -> None:
        """The payment provider's message that a pending payment has arrived; twice is once."""
        self._payment = self._payment or reference

    @workflow.query
    def status(self) -> Status:
        """Return how far the order is."""
        return Status(stage=self._stage, payment=self._payment, undone=list(self._undone))

    async def _sell(self, order: Order) -> None:
        self._undo.append((Step.CANCEL, OrderActivities.cancel_order))
        await self._step(Step.CREATE, FIXED, OrderActivities.create_order, order)
        self._undo.append((Step.RELEASE, OrderActivities.release_stock))
        await self._step(Step.RESERVE, FIXED, OrderActivities.reserve_stock, order)
        self._undo.append((Step.REFUND, OrderActivities.refund))
        if await self._step(Step.PAY, GROWING, OrderActivities.pay, order) == "pending":
            await self._wait_for_payment(order)
        self._payment = self._payment or "card"

    async def _wait_for_payment(self, order: Order) -> None:
        self._stage = "waiting for payment"
        deadline = timedelta(seconds=order.payment_deadline_s)
        try:
            await workflow.wait_condition(lambda: self._payment != "", timeout=deadline)
        except TimeoutError:
            raise PaymentOverdue(f"not paid within {order.payment_deadline_s:g} s") from None

    async def _notify(self, order: Order) -> bool:
        try:
            await self._step(Step.NOTIFY, GROWING, OrderActivities.notify, order)
        except ActivityError as error:
            workflow.logger.warning("%s is sold, but: %s", order.id, _reason(error))
            return False
        return True

    async def _compensate(self, order: Order) -> None:
        while self._undo:
            step, activity = self._undo.pop()
            await self._step(step, UNTIL_DONE, activity, order)
            self._undone.append(step)

    async def _step(
        self, step: Step, retry: RetryPolicy, activity: Activity, *args: object
    ) -> object:
        self._stage = str(step)
        return await workflow.execute_activity_method(
            activity, args=args, start_to_close_timeout=STEP_TIMEOUT, retry_policy=retry
        )


class PaymentOverdue(Exception):
    """A pending payment did not arrive in time."""


def _reason(error: ActivityError | PaymentOverdue) -> str:
    cause = error.cause if isinstance(error, ActivityError) else None
    if isinstance(cause, ApplicationError):
        return f"{cause.type}: {cause.message}"
    return str(cause or error)
