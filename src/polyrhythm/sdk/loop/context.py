"""The run behind the verbs: what `current()` returns inside a workflow, None outside.

It owns everything that replay rebuilds: the loop, the outbox, ids, what waits for which event,
time, random numbers, patches, handlers and queues of signals. The nouns beside it (tasks, timers,
children ...) work on it; it decides nothing about histories, which is the Instance's part.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowExecutionStartedEventAttributes,
    WorkflowTaskStartedEventAttributes,
)

from polyrhythm.sdk import failures
from polyrhythm.sdk.definitions import (
    ChildOptions,
    HandlerKind,
    Signature,
    TaskDefinition,
    TaskOptions,
    WorkflowDefinition,
)
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop import children, closing, external, local, properties, tasks, timers
from polyrhythm.sdk.loop.closing import Continuation, ContinueAsNew, Evicted
from polyrhythm.sdk.loop.eventloop import DurableLoop
from polyrhythm.sdk.loop.external import Target
from polyrhythm.sdk.loop.futures import DurableFuture, DurableTask
from polyrhythm.sdk.loop.handlers import Handler, Handlers
from polyrhythm.sdk.loop.info import WorkflowInfo, moment, read_info
from polyrhythm.sdk.loop.outbox import Outbox
from polyrhythm.sdk.loop.passing import run_main
from polyrhythm.sdk.loop.settings import LoopSettings
from polyrhythm.sdk.loop.signals import SignalQueue, call_handler
from polyrhythm.sdk.loop.updates import CURRENT, UpdateInfo, UpdateRun
from polyrhythm.sdk.loop.window import Window

SECOND_NS = 1_000_000_000


def current() -> Context | None:
    """Return the run whose code this is; None outside of workflows."""
    loop: Any = asyncio._get_running_loop()
    if type(loop) is not DurableLoop:
        return None
    owner: Any = loop.owner
    return owner if isinstance(owner, Context) else None


class Context:
    """One run, as its code sees it."""

    __slots__ = (
        "_counts",
        "_random",
        "_seed",
        "_signals",
        "by_event",
        "cancel_reason",
        "cancel_requested",
        "closed",
        "definition",
        "details",
        "ended",
        "ending",
        "found",
        "handlers",
        "instance",
        "locals",
        "loop",
        "main",
        "memo",
        "now_ns",
        "open_children",
        "open_tasks",
        "outbox",
        "patches",
        "patches_recorded",
        "position",
        "read_only",
        "replaying",
        "run_id",
        "search_attributes",
        "settings",
        "started",
        "started_ns",
        "task_started",
        "updates_waiting",
        "workflow_id",
    )  # fmt: skip

    def __init__(self, definition: WorkflowDefinition, settings: LoopSettings) -> None:
        self.definition = definition
        self.settings = settings
        self.loop = DurableLoop(self)
        self.outbox = Outbox()
        self.open_tasks, self.open_children = Window(self.outbox), Window(self.outbox)
        self.locals = local.LocalRuns()
        self.handlers = Handlers(self)
        self.by_event: dict[int, Any] = {}
        self.instance: object | None = None
        self.main: DurableTask[Any] | None = None
        # The first error that fails the workflow task, of the code that runs now.
        self.found: BaseException | None = None
        self.closed = self.ended = self.cancel_requested = self.replaying = False
        self.ending: closing.Ending | None = None
        self.cancel_reason = ""
        self.read_only = ""
        self.details = ""
        self.workflow_id = self.run_id = ""
        self.started = WorkflowExecutionStartedEventAttributes()
        self.task_started = WorkflowTaskStartedEventAttributes()
        self.now_ns = self.started_ns = self.position = 0
        self.memo: dict[str, Payload] = {}
        self.search_attributes: dict[str, Any] = {}
        self.patches: dict[str, bool] = {}
        self.patches_recorded: set[str] = set()
        self.updates_waiting: list[UpdateRun] = []
        self._counts: dict[str, int] = {}
        self._random: random.Random | None = None
        self._seed = ""
        self._signals: dict[str, SignalQueue] = {}

    # What the verbs call.

    def schedule_task(
        self, definition: TaskDefinition, options: TaskOptions, args: Sequence[Any]
    ) -> DurableFuture[Any]:
        """Have a task run; its result arrives in what is returned."""
        return tasks.schedule_task(self, definition, options, args)

    def start_local_task(
        self, definition: TaskDefinition, options: TaskOptions, args: Sequence[Any]
    ) -> DurableFuture[Any]:
        """Have a short task run by this worker inside the workflow task."""
        return local.start_local(self, definition, options, args)

    def start_timer(self, seconds: float, summary: str = "") -> DurableFuture[None]:
        """Return what is resolved after `seconds`."""
        return timers.start_timer(self, seconds, summary)

    def start_child(
        self, definition: WorkflowDefinition, options: ChildOptions, args: Sequence[Any]
    ) -> children.ChildRun:
        """Start a child; the child has `started` and `result` to wait for."""
        return children.start_child(self, definition, options, args)

    def signal_external(
        self, target: Target, name: str, args: Sequence[Any], signature: Signature
    ) -> DurableFuture[None]:
        """Send a signal to another workflow."""
        return external.signal_external(self, target, name, args, signature)

    def cancel_external(self, target: Target, reason: str = "") -> DurableFuture[None]:
        """Ask another workflow to end."""
        return external.cancel_external(self, target, reason)

    def now(self) -> datetime:
        """Return the time of the current workflow task."""
        return moment(self.now_ns)

    def random(self) -> random.Random:
        """Return the run's random numbers, the same in every replay."""
        self.check_writable("wf.random()")
        if self._random is None:
            self._random = random.Random(self._seed)
        return self._random

    def uuid(self) -> uuid.UUID:
        """Return a random UUID, the same in every replay."""
        return uuid.UUID(int=self.random().getrandbits(128), version=4)

    def patched(self, patch_id: str, deprecated: bool = False) -> bool:
        """Whether this run goes the new way."""
        return properties.patched(self, patch_id, deprecated)

    def continue_as_new(self, args: Sequence[Any], options: Continuation) -> ContinueAsNew:
        """Return what to raise to go on as a new run."""
        return closing.continue_as_new(self, args, options)

    def upsert_search_attributes(self, values: Mapping[str, Any]) -> None:
        """Set search attributes; None removes one."""
        properties.upsert_search_attributes(self, values)

    def upsert_memo(self, values: Mapping[str, Any]) -> None:
        """Set fields of the memo; None removes one."""
        properties.upsert_memo(self, values)

    def info(self) -> WorkflowInfo:
        """Return what is known about the run."""
        return read_info(self)

    async def wait_condition(
        self, test: Callable[[], object], timeout_s: float | None = None
    ) -> None:
        """Wait until `test()` is true. Raises TimeoutError."""
        self.check_writable("wf.wait_for()")
        if test():
            return
        async with asyncio.timeout(timeout_s):
            await self.loop.wait_until(test)

    async def next_signal(
        self, name: str, signature: Signature, timeout_s: float | None = None
    ) -> tuple[Any, ...]:
        """Wait for the next signal of a name and return its values. Raises TimeoutError."""
        queue = self.signal_queue(name)
        values = queue.take(signature)
        if values is not None:
            return values
        async with asyncio.timeout(timeout_s):
            return await queue.receive(signature)

    def signal_queue(self, name: str) -> SignalQueue:
        """Return the queue of a name."""
        queue = self._signals.get(name)
        if queue is None:
            queue = self._signals[name] = SignalQueue(self, name)
        return queue

    def set_handler(self, name: str, handler: Handler) -> None:
        """Answer messages from now on; a signal's handler first gets what has come already."""
        self.check_writable("setting a handler")
        self.handlers.set(name, handler)
        if handler.kind is HandlerKind.SIGNAL:
            queues = list(self._signals.values()) if handler.is_any else [self.signal_queue(name)]
            for queue in queues:
                while queue:
                    call_handler(self, handler, queue.name, *queue.take_raw())

    def update_info(self) -> UpdateInfo | None:
        """Return which update the running code answers."""
        return CURRENT.get()

    # What the nouns need.

    @property
    def queue(self) -> str:
        """The queue of the run."""
        return self.started.task_queue.name

    @property
    def type_name(self) -> str:
        """The name of the run's workflow."""
        return self.started.workflow_type.name

    def next_id(self, kind: str) -> str:
        """Return the next id of a kind: "1", "2" ..."""
        number = self._counts.get(kind, 0) + 1
        self._counts[kind] = number
        return str(number)

    def seed(self, seed: str) -> None:
        """Begin the random numbers anew."""
        self._seed = seed
        if self._random is not None:
            self._random.seed(seed)

    def take_event(self, event_id: int) -> Any:
        """Return who waits for the end of what an event began, and forget it."""
        return self.by_event.pop(event_id, None)

    def check_writable(self, verb: str) -> None:
        """Refuse a verb in queries and validators, and in code that is being dropped."""
        if self.read_only:
            raise MisuseError(f"{verb} is refused here: {self.read_only} may only read")
        if self.closed:
            raise Evicted

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Refuse whatever changes the run until the block ends."""
        before, self.read_only = self.read_only, what
        try:
            yield
        finally:
            self.read_only = before

    def fill_summary(self, command: Command, summary: str) -> None:
        """Add a line for people."""
        if summary:
            payload = self.settings.converter.encode(summary)
            command.user_metadata.summary.CopyFrom(payload)

    def encode_attribute(self, value: Any) -> Payload:
        """Return the payload of a search attribute."""
        return properties.encode_attribute(self, value)

    def decode_message(self, handler: Handler, name: str, values: Payloads) -> list[Any]:
        """Return the arguments for a handler."""
        converter = self.settings.converter
        if handler.is_any:
            return [name, *converter.decode_values(values)]
        return converter.decode_all(values, handler.signature)

    def to_failure(self, error: BaseException) -> Failure:
        """Return the failure of an exception."""
        return failures.to_failure(error, self.settings.converter)

    def from_failure(self, failure: Failure) -> BaseException:
        """Return the exception of a failure."""
        return failures.from_failure(failure, self.settings.converter)

    def fails_task(self, error: BaseException) -> bool:
        """Whether an exception says that the code is wrong and not the work."""
        return closing.fails_task(error)

    def task_error_found(self, error: BaseException) -> None:
        """Fail the workflow task, with the first error there is."""
        if self.found is None:
            self.found = error

    # What the loop needs: see Clockwork.

    def seconds(self) -> float:
        """Return the time since the run's start."""
        return (self.now_ns - self.started_ns) / SECOND_NS

    def start_call_timer(self, delay_s: float, callback: Callable[[], None]) -> timers.Timer:
        """Begin a durable timer that calls back."""
        return timers.start_call(self, delay_s, callback)

    def report(self, error: BaseException) -> None:
        """Take an error that nobody awaits: of a signal's handler or a callback."""
        if self.closed:
            return
        if not self.ended:
            closing.fail(self, error)
        elif closing.fails_task(error):
            self.task_error_found(error)

    def report_lost(self, message: str, error: BaseException | None) -> None:
        """Take what asyncio says of an exception that was never looked at."""
        if not self.closed:
            self.log(logging.WARNING, "%s: %r", message, error)

    def log_dropped(self, name: str, error: BaseException) -> None:
        """Say that a signal could not be read."""
        self.log(logging.ERROR, "signal %r was dropped, it cannot be read: %s", name, error)

    def log(self, level: int, text: str, *values: object) -> None:
        """Tell people, but not in a replay."""
        if not self.replaying:
            text = f"workflow {self.type_name} %r: {text}"
            self.settings.log.log(level, text, self.workflow_id, *values)

    def warn_unfinished(self) -> None:
        """Name the handlers that have not ended with their run."""
        running = self.handlers.running.values()
        if running:
            names = sorted({f"{kind.value} {name!r}" for kind, name in running})
            self.log(
                logging.WARNING,
                "ended while handlers were at work: %s; await wf.all_handlers_finished() first",
                ", ".join(names),
            )

    # How the run begins.

    def begin(self, event: HistoryEvent) -> None:
        """Take the first event: ids, arguments, the object of a class workflow."""
        started = event.workflow_execution_started_event_attributes
        self.started = started
        at = event.event_time
        self.started_ns = at.seconds * SECOND_NS + at.nanos
        self.workflow_id = self.workflow_id or started.workflow_id
        self.seed(started.original_execution_run_id)
        if started.HasField("memo"):
            self.memo = dict(started.memo.fields)
        self.loop.seed(started.original_execution_run_id)
        if self.definition.factory is not None:
            self.instance = self.definition.factory()
        self.handlers.bind(self.definition, self.instance)

    def begin_main(self) -> None:
        """Create the main coroutine."""
        definition = self.definition
        args = self.settings.converter.decode_all(self.started.input, definition.signature)
        run = definition.run
        if definition.factory is not None:
            run = partial(run, self.instance)
        work = run_main(self, args, run) if self.settings.chain.workflows else run(*args)
        self.main = self.loop.spawn(work, f"workflow-{definition.name}", contextvars.Context())
