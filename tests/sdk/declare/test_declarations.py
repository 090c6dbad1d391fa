"""Decorators make definitions, refuse what cannot travel, and say what to do instead."""

import asyncio
from dataclasses import dataclass

import pytest

from polyrhythm.sdk.client.portal import block
from polyrhythm.sdk.declare.methods import QueryMark, SignalMark, UpdateMark
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.verbs import TaskVerb, WorkflowVerb
from polyrhythm.sdk.definitions import Cancellation, HandlerKind, IdReuse, Signature, TaskKind
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.link import Traits
from polyrhythm.sdk.messages import Signal
from polyrhythm.sdk.needs import check_task
from polyrhythm.sdk.retry import Fixed, Retry, TokenBucket

signal, query, update = SignalMark(), QueryMark(), UpdateMark()


class Closed:
    """An application that was not opened."""

    @property
    def session(self):
        raise MisuseError("the app is not open")

    portal = session


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def task(registry):
    return TaskVerb(registry, Closed())


@pytest.fixture
def workflow(registry):
    return WorkflowVerb(registry, Closed())


@dataclass
class Order:
    id: int


def test_a_task_has_a_name_a_kind_and_typed_parameters(task, registry):
    @task
    def charge(order: Order, times: int = 1) -> str:
        return f"{order.id}x{times}"

    @task(name="fetch-it", timeout="10s", retry=3, queue="io", rate="100/m", concurrency=8)
    async def fetch(url: str) -> bytes: ...

    @task(process=True, retry=Fixed("5s"), deadline="1h", heartbeat=2.5)
    def crunch(numbers: list[int]): ...

    assert registry.tasks["charge"] is charge.definition
    assert charge.definition.kind is TaskKind.THREAD
    assert charge.definition.signature == Signature(("order", "times"), (Order, int), (1,), str)
    assert charge.fn(Order(7), 2) == "7x2"
    assert fetch.definition.kind is TaskKind.LOOP
    assert registry.tasks["fetch-it"].options.timeout_s == 10
    assert fetch.definition.options.retry == Retry(max_attempts=3)
    assert (fetch.definition.options.rate, fetch.definition.options.concurrency) == ("100/m", 8)
    assert crunch.definition.kind is TaskKind.PROCESS
    assert crunch.definition.options.deadline_s == 3600
    assert crunch.definition.options.heartbeat_s == 2.5


def test_options_make_a_copy(task):
    @task(timeout="10s")
    def charge(order: Order) -> str: ...

    other = charge.options(timeout="1m", summary="once", cancellation=Cancellation.WAIT)
    assert other.definition is charge.definition
    assert (other._options.timeout_s, other._options.summary) == (60, "once")
    assert charge._options.timeout_s == 10


def test_types_declared_inside_a_function_are_found(task):
    @dataclass
    class Local:
        x: int

    @task
    def use(value: "Local") -> "list[Local]": ...

    assert use.definition.signature.types == (Local,)
    assert use.definition.signature.result == list[Local]


def test_a_class_is_a_workflow_with_handlers(workflow):
    class Account:
        def __init__(self) -> None:
            self.balance = 0

        async def run(self, opening: int) -> int: ...

        @signal
        def close(self) -> None: ...

        @query(name="how-much")
        def balance_now(self) -> int:
            """The balance, in cents."""
            return self.balance

        @update
        async def deposit(self, amount: int) -> int:
            self.balance += amount
            return self.balance

        @deposit.validator
        def check(self, amount: int) -> None:
            if amount <= 0:
                raise ValueError("amount")

    account = workflow(Account)
    handlers = account.definition.handlers
    assert set(handlers) == {
        (HandlerKind.SIGNAL, "close"),
        (HandlerKind.QUERY, "how-much"),
        (HandlerKind.UPDATE, "deposit"),
    }
    deposit = handlers[HandlerKind.UPDATE, "deposit"]
    assert deposit.signature == Signature(("amount",), (int,), (), int)
    assert deposit.validator is Account.check
    assert handlers[HandlerKind.QUERY, "how-much"].description == "The balance, in cents."
    assert account.definition.factory is Account
    assert account.definition.signature == Signature(("opening",), (int,), (), int)
    assert account.cls.deposit.of(amount=3).args == (3,)
    with pytest.raises(TypeError, match="takes 1 arguments, 2 were given"):
        account.cls.deposit.of(1, 2)
    # Inside the class a marked method is a method still, and on the class it is the message.
    assert asyncio.run(Account().deposit(5)) == 5
    assert account.cls.deposit.name == "deposit"


REFUSED = {
    "cannot travel": lambda: lambda *, a: a,
    "parameter 'rest' cannot travel": lambda: lambda *rest: rest,
    "parameter 'more' cannot travel": lambda: lambda **more: more,
}


@pytest.mark.parametrize("words", REFUSED)
def test_parameters_that_cannot_travel_are_refused(task, words):
    with pytest.raises(MisuseError, match=words):
        task(name="x")(REFUSED[words]())


def test_wrong_declarations_say_what_to_write(task, workflow):
    def yields():
        yield 1

    def plain() -> int: ...

    async def waits() -> int: ...

    def hidden(value: "Nowhere") -> None: ...  # noqa: F821

    class NoRun: ...

    with pytest.raises(MisuseError, match="yields: return a list"):
        task(yields)
    with pytest.raises(MisuseError, match="process=True runs a plain function"):
        task(process=True)(waits)
    with pytest.raises(MisuseError, match=r"'Nowhere' is not defined.*import them outside of"):
        task(hidden)
    with pytest.raises(MisuseError, match="a workflow is an `async def`; 'plain' does not"):
        workflow(plain)
    with pytest.raises(MisuseError, match="has a method `async def run"):
        workflow(NoRun)
    with pytest.raises(MisuseError, match="there is no setting 'timeot'"):
        task(timeot="1s")(plain)
    with pytest.raises(MisuseError, match="timeout: '5 parsecs' is no duration"):
        task(timeout="5 parsecs")(plain)
    with pytest.raises(MisuseError, match="give the task one"):
        task(lambda: None)
    task(plain)
    with pytest.raises(MisuseError, match=r"task 'plain' is declared twice, at .*:"):
        task(plain)


def test_a_task_outside_of_a_workflow_is_refused_with_the_way_out(task):
    @task
    def charge(order: Order) -> str: ...

    ways = r"call charge\.start\(\.\.\.\) for a durable .*, charge\.fn\(\.\.\.\) for the plain"
    with pytest.raises(MisuseError, match=ways):
        charge(Order(1))


def test_what_needs_permits_is_refused_where_there_are_none(task):
    @task(rate="100/m")
    def limited() -> None: ...

    @task(concurrency=8)
    def few() -> None: ...

    @task(retry=TokenBucket("api", "1/s"))
    def shared() -> None: ...

    @task
    def plain() -> None: ...

    for one in (limited, few, shared):
        check_task(one.definition, Traits("here", permits=True))
        with pytest.raises(MisuseError, match=f"task '{one.name}' .*there"):
            check_task(one.definition, Traits("there"))
    check_task(plain.definition, Traits("there"))
    with pytest.raises(MisuseError, match="a token bucket is declared with it"):
        plain.options(retry=TokenBucket("api", "1/s"))
    shared.options(retry=TokenBucket("api", "2/s"))


def test_a_remote_task_is_known_and_not_run(task, registry):
    @task(remote=True, queue="go")
    async def ship(order: Order) -> str: ...

    assert ship.definition.options.queue == "go"
    assert registry.tasks == {}
    assert ("task", "ship") in registry.remote


def test_start_options_become_child_options(workflow):
    @workflow
    async def checkout(order: Order) -> str: ...

    child = checkout.options(
        id="c-1", queue="q", id_reuse=IdReuse.REJECT, run_timeout="1h", memo={"a": 1}
    ).child_options
    assert (child.id, child.queue, child.run_timeout_s, child.memo) == ("c-1", "q", 3600, {"a": 1})
    with pytest.raises(MisuseError, match="a child has no 'delay'"):
        _ = checkout.options(delay="5s").child_options


def test_an_app_that_is_not_open_cannot_start(workflow):
    @workflow
    async def checkout(order: Order) -> str: ...

    with pytest.raises(MisuseError, match="not open"):
        checkout.start(Order(1))


def test_a_blocking_call_on_a_running_loop_is_refused():
    class Portal:
        def run(self, coroutine):
            return asyncio.run(coroutine)

    async def answer():
        return 42

    async def on_a_loop():
        with pytest.raises(MisuseError, match=r"run\.result\(\) waits.*aio\.result"):
            block(Portal(), answer(), "run.result")

    assert block(Portal(), answer(), "run.result") == 42
    asyncio.run(on_a_loop())


def test_a_signal_outside_of_a_workflow_is_refused():
    refund = Signal("refund", Order)

    async def outside():
        await refund.next()

    with pytest.raises(MisuseError, match="Signal\\('refund'\\) is received inside a workflow"):
        asyncio.run(outside())
