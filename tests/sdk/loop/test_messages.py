"""Signals, queries and updates: order, buffering, validators, read-only code, replay."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from polyrhythm.base.errors import QueryFailed
from polyrhythm.sdk.definitions import HandlerDefinition, HandlerKind, WorkflowDefinition
from polyrhythm.sdk.errors import Failure, MisuseError, PolyrhythmError
from polyrhythm.sdk.loop import Handler
from sdk.loop.coding import answer_updates, anything, call, ctx, task_of, workflow_of
from sdk.loop.stage import Stage


def double(number: int) -> int:
    return 2 * number


DOUBLE = task_of(double)
SIGNALED = "WORKFLOW_EXECUTION_SIGNALED"


def stage_of(definition: WorkflowDefinition, **options: Any) -> Stage:
    stage = Stage(definition, **options)
    stage.tasks = {"double": DOUBLE}
    return stage


class Account:
    """A class workflow: its state is its attributes."""

    def __init__(self) -> None:
        self.balance = 0
        self.log: list[str] = []
        self.open = True

    async def run(self) -> list[Any]:
        self.log.append(f"run with {self.balance}")
        await ctx().wait_condition(lambda: not self.open)
        return [self.balance, *self.log]

    async def deposit(self, amount: int) -> None:
        self.log.append(f"deposit {amount}")
        self.balance += await call(DOUBLE, amount)

    def close(self) -> None:
        self.open = False

    def read(self) -> int:
        return self.balance

    def read_wrong(self) -> None:
        ctx().start_timer(1)

    async def withdraw(self, amount: int) -> int:
        self.balance -= await call(DOUBLE, amount)
        return self.balance

    def check(self, amount: int) -> None:
        if amount > self.balance:
            raise Failure("not enough", type="Short")

    def check_wrong(self, _: int) -> None:
        ctx().random()


def account() -> WorkflowDefinition:
    rows: list[tuple[str, HandlerKind, Any, int, Any]] = [
        ("deposit", HandlerKind.SIGNAL, Account.deposit, 1, None),
        ("close", HandlerKind.SIGNAL, Account.close, 0, None),
        ("read", HandlerKind.QUERY, Account.read, 0, None),
        ("read_wrong", HandlerKind.QUERY, Account.read_wrong, 0, None),
        ("withdraw", HandlerKind.UPDATE, Account.withdraw, 1, Account.check),
        ("wrong", HandlerKind.UPDATE, Account.withdraw, 1, Account.check_wrong),
    ]
    handlers = {
        (kind, name): HandlerDefinition(name, kind, function, anything(count), check, "text")
        for name, kind, function, count, check in rows
    }
    return WorkflowDefinition("account", Account.run, anything(), Account, handlers)


@pytest.mark.parametrize("evict", [0.0, 1.0])
def test_a_class_workflow(evict: float) -> None:
    stage = stage_of(account(), evict=evict)
    stage.start("account")
    stage.signal("deposit", 50)
    stage.run()
    assert stage.query("read") == 100
    assert stage.outcome(stage.update("withdraw", 20, update_id="u1")) == 60
    with pytest.raises(Failure, match="not enough"):
        stage.outcome(stage.update("withdraw", 2000, update_id="u2"))
    stage.signal("deposit", 1)
    stage.run()
    assert stage.query("read") == 62
    stage.signal("close")
    stage.run()
    # The first signal came with the start and is told first.
    assert stage.result() == [62, "deposit 50", "run with 0", "deposit 1"]
    assert stage.query("read") == 62
    assert stage.names().count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") == 1


def test_updates_that_are_refused_leave_no_event_and_the_live_code_goes_on() -> None:
    stage = stage_of(account())
    stage.start("account")
    stage.run()
    before = stage.names()
    instance = next(iter(stage.cache.values()))
    for number in range(3):
        with pytest.raises(Failure, match="not enough"):
            stage.outcome(stage.update("withdraw", 5, update_id=f"u{number}"))
    assert stage.names() == before
    stage.signal("deposit", 5)
    stage.signal("close")
    stage.run()
    assert next(iter(stage.cache.values())) is instance
    assert stage.result()[0] == 0
    assert not stage.failed


def test_an_unknown_update_is_refused_with_the_names_there_are() -> None:
    stage = stage_of(account())
    stage.start("account")
    stage.run()
    with pytest.raises(Failure, match=r"no update 'nope'; it has: withdraw, wrong"):
        stage.outcome(stage.update("nope"))


def test_queries_and_validators_may_only_read() -> None:
    stage = stage_of(account())
    stage.start("account")
    stage.run()
    with pytest.raises(PolyrhythmError, match="a timer is refused here: a query may only read"):
        stage.query("read_wrong")
    with pytest.raises(QueryFailed, match="no query 'nope'; it has: read, read_wrong"):
        stage.query("nope")
    stage.update("wrong", 1)
    stage.step()
    assert "the validator of an update may only read" in stage.failed[0].failure.message


def test_built_in_queries() -> None:
    stage = stage_of(account())
    stage.start("account")
    stage.run()
    stacks = stage.query("__stack_trace")
    assert "workflow-account:" in stacks
    assert "in run" in stacks
    metadata = stage.query("__temporal_workflow_metadata")
    definition = metadata.definition
    assert definition.type == "account"
    signals = {one.name: one.description for one in definition.signal_definitions}
    assert signals == {"close": "text", "deposit": "text"}


def test_signals_wait_for_whoever_takes_them_in_order() -> None:
    async def story() -> list[Any]:
        await ctx().start_timer(10)
        taken = [await ctx().next_signal("word", anything(1)) for _ in range(2)]
        got: list[Any] = []
        handler = Handler(HandlerKind.SIGNAL, got.append, anything(1))
        ctx().set_handler("word", handler)
        await ctx().wait_condition(lambda: len(got) == 3)
        try:
            await ctx().next_signal("other", anything(1), 60)
        except TimeoutError:
            got.append("nothing")
        return [*taken, *got]

    stage = stage_of(workflow_of(story), evict=0.5)
    stage.start("story")
    for word in "abcd":
        stage.signal("word", word)
    stage.run()
    stage.signal("word", "e")
    stage.run()
    assert stage.result() == [["a"], ["b"], "c", "d", "e", "nothing"]


def test_a_signal_that_cannot_be_read_is_dropped_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> Any:
        return (await ctx().next_signal("word", anything(1)))[0]

    stage = stage_of(workflow_of(story))
    stage.start("story")
    stage.signal("word", 1, 2, 3)
    stage.signal("word", "good")
    with caplog.at_level(logging.ERROR, "polyrhythm.workflow"):
        stage.run()
    assert stage.result() == "good"
    assert len([r for r in caplog.records if "'word' was dropped" in r.getMessage()]) == 1


def test_a_signal_is_not_lost_when_its_receiver_times_out_in_the_same_task() -> None:
    async def story() -> list[Any]:
        got = []
        while len(got) < 1:
            try:
                got += await ctx().next_signal("word", anything(1), 5)
            except TimeoutError:
                got += []
        return got

    stage = stage_of(workflow_of(story))
    stage.start("story")
    stage.run(until=lambda: "TIMER_STARTED" in stage.names())
    stage.stop_polls()
    stage.rig.advance(5)
    stage.signal("word", "x")
    stage.run()
    assert stage.names()[5:8] == ["TIMER_FIRED", "WORKFLOW_TASK_SCHEDULED", SIGNALED]
    assert stage.result() == ["x"]
    assert not stage.failed


def test_updates_set_by_the_first_lines_of_a_function() -> None:
    async def story() -> int:
        total = [0]

        async def add(number: int) -> int:
            value = await call(DOUBLE, number)
            total[0] += value
            return total[0]

        answer_updates("add", add)
        await ctx().wait_condition(lambda: total[0] >= 10)
        return total[0]

    stage = stage_of(workflow_of(story), evict=0.5)
    stage.start("story")
    replies = [stage.update("add", number, update_id=f"u{number}") for number in range(4)]
    assert [stage.outcome(reply) for reply in replies] == [0, 2, 6, 12]
    stage.run()
    assert stage.result() == 12


def test_an_update_that_fails_does_not_fail_the_run() -> None:
    async def story() -> str:
        async def add(number: int) -> int:
            await call(DOUBLE, number)
            raise Failure("no", type="Nope")

        answer_updates("add", add)
        await ctx().next_signal("end", anything(0))
        return "fine"

    stage = stage_of(workflow_of(story), evict=0.5)
    stage.start("story")
    with pytest.raises(Failure, match="no"):
        stage.outcome(stage.update("add", 1))
    stage.signal("end")
    stage.run()
    assert stage.result() == "fine"


def test_unfinished_handlers_are_named(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> str:
        async def hang() -> None:
            await asyncio.get_running_loop().create_future()

        ctx().set_handler("hang", Handler(HandlerKind.SIGNAL, hang, anything(0)))
        await ctx().start_timer(1)
        return "gone"

    stage = stage_of(workflow_of(story))
    stage.start("story")
    stage.signal("hang")
    with caplog.at_level(logging.WARNING, "polyrhythm.workflow"):
        stage.run()
    assert stage.result() == "gone"
    warned = [r.getMessage() for r in caplog.records if "handlers were at work" in r.getMessage()]
    assert len(warned) == 1
    assert "signal 'hang'" in warned[0]


def test_a_signal_handler_that_raises_fails_the_run() -> None:
    async def story() -> None:
        async def bad() -> None:
            await call(DOUBLE, 1)
            raise ValueError("bad signal")

        ctx().set_handler("bad", Handler(HandlerKind.SIGNAL, bad, anything(0)))
        await ctx().start_timer(1000)

    stage = stage_of(workflow_of(story))
    stage.start("story")
    stage.signal("bad")
    stage.run()
    with pytest.raises(Failure, match="bad signal"):
        stage.result()


def test_tasks_cannot_be_created_in_a_query() -> None:
    async def nothing() -> None: ...

    def ask() -> None:
        work = nothing()
        try:
            ctx().loop.create_task(work)
        finally:
            work.close()

    async def story() -> None:
        ctx().set_handler("ask", Handler(HandlerKind.QUERY, ask, anything(0)))
        await ctx().start_timer(1000)

    stage = stage_of(workflow_of(story))
    stage.start("story")
    stage.run(until=lambda: "TIMER_STARTED" in stage.names())
    with pytest.raises(PolyrhythmError, match=r"asyncio.create_task\(\) is refused"):
        stage.query("ask")
    assert MisuseError.code == "misuse"
