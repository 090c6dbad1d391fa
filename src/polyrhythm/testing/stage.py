"""A stage: an application in memory under a clock that jumps, for tests of workflows.

    async with Stage(app) as stage:
        run = await checkout.aio.start(order)
        assert await run.result() == "shipped"     # 30 days of waiting take milliseconds

    with Stage(app) as stage:                      # the same for tests that block
        assert checkout(order) == "shipped"

Everything but the clock and the file is the real thing: the engine, the store, the worker. While a
test waits for a run and nothing is at work, the clock jumps to the next deadline. Tasks may be
replaced, be made to fail or be lost; commits may fail as in a crash.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, overload

from polyrhythm.app.application import App
from polyrhythm.app.settings import Home
from polyrhythm.base.durations import Span, parse_span
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.lane import Lane
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.testing.doubles import Doubles, check_number
from polyrhythm.testing.stage_host import StageHost

P = ParamSpec("P")
R = TypeVar("R")


class Passed:
    """What is awaited after the fact: it is there already."""

    def __await__(self) -> Generator[Any, None, None]:
        """Return at once."""
        yield from ()


class Stage:
    """An application in memory under a clock that jumps: `async with Stage(app) as stage`, or
    `with Stage(app) as stage` in a test that blocks.
    """

    def __init__(
        self,
        app: App,
        at: datetime | None = None,
        replays: bool = False,
        stuck: Span | None = "3s",
    ) -> None:
        """`at`: the time it begins, now if it is not said. `replays`: no live code is kept, so that
        every step of a workflow replays its history, which finds code that is not deterministic.
        `stuck`: a run that somebody waits for, with nothing left that could move it, is given up
        after so long of real time: MisuseError for whoever waits.
        """
        if at is not None and at.tzinfo is None:
            raise MisuseError(f"a stage's time needs a zone, as in {at!r}.replace(tzinfo=UTC)")
        self.app = app
        self._plan = app.plan
        self._begins_ns = time.time_ns() if at is None else _ns_of(at)
        self._replays = replays
        self._stuck_s = None if stuck is None else parse_span(stuck)
        self._hosts: list[StageHost] = []
        self._doubles = Doubles()
        self._blocks = False

    def now(self) -> datetime:
        """Return the stage's time, in UTC."""
        return datetime.fromtimestamp(self._host.now_ns() // 1000 / 1_000_000, UTC)

    def advance(self, span: Span, waits: bool = True) -> Awaitable[None]:
        """Let time pass ("3d", or seconds) with everything that is due on the way.

        Await it in an `async with`; in a `with` it has happened when the call returns. It waits for
        tasks at work before each jump, unless `waits` is False.
        """
        passing = self._host.advance(int(parse_span(span) * SECOND_NS), waits)
        if not self._blocks:
            return asyncio.ensure_future(passing)
        self.app.portal.run(passing)
        return Passed()

    @overload
    def stub(
        self, task: Task[P, R, Any], function: Callable[P, Coroutine[Any, Any, R]]
    ) -> None: ...

    @overload
    def stub(self, task: Task[P, R, Any], function: Callable[P, R]) -> None: ...

    def stub(self, task: Task[P, R, Any], function: Callable[P, Any]) -> None:
        """Run another function in a task's place, on the loop; until the end of the stage.

        stage.stub(charge, lambda order: Receipt(order.number))
        """
        self._doubles.stub(task.definition, function)

    def fail(
        self, task: Task[P, R, Any], times: int = 1, error: BaseException | None = None
    ) -> None:
        """Have the next attempts of a task fail, with RuntimeError unless told otherwise."""
        self._doubles.fail(task.definition, times, error)

    def fail_at(
        self, task: Task[P, R, Any], attempt: int, error: BaseException | None = None
    ) -> None:
        """Have every attempt of that number (from 1) of a task fail."""
        self._doubles.fail_at(task.definition, attempt, error)

    def lose(self, task: Task[P, R, Any], times: int = 1) -> None:
        """Have the next attempts of a task vanish, as if their worker had died: they are tried
        again after their timeout.
        """
        self._doubles.lose(task.definition, times)

    def crash_before_commit(self, number: int = 1) -> None:
        """Have the next commit, or a later one, fail before anything is written: nothing of it has
        happened, and the run goes on from where it was.
        """
        check_number(number, "number")
        self._host.crashes.before = number

    def crash_after_commit(self, number: int = 1) -> None:
        """Have the next commit, or a later one, fail after all is written: it has happened, and
        nobody was told. What it began waits for its timeout.
        """
        check_number(number, "number")
        self._host.crashes.after = number

    def _open(self) -> None:
        """Have the application live here, as soon as it is opened."""
        self._plan = plan = self.app.plan
        worker = replace(plan.worker, cached_runs_max=0) if self._replays else plan.worker
        self.app.plan = replace(
            plan, home=Home("sqlite"), durability="memory", works=True, host=self._drive,
            worker=worker,
        )  # fmt: skip

    def _close(self) -> None:
        self.app.plan = self._plan
        self._doubles.restore()
        self._hosts.clear()
        self._blocks = False

    def _drive(self, lane: Lane) -> StageHost:
        host = StageHost(lane, self._begins_ns, lambda: self.app.busy, self._stuck_s)
        self._hosts.append(host)
        return host

    @property
    def _host(self) -> StageHost:
        if not self._hosts:
            raise MisuseError("the stage is not open: use `with` or `async with` around this")
        return self._hosts[-1]

    async def __aenter__(self) -> Self:
        """Open the application in memory."""
        self._open()
        opened = False
        try:
            await self.app.__aenter__()
            opened = True
        finally:
            if not opened:
                self._close()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, and have it be as before."""
        try:
            await self.app.__aexit__(kind, error, trace)
        finally:
            self._close()

    def __enter__(self) -> Self:
        """Open the application in memory, on a loop in a thread."""
        self._open()
        opened = False
        try:
            self.app.__enter__()
            opened = True
        finally:
            if not opened:
                self._close()
        self._blocks = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, and have it be as before."""
        try:
            self.app.__exit__(kind, error, trace)
        finally:
            self._close()


def _ns_of(at: datetime) -> int:
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1000
