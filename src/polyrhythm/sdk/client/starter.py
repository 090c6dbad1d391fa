"""Starts runs of one workflow, with one set of options.

Plain, with a signal, or with an update: each is one call, so that nobody sees a run without the
message that came with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, ParamSpec, TypeVar

from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    ExecuteMultiOperationResponse,
    SignalWithStartWorkflowExecutionResponse,
    StartWorkflowExecutionResponse,
    UpdateWorkflowExecutionRequest,
)

from polyrhythm.base.errors import DeadlineExceeded
from polyrhythm.sdk.client.requests import signal_with_start_request, start_request
from polyrhythm.sdk.client.run import Run, UpdateHandle
from polyrhythm.sdk.client.session import LONG_POLL_S, Session, new_id
from polyrhythm.sdk.client.updates import ACCEPTED, make_update, update_request
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import WorkflowDefinition
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.intercept.calls import CallKind, Outbound
from polyrhythm.sdk.messages import UpdateCall
from polyrhythm.sdk.settings import IdConflict, StartOptions

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Starter(Generic[P, R]):
    """What `workflow.aio` is: the starts, to be awaited."""

    __slots__ = ("_by_name", "_definition", "_options", "_session")

    def __init__(
        self,
        session: Session,
        definition: WorkflowDefinition,
        options: StartOptions,
        by_name: bool = False,
    ) -> None:
        # Of a workflow that is known by name only, any arguments are sent.
        self._by_name = by_name
        self._session = session
        self._definition = definition
        self._options = options

    async def start(self, *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Start a run; it is durable when this returns. Raises AlreadyStarted."""
        values = self._values(args, kwargs)
        subject = (self._definition.name, self._options.id)
        run: Run[R] = await self._session.send(CallKind.WORKFLOW, subject, values, self._start)
        return run

    async def _start(self, values: Sequence[Any], call: Outbound | None) -> Run[R]:
        session, options = self._session, self._options
        if options.signal is not None:
            with_signal = signal_with_start_request(
                session, self._definition, options, values, options.signal
            )
            workflow_id = with_signal.workflow_id
            session.fill_header(with_signal.header, call)
            signaled = await session.call(
                "SignalWithStartWorkflowExecution",
                with_signal,
                SignalWithStartWorkflowExecutionResponse,
            )
            return self._run(workflow_id, signaled.run_id)
        request = start_request(session, self._definition, options, values)
        request.workflow_id_conflict_policy = options.id_conflict.value  # type: ignore[assignment]
        workflow_id = request.workflow_id
        session.fill_header(request.header, call)
        started = await session.call(
            "StartWorkflowExecution", request, StartWorkflowExecutionResponse
        )
        return self._run(workflow_id, started.run_id)

    async def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start a run and wait for its result. Raises a WorkflowError."""
        run = await self.start(*args, **kwargs)
        return await run.result()

    async def start_update(
        self, update: UpdateCall[T], *args: P.args, **kwargs: P.kwargs
    ) -> UpdateHandle[T]:
        """Update the open run of the id, started first if there is none: `APPROVE.of(value)`.

        Raises MisuseError without an id, UpdateFailed. `handle.run` is the run.
        """
        if not self._options.id:
            raise MisuseError("an update with a start needs an id: workflow.options(id=...)")
        values = self._values(args, kwargs)
        subject = (self._definition.name, self._options.id)

        async def work(values: Sequence[Any], call: Outbound | None) -> UpdateHandle[T]:
            return await self._start_update(update, values, call)

        handle: UpdateHandle[T] = await self._session.send(CallKind.WORKFLOW, subject, values, work)
        return handle

    async def _start_update(
        self, update: UpdateCall[T], values: Sequence[Any], call: Outbound | None
    ) -> UpdateHandle[T]:
        session = self._session
        start = start_request(session, self._definition, self._options, values)
        session.fill_header(start.header, call)
        conflict = self._options.id_conflict
        joined = IdConflict.JOIN if conflict is IdConflict.FAIL else conflict
        start.workflow_id_conflict_policy = joined.value
        update_id = new_id()
        change = update_request(session, (start.workflow_id, ""), update, update_id, call)
        request = ExecuteMultiOperationRequest(namespace=session.namespace)
        request.operations.add().start_workflow.CopyFrom(start)
        request.operations.add().update_workflow.CopyFrom(change)
        return await self._multi(request, change, update)

    async def _multi(
        self,
        request: ExecuteMultiOperationRequest,
        change: UpdateWorkflowExecutionRequest,
        update: UpdateCall[T],
    ) -> UpdateHandle[T]:
        session = self._session
        while True:
            sent = ExecuteMultiOperationRequest()
            sent.CopyFrom(request)
            try:
                response = await session.call(
                    "ExecuteMultiOperation", sent, ExecuteMultiOperationResponse, LONG_POLL_S
                )
                break
            except DeadlineExceeded:
                continue
        answer = response.responses[1].update_workflow
        run: Run[Any] = self._run(
            change.workflow_execution.workflow_id, response.responses[0].start_workflow.run_id
        )
        if answer.stage < ACCEPTED and not answer.HasField("outcome"):
            change.workflow_execution.run_id = run.run_id
            answer = await make_update(session, change)
        update_id = change.request.meta.update_id
        handle: UpdateHandle[T] = UpdateHandle(run, update.name, update.signature, update_id)
        if answer.HasField("outcome"):
            handle.settle(answer.outcome)
        return handle

    def _values(self, args: Any, kwargs: Any) -> Any:
        if self._by_name and not kwargs:
            return args
        return bind(self._definition.signature, self._definition.name, args, kwargs)

    def _run(self, workflow_id: str, run_id: str) -> Run[R]:
        return Run(self._session, workflow_id, run_id, self._definition.signature.result)
