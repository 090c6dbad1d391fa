"""Local tasks: run by the worker inside a workflow task, recorded as a marker of the history.

The worker makes the attempts and their short waits; a long back-off comes back here and becomes a
durable timer, with a marker of its own. Markers have the shape other tools show. A replay takes
results from the markers, in their order, after the code has come to rest: as the live run did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.sdk.definitions import TaskDefinition, TaskOptions
from polyrhythm.sdk.errors import NondeterminismError
from polyrhythm.sdk.intercept.calls import CallKind
from polyrhythm.sdk.loop.futures import DurableFuture
from polyrhythm.sdk.loop.origin import Place, find_place, spell_place
from polyrhythm.sdk.loop.passing import announce
from polyrhythm.sdk.loop.timers import SECOND_NS, start_call

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

MARKER = "core_local_activity"


@dataclass(slots=True)
class LocalTask:
    """What the worker is to run now; `attempt` is the first one to make."""

    seq: int
    definition: TaskDefinition
    options: TaskOptions
    input: Payloads
    attempt: int
    scheduled_ns: int
    # Headers of the call, for interceptors.
    fields: Mapping[str, Payload] | None = None


@dataclass(slots=True)
class LocalResult:
    """What became of one: `result`, or `failure`; `backoff_s` asks to be run again after a wait
    that is too long for a workflow task.
    """

    seq: int
    result: Payloads | None = None
    failure: Failure | None = None
    attempt: int = 1
    backoff_s: float = 0.0


@dataclass(slots=True)
class MarkerData:
    """The JSON of a marker, with the names other tools know."""

    seq: int
    attempt: int
    activity_id: str
    activity_type: str
    complete_time: dict[str, int]
    backoff: dict[str, int] | None
    original_schedule_time: dict[str, int]


READ_DATA = msgspec.json.Decoder(MarkerData)
WRITE_DATA = msgspec.json.Encoder()


class LocalRun:
    """One local task of a run."""

    __slots__ = ("context", "future", "place", "seq", "task", "timer")

    def __init__(self, context: Context, task: LocalTask, place: Place | None) -> None:
        self.context = context
        self.task = task
        self.seq = task.seq
        self.place = place
        self.timer: Any = None
        self.future: DurableFuture[Any] = context.loop.new_future(self.cancel)

    def record(self, event: HistoryEvent) -> bool:
        """Take the event a marker was written as."""
        data = read_marker(event)
        return data is not None and data.activity_type == self.task.definition.name

    def cancel(self) -> bool:
        """Stop waiting: the worker is told, its result no longer counts."""
        self.context.locals.drop(self.seq)
        if self.timer is not None and not self.context.closed:
            self.timer.cancel()
        return True


class LocalRuns:
    """The local tasks of a run that have no result yet."""

    __slots__ = ("_count", "dropped", "open", "queued")

    def __init__(self) -> None:
        self._count = 0
        self.open: dict[int, LocalRun] = {}
        self.queued: dict[int, LocalTask] = {}
        self.dropped: list[int] = []

    def next_seq(self) -> int:
        """Return the number of a new one."""
        self._count += 1
        return self._count

    def drop(self, seq: int) -> None:
        """Forget one that nobody waits for."""
        if self.open.pop(seq, None) is not None and self.queued.pop(seq, None) is None:
            self.dropped.append(seq)

    @property
    def awaited(self) -> bool:
        """Whether the worker still has some: the workflow task is not over."""
        return any(run.timer is None for run in self.open.values())

    def take_queued(self) -> list[LocalTask]:
        """Return what the worker has not been given yet."""
        queued, self.queued = list(self.queued.values()), {}
        return queued

    def take_dropped(self) -> list[int]:
        """Return what the worker may stop."""
        dropped, self.dropped = self.dropped, []
        return dropped


def start_local(
    context: Context, definition: TaskDefinition, options: TaskOptions, args: Sequence[Any]
) -> DurableFuture[Any]:
    """Have a task run inside this workflow task; return what its result arrives in."""
    context.check_writable(f"local task {definition.name}()")
    call = announce(context, CallKind.LOCAL_TASK, definition.name, args)
    args = args if call is None else call.args
    payloads = context.settings.converter.encode_all(args, definition.signature)
    runs = context.locals
    task = LocalTask(runs.next_seq(), definition, options, payloads, 1, context.now_ns)
    if call is not None:
        task.fields = call.headers.payloads()
    run = LocalRun(context, task, find_place())
    runs.open[run.seq] = run
    runs.queued[run.seq] = task
    return run.future


def apply_result(context: Context, result: LocalResult) -> None:
    """Record what the worker says, and resolve the wait or begin the back-off."""
    run = context.locals.open.get(result.seq)
    if run is None:
        return
    context.locals.queued.pop(result.seq, None)
    _add_marker(run, result)
    if result.backoff_s > 0:
        task = run.task
        task.attempt = result.attempt + 1
        run.timer = start_call(context, result.backoff_s, lambda: _run_again(run))
        return
    del context.locals.open[result.seq]
    if run.future.done():
        return
    if result.failure is not None:
        run.future.let_fail(_error_of(run, result.failure))
        return
    kind = run.task.definition.signature.result
    try:
        payloads = Payloads() if result.result is None else result.result
        value = context.settings.converter.decode_result(payloads, kind)
    except Exception as error:  # noqa: BLE001 - a user's type may raise anything
        run.future.let_fail(error)
    else:
        run.future.set_result(value)


def apply_marker(context: Context, event: HistoryEvent) -> None:
    """Take a result from the history."""
    data = read_marker(event)
    if data is None:
        return
    run = context.locals.open.get(data.seq)
    if run is None or run.task.definition.name != data.activity_type:
        now = "no such local task is waited for"
        if run is not None:
            now = f"local task {run.task.definition.name!r} at {spell_place(run.place)} is"
        raise NondeterminismError(
            f"the history has the result of local task {data.activity_type!r} ({data.seq}) in event"
            f" {event.event_id}, where in the workflow code {now}"
        )
    attributes = event.marker_recorded_event_attributes
    result = LocalResult(data.seq, attempt=data.attempt)
    if attributes.HasField("failure"):
        result.failure = attributes.failure
    elif "result" in attributes.details:
        result.result = attributes.details["result"]
    if data.backoff is not None:
        result.backoff_s = data.backoff["seconds"] + data.backoff["nanos"] / SECOND_NS
    apply_result(context, result)


def is_local(event: HistoryEvent) -> bool:
    """Whether a marker is a local task's."""
    return event.marker_recorded_event_attributes.marker_name == MARKER


def read_marker(event: HistoryEvent) -> MarkerData | None:
    """Return what a local task's marker says; None for another marker."""
    attributes = event.marker_recorded_event_attributes
    if attributes.marker_name != MARKER or "data" not in attributes.details:
        return None
    return READ_DATA.decode(attributes.details["data"].payloads[0].data)


def _add_marker(run: LocalRun, result: LocalResult) -> None:
    context, task = run.context, run.task
    command = Command(command_type=commands.COMMAND_TYPE_RECORD_MARKER)
    attributes = command.record_marker_command_attributes
    attributes.marker_name = MARKER
    data = MarkerData(
        run.seq,
        result.attempt,
        str(run.seq),
        task.definition.name,
        _span(context.now_ns),
        _span(round(result.backoff_s * SECOND_NS)) if result.backoff_s > 0 else None,
        _span(task.scheduled_ns),
    )
    payload = attributes.details["data"].payloads.add()
    payload.metadata["encoding"] = b"json/plain"
    payload.data = WRITE_DATA.encode(data)
    if result.failure is not None:
        attributes.failure.CopyFrom(result.failure)
    elif result.result is not None:
        attributes.details["result"].CopyFrom(result.result)
    context.outbox.add(command, run, run.place)


def _run_again(run: LocalRun) -> None:
    run.timer = None
    if run.seq in run.context.locals.open:
        run.context.locals.queued[run.seq] = run.task


def _error_of(run: LocalRun, cause: Failure) -> BaseException:
    failure = Failure(message="Activity task failed")
    failure.cause.CopyFrom(cause)
    info = failure.activity_failure_info
    info.activity_type.name = run.task.definition.name
    info.activity_id = str(run.seq)
    return run.context.from_failure(failure)


def _span(value_ns: int) -> dict[str, int]:
    seconds, nanos = divmod(value_ns, SECOND_NS)
    return {"seconds": seconds, "nanos": nanos}
