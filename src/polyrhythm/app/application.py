"""The App that users write: what it declares, where its runs live, how it starts and ends.

    app = App("shop")                       # ./shop.db, in this process
    app = App("shop", url="poly://host:7233")          # or temporal://host:7233
    app = App()                             # named as the program's file

The constructor opens nothing. `app.run()` works until SIGTERM; `with app:` runs a loop in a thread
for programs that block; `async with app:` lives on the program's own loop. Several processes may
open one file: the first owns it, the others go through it, and one of them takes over.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from typing_extensions import Unpack

from polyrhythm.app.loops import LoopThread, new_loop
from polyrhythm.app.opened import Opened
from polyrhythm.app.settings import AppPlan, AppSettings, plan_app
from polyrhythm.app.signals import Leaving, Signals
from polyrhythm.base.calendar.rhythm import TRIGGERED
from polyrhythm.base.collector import settle_collector
from polyrhythm.base.durations import Span
from polyrhythm.dialects.canvas import Signatures
from polyrhythm.dialects.cron import (
    JobDecorator,
    Jobs,
    JobSettings,
    Schedules,
    at_spec,
    every_spec,
)
from polyrhythm.dialects.cron import blocking as blocking_jobs
from polyrhythm.sdk.client import blocking
from polyrhythm.sdk.client.client import Client
from polyrhythm.sdk.client.portal import Portal
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.declare.registry import Registry
from polyrhythm.sdk.declare.verbs import TaskVerb, WorkflowVerb
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.projections.projection import Of, Projection, define_projection
from polyrhythm.sdk.values import Converter
from polyrhythm.sdk.worker import Progress
from polyrhythm.sdk.worker.processes import CHILD_VARIABLE

M = TypeVar("M")
SIGNATURES = Signatures()


class App:
    """An application: tasks, workflows, and the service that keeps their runs."""

    def __init__(
        self, name: str = "", url: str | None = None, **settings: Unpack[AppSettings]
    ) -> None:
        self.plan: AppPlan = plan_app(name or program_name(), url, settings)
        self._settings = settings
        self.registry = Registry()
        self.task = TaskVerb(self.registry, self)
        self.workflow = WorkflowVerb(self.registry, self)
        self._schedules = Schedules(self.task)
        self._opened: Opened | None = None
        self._thread: LoopThread | None = None
        self._leaving = Leaving()
        self._ending: asyncio.Event | None = None
        # What opens after the application and closes before it: brokers that feed it.
        self.companions: list[AbstractAsyncContextManager[object]] = []
        self._companions = AsyncExitStack()
        # Set while the application is open.
        self.opened = asyncio.Event()

    def __repr__(self) -> str:
        """The name and where its runs live."""
        home = self.plan.home
        return f"<app {self.plan.name} at {home.address or home.file or 'memory'}>"

    @property
    def name(self) -> str:
        """The name: the queue, and the stem of the file."""
        return self.plan.name

    @property
    def session(self) -> Session:
        """What calls are made with. Raises MisuseError while the application is not open."""
        if self._opened is None:
            raise self._not_open()
        return self._opened.session

    @property
    def converter(self) -> Converter:
        """What turns values into payloads, also while the application is not open."""
        return self.plan.worker.converter

    @property
    def signatures(self) -> Signatures:
        """What `task.s(...)` is made by."""
        return SIGNATURES

    @property
    def portal(self) -> Portal:
        """The way from blocking code to the application's loop."""
        if self._thread is not None:
            return self._thread
        if self._opened is None:
            raise self._not_open()
        return self._opened.portal

    @property
    def aio(self) -> Client:
        """Runs by id, lists and counts, for an event loop."""
        return Client(self.session)

    @property
    def client(self) -> blocking.Client:
        """Runs by id, lists and counts, for code that blocks."""
        return blocking.Client(self.aio, self.portal)

    @property
    def jobs(self) -> blocking_jobs.Jobs:
        """Jobs while the application is open: add, replace, pause, resume, run, remove, list; for
        an event loop `app.jobs.aio`."""
        return blocking_jobs.Jobs(Jobs(self.session), self.portal)

    def every(self, span: Span, **settings: Unpack[JobSettings]) -> JobDecorator:
        """Run a task or a workflow every so often: `@app.every("5s")`.

        A function becomes a task. Counted from when the job was first declared, so that a restart
        does not move it; settings as in `JobSettings`.
        """
        return self._schedules.on(every_spec(span), settings)

    def cron(self, spec: str, **settings: Unpack[JobSettings]) -> JobDecorator:
        """Run a task or a workflow at the times of a spec: `@app.cron("0 9 * * mon-fri")`."""
        return self._schedules.on(spec, settings)

    def at(self, moment: datetime | str, **settings: Unpack[JobSettings]) -> JobDecorator:
        """Run a task or a workflow once, at a time: `@app.at("2027-01-01T09:00+01:00")`."""
        return self._schedules.on(at_spec(moment), settings)

    def after(self, *jobs: Any, **settings: Unpack[JobSettings]) -> JobDecorator:
        """Run a task or a workflow when one of these jobs has succeeded; `after_always=True`:
        however it has ended."""
        return self._schedules.on(TRIGGERED, {"after": jobs, **settings})

    @overload
    def projection(
        self, name: str, *, of: Of = ..., initial: Callable[[], M], kind: Any = ...
    ) -> Projection[M]: ...

    @overload
    def projection(
        self, name: str, *, of: Of = ..., initial: M, kind: Any = ...
    ) -> Projection[M]: ...

    def projection(
        self, name: str, *, of: Of = None, initial: Any, kind: Any = None
    ) -> Projection[Any]:
        """Declare a read model of what runs record by `wf.record(...)`: see `Projection`.

        `of`: the workflows whose events it reads, all if it is not said. `initial`: the model
        before the first event, or what makes it (`dict`, a dataclass). `kind`: what a kept model is
        read as, if `initial` does not tell: `dict[str, Balance]`; keys of JSON are texts.
        """
        definition = define_projection(name, of, initial, kind)
        if name in self.registry.projections:
            raise MisuseError(f"projection {name!r} is declared twice")
        self.registry.projections[name] = definition
        return Projection(definition, self)

    def run(self, told: Callable[[str], None] | None = None) -> None:
        """Work until SIGTERM or SIGINT, then end in order; a second signal ends at once.

        `told` gets a line for people whenever something changes. Raises what keeps the application
        from working: an address where nobody answers, a file that cannot be used.
        """
        if os.environ.get(CHILD_VARIABLE):
            raise MisuseError(
                "app.run() was called while a worker process imported this program: put it "
                'under `if __name__ == "__main__":`'
            )
        # The process is this application's alone.
        settle_collector()
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(self.serve(told))

    async def serve(self, told: Callable[[str], None] | None = None) -> None:
        """Do what `run` does, on the running loop."""
        ending = self._ending = asyncio.Event()
        with Signals(ending):
            async with self:
                assert self._opened is not None
                await self._opened.watch(ending, told)

    def end(self) -> None:
        """Have `serve` end as a signal would; on its loop."""
        if self._ending is not None:
            self._ending.set()

    def move(self, url: str) -> None:
        """Let runs live elsewhere: before it is opened. Raises MisuseError."""
        if self._opened is not None:
            raise MisuseError(f"{self!r} is open already")
        self.plan = plan_app(self.plan.name, url, self._settings)

    @property
    def progress(self) -> Progress:
        """What the worker of this process has done and is doing."""
        return self._opened.progress if self._opened is not None else Progress()

    @property
    def busy(self) -> bool:
        """Whether a task or workflow code is at work in this process."""
        return self._opened is not None and self._opened.busy

    async def __aenter__(self) -> Self:
        """Open on the running loop and begin to work."""
        if self._opened is not None:
            raise MisuseError(f"{self!r} is open already")
        self._opened = Opened(self.plan, self.registry)
        opened = False
        try:
            await self._opened.open()
            await self._opened.put_jobs(self._schedules.jobs)
            for companion in self.companions:
                await self._companions.enter_async_context(companion)
            opened = True
        finally:
            if not opened:
                await self._close()
        self.opened.set()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is in hand, in bounded time, and let the file go."""
        await self._close()

    def __enter__(self) -> Self:
        """Open on a loop in a thread of its own, for calls that block. SIGTERM leaves the block, if
        the program has no handler of its own."""
        if self._thread is not None:
            raise MisuseError(f"{self!r} is open already")
        thread = LoopThread(f"polyrhythm-{self.name}")
        opened = False
        try:
            thread.run(self.__aenter__())
            opened = True
        finally:
            if not opened:
                thread.close()
        self._thread = thread
        self._leaving.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is in hand, in bounded time, and let the file go."""
        thread, self._thread = self._thread, None
        self._leaving.give_back()
        if thread is not None:
            try:
                thread.run(self._close())
            finally:
                thread.close()

    async def _close(self) -> None:
        try:
            await self._companions.aclose()
        finally:
            opened, self._opened = self._opened, None
            self.opened.clear()
            if opened is not None:
                await opened.close()

    def _not_open(self) -> MisuseError:
        return MisuseError(
            f"the application {self.name!r} is not open: use `with app:`, `async with app:` or "
            "app.run() around this"
        )


def program_name() -> str:
    """Return the name of the file that makes an application, "app" where there is none."""
    file = sys._getframe(2).f_globals.get("__file__", "")
    return Path(file).stem or "app"
