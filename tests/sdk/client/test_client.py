"""The client against an application that runs for real, in memory and in this process."""

import asyncio
import queue
import uuid
from dataclasses import dataclass

import pytest

from polyrhythm import (
    App,
    IdConflict,
    IdReuse,
    MisuseError,
    Permanent,
    Query,
    QueryFailed,
    RunStatus,
    Signal,
    TaskFailed,
    Update,
    UpdateFailed,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTerminated,
    WorkflowTimedOut,
    task,
    wf,
)
from polyrhythm.base.errors import AlreadyStarted, NotFound
from polyrhythm.sdk.client.history import History

app = App("client-tests", durability="memory")


@dataclass
class Order:
    id: int


@dataclass
class Refund:
    amount: int


REFUND = Signal("refund", Refund)
DONE = Signal("done")
SEEN = Query("seen", list[int])
ADD = Update("add", Refund, int)


@app.task(timeout="10s", retry=1)
def charge(order: Order) -> int:
    if order.id < 0:
        raise Permanent("no such card", {"order": order.id}, type="CardDeclined")
    return order.id * 10


@app.workflow
async def checkout(order: Order) -> int:
    return await charge(order)


@app.workflow
async def collect(most: int) -> list[int]:
    seen: list[int] = []
    SEEN.handler(lambda: seen)

    def check(refund: Refund) -> None:
        if refund.amount < 0:
            raise ValueError("negative")

    async def add(refund: Refund) -> int:
        if refund.amount == 13:
            raise Permanent("unlucky", type="Unlucky")
        seen.append(refund.amount)
        return sum(seen)

    ADD.handler(add, validator=check)
    async for refund in REFUND:
        seen.append(refund.amount)
        if len(seen) >= most:
            break
    await DONE.next()
    return seen


@app.workflow
async def impatient() -> str:
    first = await REFUND.next(timeout="10ms")
    return "nothing" if first is None else f"got {first.amount}"


class Account:
    """An account of whole cents."""

    def __init__(self) -> None:
        self.balance = 0
        self.closed = False

    async def run(self, opening: int) -> int:
        self.balance += opening
        await CLOSE.receive()
        return self.balance

    @wf.signal
    def take(self, amount: int) -> None:
        self.balance -= amount

    @wf.query
    def now(self, factor: int = 1) -> int:
        return self.balance * factor

    @wf.update
    async def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    @deposit.validator
    def check(self, amount: int) -> None:
        if amount <= 0:
            raise ValueError("only more than nothing")


CLOSE = Signal("close")
account = app.workflow(Account)


@pytest.fixture(scope="module")
def opened():
    with app:
        yield app


def fresh() -> str:
    return f"t-{uuid.uuid4()}"


pytestmark = pytest.mark.usefixtures("opened")


def test_start_result_and_what_a_run_looks_like():
    run = checkout.options(id=fresh(), memo={"who": "me"}, summary="an order").start(Order(4))
    assert run.result() == 40
    described = run.describe()
    assert described.status is RunStatus.COMPLETED
    assert described.text == "an order"
    assert described.summary.memo == {"who": "me"}
    assert (described.summary.workflow, described.summary.queue) == ("checkout", "client-tests")
    assert described.summary.run_id == run.run_id
    history = run.history()
    assert [event.event_id for event in history] == list(range(1, len(history) + 1))
    copy = History.from_json(history.to_json())
    assert copy.events == history.events


def test_an_async_program_uses_the_same_verbs():
    async def main() -> None:
        async with App("client-tests-aio", durability="memory") as other:
            other.registry.workflows.update(app.registry.workflows)
            run = await other.aio.workflow("nobody-runs-this").start(1, "two")
            described = await run.describe()
            assert described.status is RunStatus.RUNNING
            await run.terminate("enough")
            with pytest.raises(WorkflowTerminated, match="enough"):
                await run.result()

    asyncio.run(main())


def test_a_failure_is_told_with_all_its_causes():
    with pytest.raises(WorkflowFailed) as caught:
        checkout.start(Order(-1)).result()
    failed = caught.value.cause
    assert isinstance(failed, TaskFailed)
    assert (failed.task, failed.type) == ("charge", "CardDeclined")
    assert isinstance(failed.cause, Permanent)
    assert failed.cause.details == ({"order": -1},)
    assert str(caught.value) == "the run failed: task charge: CardDeclined: no such card"


def test_signals_queries_and_updates_by_declaration_and_by_name():
    run = collect.start(3)
    run.send(REFUND, Refund(1))
    run.send("refund", {"amount": 2})
    assert run.update(ADD, Refund(5)) == 8
    with pytest.raises(UpdateFailed, match="negative"):
        run.update(ADD, Refund(-1))
    with pytest.raises(UpdateFailed) as caught:
        run.update("add", {"amount": 13})
    assert isinstance(caught.value.cause, Permanent)
    handle = run.start_update(ADD, Refund(0))
    assert handle.result() == 8
    assert run.query(SEEN) == [1, 2, 5, 0]
    assert run.query("seen") == [1, 2, 5, 0]
    with pytest.raises(QueryFailed, match="nope"):
        run.query("nope")
    run.send(REFUND, Refund(9))
    run.send(DONE)
    assert run.result() == [1, 2, 5, 0, 9]
    # A closed run still answers, and takes no more signals.
    assert run.query(SEEN) == [1, 2, 5, 0, 9]
    with pytest.raises(NotFound):
        run.send(DONE)


def test_a_timeout_of_a_signal_is_none():
    assert impatient.execute() == "nothing"
    run = impatient.options(signal=REFUND.of(Refund(3)), id=fresh()).start()
    assert run.result() == "got 3"


def test_a_class_answers_by_its_methods():
    run = account.start(100)
    assert run.update(Account.deposit, 5) == 105
    assert run.update(Account.deposit, amount=5) == 110
    with pytest.raises(UpdateFailed, match="only more than nothing"):
        run.update(Account.deposit, 0)
    run.send(Account.take, 10)
    assert run.query(Account.now) == 100
    assert run.query(Account.now, factor=2) == 200
    run.send(CLOSE)
    assert run.result() == 100


def test_a_start_with_an_update_is_one_call_and_joins_the_open_run():
    options = account.options(id=fresh())
    first = options.start_update(Account.deposit.of(5), 100)
    assert first.result() == 105
    second = options.start_update(Account.deposit.of(amount=7), 1000)
    assert second.result() == 112
    assert second.run.run_id == first.run.run_id
    with pytest.raises(MisuseError, match="needs an id"):
        account.start_update(Account.deposit.of(1), 1)
    first.run.terminate()


def test_ids_are_used_once_unless_said_otherwise():
    workflow_id = fresh()
    run = collect.options(id=workflow_id).start(1)
    with pytest.raises(AlreadyStarted):
        collect.options(id=workflow_id).start(1)
    joined = collect.options(id=workflow_id, id_conflict=IdConflict.JOIN).start(1)
    assert joined.run_id == run.run_id
    again = collect.options(id=workflow_id, id_conflict=IdConflict.TERMINATE).start(1)
    assert again.run_id != run.run_id
    with pytest.raises(WorkflowTerminated):
        run.result()
    newest = app.client.run(workflow_id, result=list[int])
    newest.send(REFUND, Refund(1))
    newest.send(DONE)
    assert newest.result() == [1]
    with pytest.raises(AlreadyStarted):
        collect.options(id=workflow_id, id_reuse=IdReuse.REJECT).start(1)


def test_cancel_terminate_and_timeouts_are_told_apart():
    cancelled, terminated = collect.start(1), collect.start(1)
    late = collect.options(run_timeout="1s").start(1)
    cancelled.cancel("no need")
    terminated.terminate("out of the way", 1)
    with pytest.raises(WorkflowCancelled):
        cancelled.result()
    with pytest.raises(WorkflowTerminated, match="out of the way"):
        terminated.result()
    with pytest.raises(WorkflowTimedOut):
        late.result()
    with pytest.raises(TimeoutError, match="is still open after"):
        account.start(1).result(timeout="20ms")


def test_lists_and_counts():
    mark = fresh()
    runs = [collect.options(id=f"{mark}-{n}").start(1) for n in range(3)]
    filter_text = "WorkflowId IN ({})".format(", ".join(f"'{mark}-{n}'" for n in range(3)))
    assert app.client.count(filter_text) == 3
    listed = list(app.client.list(filter_text))
    assert {one.run_id for one in listed} == {run.run_id for run in runs}
    assert all(one.status is RunStatus.RUNNING for one in listed)
    assert len(list(app.client.list(filter_text, limit=2))) == 2


def test_nobody_is_not_found():
    nobody = app.client.run("nobody")
    for call in (nobody.describe, nobody.result, nobody.cancel, nobody.history):
        with pytest.raises(NotFound):
            call()


def test_a_blocking_call_in_a_workflow_is_refused():
    with pytest.raises(WorkflowFailed, match="waits, and would stop the event loop"):
        blocks.execute()


@app.workflow
async def blocks() -> int:
    try:
        return checkout.start(Order(1)).result()
    except MisuseError as error:
        raise Permanent(str(error)) from error


TOKENS: "queue.SimpleQueue[bytes]" = queue.SimpleQueue()


@app.task(timeout="20s", retry=1)
def ask_a_person(question: str) -> str:
    TOKENS.put(task.info().token)
    task.complete_later()


@app.workflow
async def wait_for_a_person(question: str) -> str:
    return await ask_a_person(question)


def test_an_attempt_is_ended_from_outside_by_its_token():
    run = wait_for_a_person.start("yes?")
    attempt = app.client.attempt(TOKENS.get(timeout=10))
    assert attempt.heartbeat("still thinking") is False
    attempt.complete("yes!")
    assert run.result() == "yes!"
    with pytest.raises(NotFound):
        attempt.complete("again")
    failing = wait_for_a_person.start("no?")
    app.client.attempt(TOKENS.get(timeout=10)).fail(Permanent("no!", type="Refused"))
    with pytest.raises(WorkflowFailed) as caught:
        failing.result()
    assert caught.value.cause.type == "Refused"


@app.workflow
async def chooses() -> str:
    taken = await wf.select(refund=REFUND, done=DONE, late=wf.after("30s"))
    return f"{taken.name} {taken.value}"


def test_select_takes_declared_signals():
    first, second = chooses.start(), chooses.start()
    first.send(REFUND, Refund(4))
    second.send(DONE)
    assert first.result() == "refund Refund(amount=4)"
    assert second.result() == "done None"


@app.workflow
async def parent() -> list[int]:
    child = wf.child(collect.options(id=fresh_inside()), 1)
    await child.started
    await child.send(REFUND, Refund(6))
    await wf.external(child.id).send(DONE, None)
    return await child


def fresh_inside() -> str:
    return f"c-{wf.uuid()}"


def test_signals_reach_children_and_other_runs():
    assert parent.execute() == [6]


def test_a_value_that_cannot_travel_names_its_parameter():
    with pytest.raises(Exception, match=r"argument 1 \(order: Order\): .*type object"):
        checkout.start(object())
