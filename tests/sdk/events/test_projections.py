"""Projections: read models that count every event once, over restarts, kills and processes."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    ResetWorkflowExecutionResponse,
)

from polyrhythm import App, MisuseError, Signal, events, wf
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.sdk.projections import keeper

PROGRAM = Path(__file__).with_name("account_program.py")


@events.event("tests.Deposited")
@dataclass
class Deposited:
    amount: int


@events.event("tests.Debited", version=2)
@dataclass
class Debited:
    amount: int
    fee: int


@events.upcast("tests.Debited", from_version=1)
def add_fee(old: dict) -> dict:
    return {**old, "fee": 0}


@dataclass
class Sums:
    paid: int = 0
    seen: list[str] = field(default_factory=list)


class Reversed:
    """A codec that every payload has to come through."""

    async def encode(self, payloads):
        for payload in payloads:
            payload.data = payload.data[::-1]
        return payloads

    async def decode(self, payloads):
        return await self.encode(payloads)


class Bank:
    """An application with accounts and what is made of them."""

    def __init__(self, url: str | None = None, **settings) -> None:
        if url is None:
            settings.setdefault("durability", "memory")
        self.app = app = App("bank", url=url, **settings)
        self.broken = False

        @app.workflow
        async def account(amounts: list[int]) -> int:
            for amount in amounts:
                wf.record(Deposited(amount) if amount > 0 else Debited(-amount, fee=1))
            return sum(amounts)

        @app.workflow
        async def other(amount: int) -> None:
            wf.record(Deposited(amount))

        self.account, self.other = account, other
        self.balances = app.projection("balances", of=account, initial=dict)
        self.sums = app.projection("sums", initial=Sums)

        @self.balances.on(Deposited)
        def deposited(model: dict, event: Deposited, meta: events.EventMeta) -> None:
            if self.broken:
                model["half"] = 1
                raise RuntimeError("broken")
            model[meta.workflow_id] = model.get(meta.workflow_id, 0) + event.amount

        @self.balances.on(Debited)
        def debited(model: dict, event: Debited, meta: events.EventMeta) -> dict:
            left = model.get(meta.workflow_id, 0) - event.amount - event.fee
            return {**model, meta.workflow_id: left}

        @self.sums.on(Deposited)
        def paid(model: Sums, event: Deposited, meta: events.EventMeta) -> None:
            model.paid += event.amount
            model.seen.append(f"{meta.workflow}/{meta.event_id}")

    def deposit(self, name: str, *amounts: int) -> None:
        self.account.options(id=name).execute(list(amounts))


def test_a_model_is_made_of_the_events_of_its_workflows():
    bank = Bank()
    with bank.app:
        assert bank.balances.read() == {}
        bank.deposit("a", 5, 7, -2)
        bank.other.execute(100)
        assert bank.balances.read(fresh=True) == {"a": 9}
        sums = bank.sums.read(fresh=True)
        assert sums.paid == 112
        assert sums.seen[:2] == ["account/5", "account/6"]


def test_the_application_keeps_the_model_in_the_background():
    bank = Bank()
    with bank.app:
        bank.deposit("a", 5)
        while bank.balances.read() != {"a": 5}:
            pass
        position = bank.balances.position()
        bank.deposit("b", 1)
        while bank.balances.read() != {"a": 5, "b": 1}:
            pass
        assert bank.balances.position() > position


def test_a_model_survives_a_restart_and_can_be_built_anew(tmp_path):
    path = str(tmp_path / "bank.db")
    bank = Bank(path)
    with bank.app:
        bank.deposit("a", 5, -1)
        while bank.balances.read() != {"a": 3}:
            pass
    again = Bank(path)
    with again.app:
        assert again.balances.read() == {"a": 3}
        again.deposit("b", 2)
        again.balances.rebuild()
        assert again.balances.read() == {"a": 3, "b": 2}


def test_what_a_codec_wrote_is_read_again_and_kept_coded():
    bank = Bank(codec=Reversed())
    with bank.app:
        bank.deposit("a", 5)
        bank.balances.rebuild()
        assert bank.balances.read() == {"a": 5}


def test_a_handler_that_raises_stops_before_its_event_and_loses_nothing(monkeypatch):
    monkeypatch.setattr(keeper, "STUCK_S", 0.01)
    bank = Bank()
    with bank.app:
        bank.deposit("a", 5)
        bank.balances.rebuild()
        bank.broken = True
        bank.deposit("a-2", 6)
        with pytest.raises(RuntimeError, match="broken"):
            bank.balances.read(fresh=True)
        assert bank.balances.read() == {"a": 5}
        bank.broken = False
        while bank.balances.read() != {"a": 5, "a-2": 6}:
            pass


def test_many_movers_count_every_event_once():
    bank = Bank()
    with bank.app:
        for number in range(20):
            bank.deposit(f"a-{number}", 1, 2)
        failures = []

        def move() -> None:
            try:
                while bank.app.portal.run(bank.balances.aio.step()).more:
                    pass
            except Exception as error:  # noqa: BLE001 - told below
                failures.append(error)

        movers = [threading.Thread(target=move) for _ in range(4)]
        for mover in movers:
            mover.start()
        for mover in movers:
            mover.join()
        assert failures == []
        assert bank.balances.read() == {f"a-{number}": 3 for number in range(20)}


def test_a_run_that_was_reset_counts_its_copied_events_once():
    bank = Bank()
    go = Signal("go")

    @bank.app.workflow
    async def pays() -> None:
        wf.record(Deposited(10))
        await go.next()
        wf.record(Deposited(1))

    with bank.app:
        run = pays.start()
        run.send(go)
        run.result()
        second = [
            event.event_id
            for event in run.history()
            if event.HasField("workflow_task_started_event_attributes")
        ][-1]
        bank.app.portal.run(reset(bank.app.session, run, second))
        bank.app.client.run(run.workflow_id).result()
        # The copy of the first is no new deposit; the second was made again.
        assert bank.sums.read(fresh=True).paid == 12
        assert bank.sums.read(fresh=True).seen.count("pays/5") == 1


async def reset(session, run, event_id: int) -> None:
    request = ResetWorkflowExecutionRequest(namespace=session.namespace, request_id="r")
    request.workflow_execution.workflow_id = run.workflow_id
    request.workflow_execution.run_id = run.run_id
    request.workflow_task_finish_event_id = event_id + 1
    await session.call("ResetWorkflowExecution", request, ResetWorkflowExecutionResponse)


def test_a_model_over_the_limit_says_what_to_do():
    app = App("large", durability="memory")

    @app.workflow
    async def one() -> None:
        wf.record(Deposited(1))

    large = app.projection("large", initial="")

    @large.on(Deposited)
    def grow(model: str, event: Deposited, meta: events.EventMeta) -> str:
        return "x" * 3_000_000

    with app:
        one.execute()
        with pytest.raises(InvalidArgument, match="keep large read models in a database"):
            large.rebuild()


def test_two_processes_and_a_kill_count_every_event_once(tmp_path):
    environment = {**os.environ, "BANK_FILE": str(tmp_path / "bank.db")}

    def begin(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, str(PROGRAM), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    with begin("deposit", "200") as first, begin("follow") as second:
        for _ in range(20):
            assert first.stdout.readline()
        first.send_signal(signal.SIGKILL)
        first.wait()
        second.send_signal(signal.SIGKILL)
        second.wait()
    with begin("check") as last:
        said = last.stdout.read().split()
    assert last.returncode == 0
    deposits, counted, fresh = map(int, said)
    assert deposits >= 20
    assert counted == fresh == deposits


def test_declarations_that_cannot_be_meant():
    app = App("declared", durability="memory")
    one = app.projection("one", initial=dict)
    with pytest.raises(MisuseError, match="declared twice"):
        app.projection("one", initial=dict)
    with pytest.raises(MisuseError, match="of= is a workflow"):
        app.projection("two", of=[1], initial=dict)
    with pytest.raises(MisuseError, match="is no event"):
        one.on(dict)
    one.on(Deposited)(lambda model, event, meta: None)
    with pytest.raises(MisuseError, match="already"):
        one.on(Deposited)(lambda model, event, meta: None)
