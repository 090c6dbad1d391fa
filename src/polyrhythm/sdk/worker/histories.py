"""Fetches histories: the pages behind a task, or a whole run that is not in the cache any more.

Bounded by the service, which ends a run whose history grows past its limit.
"""

from __future__ import annotations

from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    PollWorkflowTaskQueueResponse,
)

from polyrhythm.sdk.values import Codec, decode_message
from polyrhythm.sdk.worker.answers import Answers


async def rest_of_history(
    answers: Answers, namespace: str, task: PollWorkflowTaskQueueResponse, codec: Codec | None
) -> list[HistoryEvent]:
    """Return the events of a task with those of its further pages."""
    events = list(task.history.events)
    token = task.next_page_token
    while token:
        page = await _page(answers, namespace, task, token, codec)
        events.extend(page.history.events)
        token = page.next_page_token
    return events


async def whole_history(
    answers: Answers, namespace: str, task: PollWorkflowTaskQueueResponse, codec: Codec | None
) -> list[HistoryEvent]:
    """Return a run's history from its beginning up to what the task itself brings.

    The tail is the task's: events of a task that is not written yet are there only.
    """
    tail = list(task.history.events)
    first = tail[0].event_id if tail else 0
    events: list[HistoryEvent] = []
    token = b""
    while True:
        page = await _page(answers, namespace, task, token, codec)
        for event in page.history.events:
            if first and event.event_id >= first:
                return events + tail
            events.append(event)
        token = page.next_page_token
        if not token:
            return events + tail


async def _page(
    answers: Answers,
    namespace: str,
    task: PollWorkflowTaskQueueResponse,
    token: bytes,
    codec: Codec | None,
) -> GetWorkflowExecutionHistoryResponse:
    request = GetWorkflowExecutionHistoryRequest(namespace=namespace, next_page_token=token)
    request.execution.CopyFrom(task.workflow_execution)
    page = await answers.send("GetWorkflowExecutionHistory", request)
    if page is None:
        return GetWorkflowExecutionHistoryResponse()
    assert isinstance(page, GetWorkflowExecutionHistoryResponse)
    if codec is not None:
        await decode_message(codec, page)
    return page
