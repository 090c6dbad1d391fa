"""The loop that workflow code runs on: asyncio's interface without a clock, threads or sockets.

It owns the queue of callbacks and the conditions that are waited for. Time is the history's, a
call in the future is a durable timer, and everything that reaches outside is refused with what to
write instead. It runs until nothing can go on, then returns: the history says what comes next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context as Variables
from contextvars import copy_context
from typing import Any, NoReturn, Protocol
from zlib import crc32

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.futures import DurableFuture, DurableTask

# Ended tasks are forgotten when the list has grown to this and to twice what was left last time.
TASKS_KEPT = 64
INSTEAD = {
    "run_in_executor": "call a task",
    "call_soon_threadsafe": "send a signal to the workflow",
    "create_connection": "call a task",
    "create_server": "call a task",
    "create_datagram_endpoint": "call a task",
    "create_unix_connection": "call a task",
    "subprocess_exec": "call a task",
    "subprocess_shell": "call a task",
    "getaddrinfo": "call a task",
    "sock_connect": "call a task",
    "add_signal_handler": "await the workflow's cancellation",
    "run_until_complete": "await",
    "run_forever": "await",
}


class Clockwork(Protocol):
    """What the loop needs of its run."""

    def seconds(self) -> float:
        """Time since the run's start, as of the current workflow task."""
        ...

    def start_call_timer(self, delay_s: float, callback: Callable[[], None]) -> Any:
        """Begin a durable timer that calls back."""
        ...

    def check_writable(self, verb: str) -> None:
        """Refuse in queries and validators."""
        ...

    def report(self, error: BaseException) -> None:
        """Take the error of a callback that nobody awaits."""
        ...

    def report_lost(self, message: str, error: BaseException | None) -> None:
        """Take what asyncio says of an exception that was never looked at."""
        ...


class Ready:
    """A callback that is due; what `call_soon` returns."""

    __slots__ = ("args", "callback", "off", "variables")

    def __init__(
        self, callback: Callable[..., object], args: tuple[Any, ...], variables: Variables
    ) -> None:
        self.callback = callback
        self.args = args
        self.variables = variables
        self.off = False

    def cancel(self) -> None:
        """Leave the callback out."""
        self.off = True

    def cancelled(self) -> bool:
        """Whether it was left out."""
        return self.off


class Later:
    """A callback behind a durable timer; what `call_later` returns."""

    __slots__ = ("due", "off", "timer", "when_s")

    def __init__(self, when_s: float, due: Ready) -> None:
        self.when_s = when_s
        self.due = due
        self.off = False
        self.timer: Any = None

    def when(self) -> float:
        """Return when it is due, on the loop's clock."""
        return self.when_s

    def cancel(self) -> None:
        """Cancel the timer; when it has fired already, what was to be called is left out."""
        if not self.off:
            self.off = True
            self.due.off = True
            self.timer.cancel_call()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.off


class DurableLoop:
    """The loop of one run; `owner` is the Context behind the verbs."""

    __slots__ = (
        "__weakref__", "_conditions", "_count", "_pruned", "_ready", "_salt", "_tasks", "owner",
    )  # fmt: skip

    def __init__(self, owner: Clockwork) -> None:
        self.owner = owner
        self._salt = 0
        self._count = 0
        self._ready: deque[Ready] = deque()
        self._conditions: list[tuple[Callable[[], object], DurableFuture[None]]] = []
        self._tasks: list[DurableTask[Any]] = []
        self._pruned = TASKS_KEPT

    def run(self) -> None:
        """Run until nothing can go on. Errors of callbacks go to the owner."""
        ready = self._ready
        while True:
            try:
                while ready:
                    due = ready.popleft()
                    if not due.off:
                        due.variables.run(due.callback, *due.args)
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                self.owner.report(error)
                continue
            if not self._conditions or not self._release():
                return

    def _release(self) -> bool:
        """Resolve the conditions that hold; whether there were any."""
        held = []
        some = False
        for condition in self._conditions:
            test, future = condition
            if future.done():
                continue
            try:
                holds = test()
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                future.set_exception(error)
                some = True
                continue
            if holds:
                future.set_result(None)
                some = True
            else:
                held.append(condition)
        self._conditions = held
        return some

    def wait_until(self, test: Callable[[], object]) -> DurableFuture[None]:
        """Return a future that is resolved once `test()` is true."""
        future = self.new_future(None)
        self._conditions.append((test, future))
        return future

    def seed(self, run_id: str) -> None:
        """Set what the hashes of this run start from; the same in every process."""
        self._salt = crc32(run_id.encode())

    def new_future(self, on_cancel: Callable[[], bool] | None) -> DurableFuture[Any]:
        """Return a future with a number."""
        self._count += 1
        return DurableFuture(self, self._salt + self._count, on_cancel)

    def spawn(
        self, work: Coroutine[Any, Any, Any], name: str, variables: Variables | None
    ) -> DurableTask[Any]:
        """Return a task with a number."""
        self._count += 1
        task = DurableTask(work, self, self._salt + self._count, name, variables)
        # Live code that is dropped is nothing to warn of: a replay makes it again.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        tasks = self._tasks
        tasks.append(task)
        if len(tasks) > self._pruned:
            self._tasks = [one for one in tasks if not one.done()]
            self._pruned = max(TASKS_KEPT, 2 * len(self._tasks))
        return task

    def live_tasks(self) -> list[DurableTask[Any]]:
        """Return the tasks that have not ended, oldest first."""
        return [task for task in self._tasks if not task.done()]

    def forget_tasks(self) -> None:
        """Let go of all tasks: they have ended or were dropped."""
        self._tasks.clear()

    def drop_tasks(self) -> None:
        """Close every coroutine that has not ended, without a sound."""
        for task in self.live_tasks():
            try:
                task.get_coro().close()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | SystemExit):
                    raise
        self._tasks.clear()
        self._conditions.clear()
        self._ready.clear()

    # From here on what asyncio asks of a loop.

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Variables | None = None
    ) -> Ready:
        """Run a callback after what is already due."""
        due = Ready(callback, args, copy_context() if context is None else context)
        self._ready.append(due)
        return due

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Variables | None = None,
    ) -> Ready | Later:
        """Run a callback after a durable timer of `delay` seconds."""
        if delay <= 0:
            return self.call_soon(callback, *args, context=context)
        due = Ready(callback, args, copy_context() if context is None else context)
        later = Later(self.time() + delay, due)
        later.timer = self.owner.start_call_timer(delay, lambda: self._ready.append(due))
        return later

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Variables | None = None,
    ) -> Ready | Later:
        """Run a callback at a time of this loop's clock."""
        # A sum of floats may be off by a fraction of a microsecond: timers are told in those.
        delay = round(when - self.time(), 6)
        return self.call_later(delay, callback, *args, context=context)

    def time(self) -> float:
        """Return the seconds since the run's start, as of the current workflow task."""
        return self.owner.seconds()

    def create_future(self) -> DurableFuture[Any]:
        """Return a future of this run."""
        return self.new_future(None)

    def create_task(
        self, coro: Any, *, name: Any = None, context: Variables | None = None
    ) -> DurableTask[Any]:
        """Run a coroutine, or wait for what a verb returned, as a task of this run."""
        self.owner.check_writable("asyncio.create_task()")
        if not asyncio.iscoroutine(coro):
            coro = _await(coro)
        label = f"task-{self._count + 1}" if name is None else str(name)
        return self.spawn(coro, label, context)

    def get_debug(self) -> bool:
        """Return False: asyncio's debug mode measures with a clock."""
        return False

    def is_running(self) -> bool:
        """Return True: whoever can ask runs on it."""
        return True

    def is_closed(self) -> bool:
        """Return False: it ends with its run."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Hand asyncio's complaints to the owner."""
        self.owner.report_lost(str(context.get("message", "")), context.get("exception"))

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse the rest of asyncio's loop, and say what to do instead."""
        if name in INSTEAD:
            raise MisuseError(f"loop.{name}() is refused in a workflow: {INSTEAD[name]}")
        raise AttributeError(f"the loop of a workflow has no {name}")


async def _await(work: Awaitable[Any]) -> Any:
    return await work
