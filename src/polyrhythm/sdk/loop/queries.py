"""Queries: answered by handlers that may only read, from the code as it stands.

Two are built in, under the names that other tools ask for: the stacks of what is waiting, and what
the workflow says about itself. A handler may be async but has nothing to wait for.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.failure.v1 import Failure
from temporalio.api.query.v1 import WorkflowQuery, WorkflowQueryResult
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondQueryTaskCompletedRequest,
)

from polyrhythm.sdk.definitions import HandlerKind
from polyrhythm.sdk.errors import Failure as UserFailure
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.passing import around_handler

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

STACKS = "__stack_trace"
METADATA = "__temporal_workflow_metadata"
ANSWERED = QueryResultType.QUERY_RESULT_TYPE_ANSWERED
FAILED = QueryResultType.QUERY_RESULT_TYPE_FAILED


class Answer:
    """What came of a query: `values`, or a failure with its message."""

    __slots__ = ("failure", "message", "values")

    def __init__(self, values: Payloads | None, failure: Failure | None = None) -> None:
        self.values = values
        self.failure = failure
        self.message = "" if failure is None else failure.message

    def fill(self, result: WorkflowQueryResult) -> None:
        """Write it as a result beside a completed workflow task."""
        if self.values is not None:
            result.result_type = ANSWERED
            result.answer.CopyFrom(self.values)
            return
        result.result_type = FAILED
        result.error_message = self.message
        if self.failure is not None:
            result.failure.CopyFrom(self.failure)


def answer(context: Context, query: WorkflowQuery) -> Answer:
    """Run the handler of a query."""
    try:
        with context.reading("a query"):
            value = _value_of(context, query)
            return Answer(context.settings.converter.encode_values((value,)))
    except Exception as error:  # noqa: BLE001 - user code may raise anything
        return Answer(None, context.to_failure(error))


def answer_legacy(
    context: Context, task: PollWorkflowTaskQueueResponse
) -> RespondQueryTaskCompletedRequest:
    """Return the answer to a task that is nothing but a query."""
    found = answer(context, task.query)
    request = RespondQueryTaskCompletedRequest(task_token=task.task_token)
    if found.values is not None:
        request.completed_type = ANSWERED
        request.query_result.CopyFrom(found.values)
        return request
    request.completed_type = FAILED
    request.error_message = found.message
    if found.failure is not None:
        request.failure.CopyFrom(found.failure)
    return request


def refuse_legacy(
    context: Context, task: PollWorkflowTaskQueueResponse
) -> RespondQueryTaskCompletedRequest:
    """Return the answer when the code cannot be brought to where the history is."""
    assert context.found is not None
    request = RespondQueryTaskCompletedRequest(task_token=task.task_token, completed_type=FAILED)
    request.failure.CopyFrom(context.to_failure(context.found))
    request.error_message = request.failure.message
    return request


def _value_of(context: Context, query: WorkflowQuery) -> Any:
    name = query.query_type
    if name == STACKS:
        return _stacks(context)
    if name == METADATA:
        return _metadata(context)
    handler = context.handlers.find(HandlerKind.QUERY, name)
    if handler is None:
        known = ", ".join(context.handlers.names(HandlerKind.QUERY)) or "none"
        raise UserFailure(f"the workflow has no query {name!r}; it has: {known}")
    args = context.decode_message(handler, name, query.query_args)
    if context.settings.chain.messages:
        fields = query.header.fields
        around = around_handler(context, handler, name, args, fields)
        return contextvars.Context().run(_finish, around)
    value = handler.function(*args)
    return _finish(value) if handler.is_async else value


def _finish(work: Any) -> Any:
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    work.close()
    raise MisuseError("a query answers at once: its handler must not wait for anything")


def _stacks(context: Context) -> str:
    parts = []
    for task in context.loop.live_tasks():
        lines = [f"{task.get_name()}:"]
        for file, line, name in _frames(task):
            lines.append(f'  File "{file}", line {line}, in {name}')
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _frames(task: asyncio.Task[Any]) -> list[tuple[str, int, str]]:
    """Return the frames of a coroutine that waits, outermost first, through all it awaits."""
    frames = []
    work: Any = task.get_coro()
    while work is not None:
        frame = getattr(work, "cr_frame", None) or getattr(work, "gi_frame", None)
        if frame is None:
            break
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        work = getattr(work, "cr_await", None) or getattr(work, "gi_yieldfrom", None)
    return frames


def _metadata(context: Context) -> WorkflowMetadata:
    metadata = WorkflowMetadata(current_details=context.details)
    definition = metadata.definition
    definition.type = context.type_name
    kinds = (
        (HandlerKind.QUERY, definition.query_definitions),
        (HandlerKind.SIGNAL, definition.signal_definitions),
        (HandlerKind.UPDATE, definition.update_definitions),
    )
    declared = context.definition.handlers
    for kind, entries in kinds:
        for name in context.handlers.names(kind):
            entry = entries.add()
            entry.name = "" if name == "*" else name
            if (kind, name) in declared:
                entry.description = declared[kind, name].description
    return metadata
