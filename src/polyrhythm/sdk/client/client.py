"""A client of one namespace: runs by id, lists, counts, workflows known by name only.

What is declared in the application is started through its Workflow; this is for everything else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar, overload

from temporalio.api.workflowservice.v1 import (
    CountActivityExecutionsRequest,
    CountActivityExecutionsResponse,
    CountWorkflowExecutionsRequest,
    CountWorkflowExecutionsResponse,
    ListActivityExecutionsRequest,
    ListActivityExecutionsResponse,
    ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse,
)
from typing_extensions import Unpack

from polyrhythm.sdk.client.attempts import AttemptHandle
from polyrhythm.sdk.client.letters import (
    DeadLetter,
    discard_run,
    letters_query,
    read_letters,
    requeue_run,
)
from polyrhythm.sdk.client.run import Run
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.client.starter import Starter
from polyrhythm.sdk.client.task_run import TaskRun
from polyrhythm.sdk.client.task_views import TaskSummary, read_task_summary
from polyrhythm.sdk.client.views import RunSummary, read_summary
from polyrhythm.sdk.definitions import Signature, WorkflowDefinition
from polyrhythm.sdk.settings import StartOptions, StartSettings, start_options

T = TypeVar("T")
PAGE_RUNS = 200


class Client:
    """Calls of one namespace."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session

    @overload
    def run(self, workflow_id: str, run_id: str = ..., *, result: type[T]) -> Run[T]: ...

    @overload
    def run(self, workflow_id: str, run_id: str = ...) -> Run[Any]: ...

    def run(self, workflow_id: str, run_id: str = "", *, result: Any = Any) -> Run[Any]:
        """Return a handle for a run, the newest of its id without a run id. Asks nothing yet."""
        return Run(self.session, workflow_id, run_id, result)

    def workflow(
        self, name: str, *, result: Any = Any, **settings: Unpack[StartSettings]
    ) -> Starter[..., Any]:
        """Return what starts a workflow by name, of any SDK: `client.workflow("Order").start(1)`.

        Arguments are sent as they are.
        """
        definition = WorkflowDefinition(name, _nothing, Signature(result=result))
        options = start_options(StartOptions(), settings)
        return Starter(self.session, definition, options, by_name=True)

    @overload
    def task_run(self, task_id: str, run_id: str = ..., *, result: type[T]) -> TaskRun[T]: ...

    @overload
    def task_run(self, task_id: str, run_id: str = ...) -> TaskRun[Any]: ...

    def task_run(self, task_id: str, run_id: str = "", *, result: Any = Any) -> TaskRun[Any]:
        """Return a handle for a task that was started by itself, the newest of its id without a
        run id. Asks nothing yet."""
        return TaskRun(self.session, "", task_id, run_id, result)

    def attempt(self, token: bytes) -> AttemptHandle:
        """Return a handle for an attempt that `task.complete_later()` left open, by its token."""
        return AttemptHandle(self.session, token)

    async def list(self, query: str = "", *, limit: int = 0) -> AsyncIterator[RunSummary]:
        """Every run that a filter matches, newest first: `"WorkflowType = 'checkout'"`."""
        request = ListWorkflowExecutionsRequest(query=query)
        async for info in self._pages(request, ListWorkflowExecutionsResponse, limit):
            yield read_summary(info, self.session.converter)

    async def list_tasks(self, query: str = "", *, limit: int = 0) -> AsyncIterator[TaskSummary]:
        """Every plain task that a filter matches, newest first: `"ActivityType = 'charge'"`."""
        request = ListActivityExecutionsRequest(query=query)
        async for info in self._pages(request, ListActivityExecutionsResponse, limit):
            yield read_task_summary(info, self.session.converter)

    async def count_tasks(self, query: str = "") -> int:
        """Return how many plain tasks a filter matches."""
        request = CountActivityExecutionsRequest(namespace=self.session.namespace, query=query)
        response = await self.session.call(
            "CountActivityExecutions", request, CountActivityExecutionsResponse
        )
        return response.count

    async def dead_letters(self, query: str = "", *, limit: int = 0) -> AsyncIterator[DeadLetter]:
        """Every run that failed or ran out of time and that no newer run of its id follows, newest
        first, with what failed in it; read page by page as it is asked for.

            for letter in app.client.dead_letters("WorkflowType = 'checkout'", limit=50):
                print(letter.workflow_id, letter.task, letter.error)
                app.client.requeue(letter.workflow_id)
        """
        failed = self.list(letters_query(query))
        async for letter in read_letters(self.session, failed, limit):
            yield letter

    async def requeue(self, workflow_id: str, run_id: str = "") -> Run[Any]:
        """Begin a dead letter again, under the same id and with the same input and options; the
        memo of the new run says `requeued_from` and `requeued_times`. Asking twice is one new run.

        Without a run id the newest run is meant. Raises MisuseError for a run that did not fail,
        AlreadyStarted when another run of the id is open. A child begins again as nobody's child.
        """
        return Run(self.session, workflow_id, await requeue_run(self.session, workflow_id, run_id))

    async def discard(self, workflow_id: str, run_id: str = "") -> None:
        """Delete a dead letter, with its history. Raises MisuseError for any other run."""
        await discard_run(self.session, workflow_id, run_id)

    async def count(self, query: str = "") -> int:
        """Return how many runs a filter matches."""
        request = CountWorkflowExecutionsRequest(namespace=self.session.namespace, query=query)
        response = await self.session.call(
            "CountWorkflowExecutions", request, CountWorkflowExecutionsResponse
        )
        return response.count

    async def _pages(
        self,
        request: ListWorkflowExecutionsRequest | ListActivityExecutionsRequest,
        answer: type[ListWorkflowExecutionsResponse | ListActivityExecutionsResponse],
        limit: int,
    ) -> AsyncIterator[Any]:
        """Every entry of a list, read page by page as it is asked for; all of them for limit 0."""
        request.namespace = self.session.namespace
        request.page_size = min(limit or PAGE_RUNS, PAGE_RUNS)
        method = type(request).__name__.removesuffix("Request")
        count = 0
        while True:
            response = await self.session.call(method, request, answer)
            for info in response.executions:
                yield info
                count += 1
                if count == limit:
                    return
            request.next_page_token = response.next_page_token
            if not request.next_page_token:
                return


async def _nothing() -> None:
    """What a workflow that is known by name runs here."""
