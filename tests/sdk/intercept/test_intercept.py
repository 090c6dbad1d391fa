"""Interceptors: what is around what, in which order, and what travels in headers."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

import pytest

from polyrhythm import App, MisuseError, Query, Signal, Update, WorkflowFailed, intercept, wf
from polyrhythm.testing import Stage

TENANT: ContextVar[str] = ContextVar("tenant")
LOCALE: ContextVar[str] = ContextVar("locale", default="en")
NOTE = Signal("note", str)
STATE = Query("state", str)
RENAME = Update("rename", str, str)


class Recorder:
    """Writes down everything it is around."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.lines: list[str] = []

    def note(self, where: str, call: Any) -> None:
        self.lines.append(f"{self.name}{where} {call.kind.value} {call.name} {call.args}")

    async def around_workflow(self, call: intercept.Inbound, go: intercept.Go) -> Any:
        if not call.replaying:
            self.note("in", call)
        return await go()

    async def around_task(self, call: intercept.Inbound, go: intercept.Go) -> Any:
        self.note("in", call)
        return await go()

    async def around_message(self, call: intercept.Inbound, go: intercept.Go) -> Any:
        self.note("in", call)
        return await go()

    async def around_send(self, call: intercept.Outbound, go: intercept.Go) -> Any:
        self.note("out", call)
        return await go()

    def on_call(self, call: intercept.Outbound) -> None:
        if not call.replaying:
            self.note("out", call)


def make_app(*interceptors: Any) -> tuple[App, Any]:
    app = App("hooked", durability="memory", interceptors=interceptors)

    @app.task
    def in_thread(text: str) -> str:
        return f"{text} {TENANT.get('nobody')} {threading.current_thread().name[:15]}"

    @app.task
    async def on_loop(text: str) -> str:
        return f"{text} {TENANT.get('nobody')}"

    @app.workflow
    async def leaf(text: str) -> str:
        return await on_loop(text)

    @app.workflow
    async def root(text: str) -> list[str]:
        name = "none"

        def rename(to: str) -> str:
            nonlocal name
            before, name = name, to
            return f"{before} {TENANT.get('nobody')}"

        RENAME.handler(rename)
        STATE.handler(lambda: f"{name} {TENANT.get('nobody')}")
        said = [await in_thread(text), await on_loop.local("local"), await wf.child(leaf, "child")]
        return [*said, await NOTE.next(), name, TENANT.get("nobody")]

    return app, root


def run_through(app: App, root: Any) -> list[Any]:
    with Stage(app) as stage:
        run = root.options(id="one").start("hello")
        renamed = run.update(RENAME, "ada")
        state = run.query(STATE)
        run.send(NOTE, "noted")
        assert stage.now()
        return [renamed, state, *run.result()]


def test_everything_is_seen_once_in_order() -> None:
    recorder = Recorder()
    result = run_through(*make_app(recorder))
    assert result == [
        "none nobody", "ada nobody", "hello nobody polyrhythm-task", "local nobody",
        "child nobody", "noted", "ada", "nobody",
    ]  # fmt: skip
    assert sorted(recorder.lines) == sorted(
        [
            "out workflow root ['hello']",
            "in workflow root ['hello']",
            "out task in_thread ['hello']",
            "in task in_thread ['hello']",
            "out local task on_loop ['local']",
            "in local task on_loop ['local']",
            "out child leaf ['child']",
            "in workflow leaf ['child']",
            "out task on_loop ['child']",
            "in task on_loop ['child']",
            "out update rename ['ada']",
            "in update rename ['ada']",
            "out query state []",
            "in query state []",
            "out signal note ['noted']",
            "in signal note ['noted']",
        ]
    )


def test_context_variables_travel_to_runs_tasks_handlers_and_children() -> None:
    app, root = make_app(intercept.Carry(tenant=TENANT))
    token = TENANT.set("acme")
    try:
        result = run_through(app, root)
    finally:
        TENANT.reset(token)
    assert result == [
        "none acme", "ada acme", "hello acme polyrhythm-task", "local acme", "child acme",
        "noted", "ada", "acme",
    ]  # fmt: skip


def test_a_variable_that_is_not_set_does_not_travel() -> None:
    app, root = make_app(intercept.Carry(tenant=TENANT))
    assert run_through(app, root)[0] == "none nobody"


def test_the_first_interceptor_is_the_outermost_and_may_change_arguments_and_results() -> None:
    order: list[str] = []

    class Loud:
        def __init__(self, name: str) -> None:
            self.name = name

        async def around_task(self, call: intercept.Inbound, go: intercept.Go) -> Any:
            order.append(f"{self.name} in")
            call.args[0] = f"{call.args[0]}+{self.name}"
            result = await go()
            order.append(f"{self.name} out")
            return f"{result}/{self.name}"

        def on_call(self, call: intercept.Outbound) -> None:
            call.args[0] = call.args[0].upper()
            call.headers.set("who", self.name)

    app = App("loud", durability="memory", interceptors=[Loud("a"), Loud("b")])

    @app.task
    async def say(text: str) -> str:
        return text

    @app.workflow
    async def work() -> str:
        return await say("hi")

    with Stage(app):
        assert work.execute() == "HI+a+b/b/a"
    assert order == ["a in", "b in", "b out", "a out"]


def test_headers_are_read_as_a_type_and_info_says_whose_call_it_is() -> None:
    seen: list[Any] = []

    class Stamp:
        async def around_send(self, call: intercept.Outbound, go: intercept.Go) -> Any:
            call.headers.set("trace", {"id": 7})
            return await go()

        async def around_workflow(self, call: intercept.Inbound, go: intercept.Go) -> Any:
            seen.append((call.headers.get("trace", dict[str, int]), call.headers.get("none")))
            seen.append(("trace" in call.headers, call.info.workflow_id))
            return await go()

    app = App("stamped", durability="memory", interceptors=[Stamp()])

    @app.workflow
    async def work() -> None: ...

    with Stage(app):
        work.options(id="w").execute()
    assert seen == [({"id": 7}, None), (True, "w")]


def test_what_an_interceptor_raises_is_the_workflows_and_the_tasks_own() -> None:
    class Gate:
        async def around_task(self, call: intercept.Inbound, go: intercept.Go) -> Any:
            raise PermissionError("not you")

    app = App("gated", durability="memory", interceptors=[Gate()])

    @app.task(retry=1)
    async def say(text: str) -> str:
        return text

    @app.workflow
    async def work() -> str:
        return await say("hi")

    with Stage(app), pytest.raises(WorkflowFailed) as failed:
        work.execute()
    assert "not you" in str(failed.value.cause)


def test_a_replay_goes_through_the_same_interceptors() -> None:
    app, root = make_app(Recorder(), intercept.Carry(tenant=TENANT))
    with Stage(app, replays=True):
        run = root.options(id="one").start("hello")
        run.update(RENAME, "ada")
        run.send(NOTE, "noted")
        assert run.result()[3:5] == ["noted", "ada"]


@pytest.mark.parametrize("wrong", [object(), Recorder, "recorder"])
def test_what_is_no_interceptor_is_refused(wrong: Any) -> None:
    with pytest.raises(MisuseError, match="is no interceptor: give an object with"):
        App("wrong", interceptors=[wrong])


def test_the_next_run_gets_the_headers_of_continue_as_new() -> None:
    app = App("chained", durability="memory", interceptors=[intercept.Carry(tenant=TENANT)])

    @app.workflow
    async def rounds(left: int) -> str:
        if left:
            wf.continue_as_new(left - 1)
        return TENANT.get("nobody")

    token = TENANT.set("acme")
    try:
        with Stage(app):
            assert rounds.execute(2) == "acme"
    finally:
        TENANT.reset(token)
