"""Reads of a workflow's history, forwards (also waiting for more) and backwards.

Pages hold at most 256 events; no size, or a senseless one, means that many. Tokens are serialized
`HistoryToken`s: one that does not parse is refused here, one of another run by the engine.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
)

from polyrhythm.api.notes import HistoryToken
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_execution

PAGE_EVENTS_MAX = 256


def handle_history(
    service: Service,
    scope: NamespaceScope,
    request: GetWorkflowExecutionHistoryRequest,
    deadline_ns: int,
) -> Reply:
    """Read a page of events. Reply: GetWorkflowExecutionHistoryResponse."""
    check_execution(request, "execution")
    _fill_page_size(request)
    if not request.history_event_filter_type:
        request.history_event_filter_type = (
            HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT
        )
    _check_token(request.next_page_token)
    return service.submit(scope, request, deadline_ns)


def handle_history_reverse(
    service: Service,
    scope: NamespaceScope,
    request: GetWorkflowExecutionHistoryReverseRequest,
    deadline_ns: int,
) -> Reply:
    """Read a page of events, newest first. Reply: GetWorkflowExecutionHistoryReverseResponse."""
    check_execution(request, "execution")
    _fill_page_size(request)
    _check_token(request.next_page_token)
    return service.submit(scope, request, deadline_ns)


def _fill_page_size(request: Any) -> None:
    if not 0 < request.maximum_page_size <= PAGE_EVENTS_MAX:
        request.maximum_page_size = PAGE_EVENTS_MAX


def _check_token(token: bytes) -> None:
    if not token:
        return
    try:
        run_key = HistoryToken.FromString(token).run_key
    except DecodeError as error:
        raise InvalidArgument("Invalid NextPageToken.") from error
    if not run_key:
        raise InvalidArgument("Invalid NextPageToken.")
