"""Starts plain tasks: durable runs of one task, without a workflow around them.

The task's own options count, as in a workflow; what only a start has (an id, policies, a delay) is
in `PlainOptions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, ParamSpec, TypeVar

from temporalio.api.workflowservice.v1 import (
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
)

from polyrhythm.base.errors import PolyrhythmError, Unimplemented
from polyrhythm.sdk.client.requests import encode_attribute, put_span
from polyrhythm.sdk.client.session import Session, new_id
from polyrhythm.sdk.client.task_batch import start_together
from polyrhythm.sdk.client.task_run import TaskRun
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import TaskDefinition, TaskOptions
from polyrhythm.sdk.errors import MisuseError, TasksRefused
from polyrhythm.sdk.intercept.calls import CallKind, Outbound
from polyrhythm.sdk.loop.tasks import TASK_TIMEOUT_S
from polyrhythm.sdk.retry import to_policy
from polyrhythm.sdk.retry_wire import put_priority, put_strategy
from polyrhythm.sdk.settings import IdConflict, PlainOptions

P = ParamSpec("P")
R = TypeVar("R")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TaskStarter(Generic[P, R]):
    """What `task.aio` is: the starts, to be awaited."""

    __slots__ = ("_definition", "_options", "_plain", "_session")

    def __init__(
        self,
        session: Session,
        definition: TaskDefinition,
        options: TaskOptions,
        plain: PlainOptions,
    ) -> None:
        self._session = session
        self._definition = definition
        self._options = options
        self._plain = plain

    async def start(self, *args: P.args, **kwargs: P.kwargs) -> TaskRun[R]:
        """Start the task by itself; it is durable when this returns.

        Raises ActivityAlreadyStarted, and MisuseError at a service without plain tasks.
        """
        definition = self._definition
        values = bind(definition.signature, definition.name, args, kwargs)
        # Interceptors know it by its name alone, as a task of a workflow.
        subject = (definition.name, "")
        run: TaskRun[R] = await self._session.send(CallKind.TASK, subject, values, self._start)
        return run

    async def start_many(self, calls: Iterable[Sequence[Any]]) -> list[TaskRun[R]]:
        """Start the task once for each list of arguments, up to a hundred in one call and commit;
        all are durable when this returns. With interceptors, and at a service that is not
        Polyrhythm's, each is a call of its own.

        Raises TasksRefused when some were not started; the others are.
        """
        definition, session = self._definition, self._session
        signature, name = definition.signature, definition.name
        lists = [bind(signature, name, tuple(values), {}) for values in calls]
        if self._plain.id and len(lists) > 1:
            raise MisuseError(
                f"{len(lists)} tasks {name!r} cannot all have the id {self._plain.id!r}"
            )
        found: list[TaskRun[R] | PolyrhythmError]
        if session.chain.sends or not session.link.traits.notes:
            found = [await self._start_or_error(values) for values in lists]
        else:
            requests = [self._request(values) for values in lists]
            for request in requests:
                session.fill_header(request.header)
            found = await self._start_together(requests)
        errors = {i: one for i, one in enumerate(found) if isinstance(one, PolyrhythmError)}
        if errors:
            ids = [one.task_id if isinstance(one, TaskRun) else "" for one in found]
            raise TasksRefused(ids, errors)
        return [one for one in found if isinstance(one, TaskRun)]

    async def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start the task and wait for its result. Raises a TaskError."""
        run = await self.start(*args, **kwargs)
        return await run.result()

    async def _start(self, values: Sequence[Any], call: Outbound | None) -> TaskRun[R]:
        session, definition = self._session, self._definition
        request = self._request(values)
        session.fill_header(request.header, call)
        if self._plain.eta is not None and session.link.traits.notes:
            (found,) = await self._start_together([request])
            if isinstance(found, PolyrhythmError):
                raise found
            return found
        activity_id = request.activity_id
        try:
            started = await session.call(
                "StartActivityExecution", request, StartActivityExecutionResponse
            )
        except Unimplemented as error:
            raise MisuseError(
                f"task {definition.name!r} cannot be started by itself: {session.link.traits.name}"
                f" says {error.message!r}; start a workflow that runs it"
            ) from error
        result = definition.signature.result
        return TaskRun(session, definition.name, activity_id, started.run_id, result)

    async def _start_or_error(self, values: Sequence[Any]) -> TaskRun[R] | PolyrhythmError:
        try:
            subject = (self._definition.name, "")
            run: TaskRun[R] = await self._session.send(CallKind.TASK, subject, values, self._start)
        except PolyrhythmError as error:
            return error
        return run

    async def _start_together(
        self, requests: list[StartActivityExecutionRequest]
    ) -> list[TaskRun[R] | PolyrhythmError]:
        """Start tasks by as few calls as there can be, at their time to the microsecond."""
        session, eta, due_ns = self._session, self._plain.eta, 0
        if eta is not None:
            # Whole numbers: a float has not enough digits for them.
            due_ns = (eta - EPOCH) // timedelta(microseconds=1) * 1000
            for request in requests:
                request.ClearField("start_delay")
        outcomes = await start_together(session, [(request, due_ns) for request in requests])
        name, result = self._definition.name, self._definition.signature.result
        return [
            TaskRun(session, name, request.activity_id, outcome, result)
            if isinstance(outcome, str)
            else outcome
            for request, outcome in zip(requests, outcomes, strict=True)
        ]

    def _request(self, values: Sequence[Any]) -> StartActivityExecutionRequest:
        session, definition = self._session, self._definition
        options, plain, converter = self._options, self._plain, self._session.converter
        if plain.id_conflict is IdConflict.TERMINATE:
            raise MisuseError("a task that runs is not replaced: cancel it, or join it")
        request = StartActivityExecutionRequest()
        request.namespace = session.namespace
        request.identity = session.identity
        request.request_id = new_id()
        request.activity_id = plain.id or new_id()
        request.activity_type.name = definition.name
        request.task_queue.name = options.queue or session.queue
        request.input.CopyFrom(converter.encode_all(values, definition.signature))
        request.id_reuse_policy = plain.id_reuse.value  # type: ignore[assignment]
        request.id_conflict_policy = plain.id_conflict.value
        _fill_spans(request, options, plain)
        if options.retry is not None:
            request.retry_policy.CopyFrom(to_policy(options.retry))
            put_strategy(request.header.fields, options.retry, converter)
        put_priority(request, options)
        if options.summary:
            request.user_metadata.summary.CopyFrom(converter.encode(options.summary))
        if plain.details:
            request.user_metadata.details.CopyFrom(converter.encode(plain.details))
        for name, value in plain.search_attributes.items():
            field = request.search_attributes.indexed_fields[name]
            field.CopyFrom(encode_attribute(converter, name, value))
        return request


def _fill_spans(
    request: StartActivityExecutionRequest, options: TaskOptions, plain: PlainOptions
) -> None:
    timeout_s = options.timeout_s
    if not timeout_s and not options.deadline_s:
        timeout_s = TASK_TIMEOUT_S
    delay_s = plain.delay_s
    if plain.eta is not None:
        delay_s = (plain.eta - datetime.now(UTC)).total_seconds()
    for span, seconds in (
        (request.start_to_close_timeout, timeout_s),
        (request.schedule_to_close_timeout, options.deadline_s),
        (request.schedule_to_start_timeout, options.pickup_s),
        (request.heartbeat_timeout, options.heartbeat_s),
        (request.start_delay, delay_s),
    ):
        if seconds > 0:
            put_span(span, seconds)
