"""A run as its starter holds it: wait for it, talk to it, end it, look at it.

A handle costs nothing and asks nothing by itself. One without a run id means the newest run of its
workflow id; the one a start returned means that run, and `result()` follows it when it continues
as new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar, overload

from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.update.v1 import Outcome
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    QueryWorkflowRequest,
    RequestCancelWorkflowExecutionRequest,
    RequestCancelWorkflowExecutionResponse,
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
    TerminateWorkflowExecutionResponse,
)

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.sdk.client.asking import ask
from polyrhythm.sdk.client.history import History
from polyrhythm.sdk.client.moment import RunMoment, fetch_moment
from polyrhythm.sdk.client.session import Session, new_id
from polyrhythm.sdk.client.updates import make_update, read_outcome, update_request, wait_outcome
from polyrhythm.sdk.client.views import Description, read_description
from polyrhythm.sdk.client.waiting import wait_closed
from polyrhythm.sdk.declare.methods import QueryMethod, SignalMethod, UpdateMethod
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.intercept.calls import CallKind, Outbound
from polyrhythm.sdk.messages import Query, Signal, Update, UpdateCall

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class UpdateHandle(Generic[R]):
    """An update that was accepted; `result()` waits for its end."""

    __slots__ = ("_outcome", "_session", "_signature", "name", "run", "update_id")

    def __init__(self, run: Run[Any], name: str, signature: Signature, update_id: str) -> None:
        self.run = run
        self.name = name
        self.update_id = update_id
        self._session = run.session
        self._signature = signature
        self._outcome: Outcome | None = None

    def settle(self, outcome: Outcome) -> None:
        """Take an outcome that is known already."""
        self._outcome = outcome

    async def result(self, *, timeout: Span | None = None) -> R:  # noqa: ASYNC109
        """Wait for what the update returned. Raises UpdateFailed, TimeoutError."""
        if self._outcome is None:
            target = (self.run.workflow_id, self.run.run_id)
            async with asyncio.timeout(None if timeout is None else parse_span(timeout)):
                self._outcome = await wait_outcome(self._session, target, self.update_id)
        value: R = read_outcome(self._session, self._outcome, self.name, self._signature)
        return value


class Run(Generic[R]):
    """One run of a workflow, or the newest one of an id."""

    __slots__ = ("result_type", "run_id", "session", "workflow_id")

    def __init__(
        self, session: Session, workflow_id: str, run_id: str = "", result_type: Any = Any
    ) -> None:
        self.session = session
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.result_type = result_type

    def __repr__(self) -> str:
        """The ids."""
        return f"<run {self.workflow_id} {self.run_id or 'newest'}>"

    async def result(
        self,
        *,
        timeout: Span | None = None,  # noqa: ASYNC109
        follow: bool = True,
    ) -> R:
        """Wait for the result. Raises WorkflowFailed, -Cancelled, -Terminated, -TimedOut, and
        TimeoutError when `timeout` is over first. `follow`: also through continue-as-new.
        """
        try:
            async with asyncio.timeout(None if timeout is None else parse_span(timeout)):
                payloads = await wait_closed(self.session, self.workflow_id, self.run_id, follow)
        except TimeoutError as error:
            raise TimeoutError(
                f"{self!r} is still open after {timeout}: it waits, works, or its code fails, which"
                " the worker logs; run.describe() and run.history() tell"
            ) from error
        value: R = self.session.converter.decode_result(payloads, self.result_type)
        return value

    @overload
    async def send(self, signal: Signal[None]) -> None: ...

    @overload
    async def send(self, signal: Signal[T], value: T) -> None: ...

    @overload
    async def send(
        self, signal: SignalMethod[Any, P], *args: P.args, **kwargs: P.kwargs
    ) -> None: ...

    @overload
    async def send(self, signal: str, *args: Any) -> None: ...

    async def send(self, signal: Any, *args: Any, **kwargs: Any) -> None:
        """Send a signal: a declared one, a marked method, or a name. Raises NotFound when the run
        has ended.
        """
        name, signature, values = _message(signal, args, kwargs)
        session = self.session

        async def work(values: Sequence[Any], call: Outbound | None) -> None:
            request = SignalWorkflowExecutionRequest(
                namespace=session.namespace,
                signal_name=name,
                identity=session.identity,
                request_id=new_id(),
            )
            self._name(request.workflow_execution)
            request.input.CopyFrom(session.converter.encode_all(values, signature))
            session.fill_header(request.header, call)
            await session.call("SignalWorkflowExecution", request, SignalWorkflowExecutionResponse)

        await session.send(CallKind.SIGNAL, (name, self.workflow_id), values, work)

    @overload
    async def query(self, query: Query[T]) -> T: ...

    @overload
    async def query(
        self, query: QueryMethod[Any, P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...

    @overload
    async def query(self, query: str, *args: Any) -> Any: ...

    async def query(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask a question; a closed run answers while its history is kept. Raises QueryFailed."""
        name, signature, values = _message(query, args, kwargs)

        async def work(values: Sequence[Any], call: Outbound | None) -> Any:
            request = QueryWorkflowRequest(namespace=self.session.namespace)
            self._name(request.execution)
            asked = WorkflowQuery(query_type=name)
            asked.query_args.CopyFrom(self.session.converter.encode_all(values, signature))
            self.session.fill_header(asked.header, call)
            request.query.CopyFrom(asked)
            return await ask(self.session, request, signature)

        return await self.session.send(CallKind.QUERY, (name, self.workflow_id), values, work)

    @overload
    async def update(self, update: Update[P, T], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    async def update(
        self, update: UpdateMethod[Any, P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...

    @overload
    async def update(self, update: str, *args: Any) -> Any: ...

    async def update(self, update: Any, *args: Any, **kwargs: Any) -> Any:
        """Make an update and wait for what it returns. Raises UpdateFailed."""
        handle: UpdateHandle[Any] = await self._update(update, args, kwargs)
        return await handle.result()

    @overload
    async def start_update(
        self, update: Update[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> UpdateHandle[T]: ...

    @overload
    async def start_update(
        self, update: UpdateMethod[Any, P, T], *args: P.args, **kwargs: P.kwargs
    ) -> UpdateHandle[T]: ...

    @overload
    async def start_update(self, update: str, *args: Any) -> UpdateHandle[Any]: ...

    async def start_update(self, update: Any, *args: Any, **kwargs: Any) -> UpdateHandle[Any]:
        """Make an update and return once a worker has accepted it. Raises UpdateFailed."""
        return await self._update(update, args, kwargs)

    async def cancel(self, reason: str = "") -> None:
        """Ask the run to end: its code gets CancelledError and may clean up."""
        request = RequestCancelWorkflowExecutionRequest(
            namespace=self.session.namespace,
            identity=self.session.identity,
            request_id=new_id(),
            reason=reason,
        )
        self._name(request.workflow_execution)
        await self.session.call(
            "RequestCancelWorkflowExecution", request, RequestCancelWorkflowExecutionResponse
        )

    async def terminate(self, reason: str = "", *details: Any) -> None:
        """End the run at once; its code does not learn of it."""
        request = TerminateWorkflowExecutionRequest(
            namespace=self.session.namespace, identity=self.session.identity, reason=reason
        )
        self._name(request.workflow_execution)
        if details:
            request.details.CopyFrom(self.session.converter.encode_values(details))
        await self.session.call(
            "TerminateWorkflowExecution", request, TerminateWorkflowExecutionResponse
        )

    async def describe(self) -> Description:
        """Return status, times, pending tasks and children."""
        request = DescribeWorkflowExecutionRequest(namespace=self.session.namespace)
        self._name(request.execution)
        response = await self.session.call(
            "DescribeWorkflowExecution", request, DescribeWorkflowExecutionResponse
        )
        return read_description(response, self.session.converter)

    async def history(self) -> History:
        """Return all events so far."""
        history = History(self.workflow_id, self.run_id)
        token = b""
        while True:
            request = GetWorkflowExecutionHistoryRequest(
                namespace=self.session.namespace, next_page_token=token
            )
            self._name(request.execution)
            response = await self.session.call(
                "GetWorkflowExecutionHistory", request, GetWorkflowExecutionHistoryResponse
            )
            history.events.extend(response.history.events)
            token = response.next_page_token
            if not token:
                return history

    async def at(self, time: datetime | None = None, *, event_id: int = 0) -> RunMoment:
        """Return the run as it was: after the last commit at or before a time, or after the commit
        that wrote an event; as it is now without either. Also of closed runs.

            moment = run.at(datetime.now(UTC) - timedelta(hours=1))
            moment.status, moment.description.pending_tasks, len(moment.history)

        Raises NotFound before the run's start, InvalidArgument for an event it does not have,
        MisuseError at a service without notes (a Temporal cluster), where `history()` has events.
        """
        return await fetch_moment(self.session, (self.workflow_id, self.run_id), time, event_id)

    async def _update(self, update: Any, args: Any, kwargs: Any) -> UpdateHandle[Any]:
        name, signature, values = _message(update, args, kwargs)

        async def work(values: Sequence[Any], sent: Outbound | None) -> UpdateHandle[Any]:
            call: UpdateCall[Any] = UpdateCall(name, signature, tuple(values))
            return await self._make(call, sent)

        subject = (name, self.workflow_id)
        handle: UpdateHandle[Any] = await self.session.send(CallKind.UPDATE, subject, values, work)
        return handle

    async def _make(self, call: UpdateCall[Any], sent: Outbound | None) -> UpdateHandle[Any]:
        update_id = new_id()
        target = (self.workflow_id, self.run_id)
        request = update_request(self.session, target, call, update_id, sent)
        response = await make_update(self.session, request)
        run = Run[Any](
            self.session, self.workflow_id, response.update_ref.workflow_execution.run_id
        )
        handle: UpdateHandle[Any] = UpdateHandle(run, call.name, call.signature, update_id)
        if response.HasField("outcome"):
            handle.settle(response.outcome)
        return handle

    def _name(self, execution: Any) -> None:
        execution.workflow_id = self.workflow_id
        execution.run_id = self.run_id


def _message(
    message: Any, args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[str, Signature, tuple[Any, ...]]:
    """The name on the wire, what is sent, and the values by position."""
    if isinstance(message, str):
        return message, Signature(), args
    signature = message.signature
    return message.name, signature, tuple(bind(signature, message.name, args, named))
