"""Spans of starts, runs, tasks and messages, one trace over processes and restarts.

The W3C context travels in a header, under the name that official SDKs use. Workflow code has spans
only where it is live: one when a run begins, one for each call that leaves, one for its whole time
when it ends; a replay makes none again. A run that was taken up by another process hangs its calls
below whoever started it. A start that a failed workflow task repeats may be seen twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from polyrhythm.sdk.intercept.calls import CallKind, Headers, Inbound, Outbound
from polyrhythm.sdk.intercept.chain import Go
from polyrhythm.sdk.loop.closing import ContinueAsNew
from polyrhythm.sdk.loop.context import current

# As official SDKs name it: a trace goes through workers of both.
HEADER = "_tracer-data"
NANOS = 1_000_000_000
VERBS = {
    CallKind.WORKFLOW: "StartWorkflow",
    CallKind.CHILD: "StartChildWorkflow",
    CallKind.CONTINUE: "ContinueAsNew",
    CallKind.TASK: "StartTask",
    CallKind.LOCAL_TASK: "StartLocalTask",
    CallKind.SIGNAL: "SignalWorkflow",
    CallKind.QUERY: "QueryWorkflow",
    CallKind.UPDATE: "UpdateWorkflow",
}
HANDLES = {
    CallKind.SIGNAL: "HandleSignal",
    CallKind.QUERY: "HandleQuery",
    CallKind.UPDATE: "HandleUpdate",
}
# A question changes nothing: it has spans where it is asked, and none in workflow code.
UNSEEN = (CallKind.QUERY,)


class Tracing:
    """An interceptor that makes spans."""

    def __init__(
        self, tracer: Tracer | None = None, propagator: TextMapPropagator | None = None
    ) -> None:
        self._tracer = tracer or trace.get_tracer("polyrhythm")
        self._propagator = propagator or TraceContextTextMapPropagator()

    async def around_send(self, call: Outbound, go: Go) -> Any:
        """A span around a call of a program."""
        with self._span(_outgoing(call), SpanKind.CLIENT, None, _ids(call)) as span:
            self._put(call.headers, trace.set_span_in_context(span))
            return await go()

    async def around_task(self, call: Inbound, go: Go) -> Any:
        """A span around an attempt."""
        info: Any = call.info
        attributes = _run_ids(info) | {
            "polyrhythm.task_id": info.task_id,
            "polyrhythm.attempt": info.attempt,
        }
        parent = self._parent(call.headers)
        with self._span(f"RunTask:{call.name}", SpanKind.SERVER, parent, attributes):
            return await go()

    async def around_workflow(self, call: Inbound, go: Go) -> Any:
        """A span where a run begins, and one of its whole time where it ends, if it is live."""
        parent = self._parent(call.headers)
        attributes = _run_ids(call.info)
        if not call.replaying:
            name = f"RunWorkflow:{call.name}"
            span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes)
            span.end()
            parent = trace.set_span_in_context(span, parent)
        contexts.attach(parent)
        try:
            result = await go()
        except (Exception, asyncio.CancelledError, ContinueAsNew) as error:
            self._end(call, parent, error)
            raise
        self._end(call, parent, None)
        return result

    async def around_message(self, call: Inbound, go: Go) -> Any:
        """A span around the handler of a signal or an update, if it is live."""
        parent = self._parent(call.headers)
        if call.replaying or call.kind in UNSEEN:
            contexts.attach(parent)
            return await go()
        name = f"{HANDLES[call.kind]}:{call.name}"
        with self._span(name, SpanKind.SERVER, parent, _run_ids(call.info)):
            return await go()

    def on_call(self, call: Outbound) -> None:
        """A span for a call that leaves a workflow, if it is live; it ends as it begins."""
        context = contexts.get_current()
        if not call.replaying:
            name, kind = _outgoing(call), SpanKind.CLIENT
            span = self._tracer.start_span(name, context, kind, _run_ids(call.info))
            span.end()
            context = trace.set_span_in_context(span, context)
        self._put(call.headers, context)

    def _end(self, call: Inbound, parent: Context, error: BaseException | None) -> None:
        run = current()
        if run is None or run.replaying or (error is not None and run.fails_task(error)):
            return
        span = self._tracer.start_span(
            f"CompleteWorkflow:{call.name}",
            parent,
            SpanKind.INTERNAL,
            _run_ids(call.info),
            start_time=_nanos(run.info().started_at),
        )
        if isinstance(error, Exception):
            _note(span, error)
        span.end(end_time=_nanos(run.now()))

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, parent: Context | None, attributes: Mapping[str, Any]
    ) -> Iterator[Span]:
        span = self._tracer.start_span(name, parent, kind, attributes)
        token = contexts.attach(trace.set_span_in_context(span, parent))
        try:
            yield span
        except Exception as error:
            _note(span, error)
            raise
        finally:
            span.end()
            contexts.detach(token)

    def _put(self, headers: Headers, context: Context) -> None:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context)
        if carrier:
            headers.set(HEADER, carrier)

    def _parent(self, headers: Headers) -> Context:
        carrier = headers.get(HEADER, dict[str, str]) or {}
        return self._propagator.extract(carrier, Context())


def _outgoing(call: Outbound) -> str:
    return f"{VERBS[call.kind]}:{call.name}"


def _ids(call: Outbound) -> dict[str, Any]:
    return {"polyrhythm.workflow_id": call.workflow_id} if call.workflow_id else {}


def _run_ids(info: Any) -> dict[str, Any]:
    return {"polyrhythm.workflow_id": info.workflow_id, "polyrhythm.run_id": info.run_id}


def _note(span: Span, error: BaseException) -> None:
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))


def _nanos(moment: datetime) -> int:
    return round(moment.timestamp() * NANOS)
