"""Starts plain tasks: durable runs of one task, without a workflow around them.

The task's own options count, as in a workflow; what only a start has (an id, policies, a delay) is
in `PlainOptions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from temporalio.api.workflowservice.v1 import (
    StartActivityExecutionRequest,
    StartActivityExecutionResponse,
)

from polyrhythm.base.errors import Unimplemented
from polyrhythm.sdk.client.requests import encode_attribute, put_span
from polyrhythm.sdk.client.session import Session, new_id
from polyrhythm.sdk.client.task_run import TaskRun
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import TaskDefinition, TaskOptions
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.intercept.calls import CallKind, Outbound
from polyrhythm.sdk.loop.tasks import TASK_TIMEOUT_S
from polyrhythm.sdk.retry import to_policy
from polyrhythm.sdk.retry_wire import put_priority, put_strategy
from polyrhythm.sdk.settings import IdConflict, PlainOptions

P = ParamSpec("P")
R = TypeVar("R")


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

    async def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start the task and wait for its result. Raises a TaskError."""
        run = await self.start(*args, **kwargs)
        return await run.result()

    async def _start(self, values: Sequence[Any], call: Outbound | None) -> TaskRun[R]:
        session, definition = self._session, self._definition
        request = self._request(values)
        session.fill_header(request.header, call)
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
    for span, seconds in (
        (request.start_to_close_timeout, timeout_s),
        (request.schedule_to_close_timeout, options.deadline_s),
        (request.schedule_to_start_timeout, options.pickup_s),
        (request.heartbeat_timeout, options.heartbeat_s),
        (request.start_delay, plain.delay_s),
    ):
        if seconds:
            put_span(span, seconds)
