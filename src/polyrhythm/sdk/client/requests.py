"""Requests to start: every option of a start written into the fields of the protocol.

Two requests have the same fields under the same names, with and without a signal; one function
fills both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.workflowservice.v1 import (
    SignalWithStartWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.sdk.client.session import Session, new_id
from polyrhythm.sdk.definitions import WorkflowDefinition
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.properties import ATTRIBUTE_TYPES
from polyrhythm.sdk.messages import SignalCall
from polyrhythm.sdk.retry import to_policy
from polyrhythm.sdk.settings import StartOptions
from polyrhythm.sdk.values import Converter

NANOS = 1_000_000_000


def start_request(
    session: Session, definition: WorkflowDefinition, options: StartOptions, args: Sequence[Any]
) -> StartWorkflowExecutionRequest:
    """Return the request to start a run. Raises PayloadError, MisuseError."""
    request = StartWorkflowExecutionRequest()
    _fill(request, session, definition, options, args)
    return request


def signal_with_start_request(
    session: Session,
    definition: WorkflowDefinition,
    options: StartOptions,
    args: Sequence[Any],
    signal: SignalCall,
) -> SignalWithStartWorkflowExecutionRequest:
    """Return the request to signal a run, started first if there is none."""
    request = SignalWithStartWorkflowExecutionRequest()
    _fill(request, session, definition, options, args)
    request.signal_name = signal.name
    request.signal_input.CopyFrom(session.converter.encode_all(signal.args, signal.signature))
    return request


def _fill(
    request: StartWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest,
    session: Session,
    definition: WorkflowDefinition,
    options: StartOptions,
    args: Sequence[Any],
) -> None:
    converter, declared = session.converter, definition.options
    request.namespace = session.namespace
    request.workflow_id = options.id or new_id()
    request.workflow_type.name = definition.name
    request.task_queue.name = options.queue or declared.queue or session.queue
    request.input.CopyFrom(converter.encode_all(args, definition.signature))
    request.identity = session.identity
    request.request_id = new_id()
    request.workflow_id_reuse_policy = options.id_reuse.value  # type: ignore[assignment]
    if options.cron:
        request.cron_schedule = options.cron
    # A field of a message is touched only where there is something to write: that alone takes time.
    seconds = options.execution_timeout_s or declared.execution_timeout_s
    if seconds:
        put_span(request.workflow_execution_timeout, seconds)
    seconds = options.run_timeout_s or declared.run_timeout_s
    if seconds:
        put_span(request.workflow_run_timeout, seconds)
    seconds = options.task_timeout_s or declared.task_timeout_s
    if seconds:
        put_span(request.workflow_task_timeout, seconds)
    if options.delay_s:
        put_span(request.workflow_start_delay, options.delay_s)
    retry = options.retry or declared.retry
    if retry is not None:
        request.retry_policy.CopyFrom(to_policy(retry))
    if options.memo:
        for name, value in options.memo.items():
            request.memo.fields[name].CopyFrom(converter.encode(value))
    if options.search_attributes:
        for name, value in options.search_attributes.items():
            field = request.search_attributes.indexed_fields[name]
            field.CopyFrom(encode_attribute(converter, name, value))
    if options.summary:
        request.user_metadata.summary.CopyFrom(converter.encode(options.summary))
    if options.details:
        request.user_metadata.details.CopyFrom(converter.encode(options.details))
    if options.priority:
        request.priority.priority_key = options.priority


def put_span(span: Duration, seconds: float) -> None:
    """Write seconds as a duration."""
    span.seconds, span.nanos = divmod(round(seconds * NANOS), NANOS)


def encode_attribute(converter: Converter, name: str, value: Any) -> Payload:
    """Return a search attribute's payload, with the type the service indexes it by."""
    payload = converter.encode(value)
    for kind, index in ATTRIBUTE_TYPES:
        if isinstance(value, kind):
            payload.metadata["type"] = index
            return payload
    raise MisuseError(
        f"search attribute {name!r} cannot be a {type(value).__name__}: give a bool, int, float,"
        " str, datetime or list of str"
    )
