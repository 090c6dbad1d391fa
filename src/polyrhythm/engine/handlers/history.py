"""GetWorkflowExecutionHistory: pages, long polls and the close event alone.

Source: the server's getworkflowexecutionhistory. A long poll that reached the end waits for the
run to change and is answered by the commit that changes it, or after 20 s with an empty page and
the same token. The answer is put together from stored bytes; events are never parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    GetWorkflowExecutionHistoryReverseResponse,
)

from polyrhythm.api import notes
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.tables import HISTORY_PAGE_EVENTS
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.events import read_frames, read_page, unwritten_frames
from polyrhythm.engine.handlers.long_poll import poll_until_ns

_CLOSE_ONLY = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT


def get_history(desk: Desk, call: Call) -> None:
    """Answer with a page of events, or wait for one."""
    request = call.request
    token = _decode(request.next_page_token, request.execution.run_id)
    if token is None:
        run = desk.turn.find(call.namespace.key, request.execution)
        token = notes.HistoryToken()
        token.run_key, token.run_id = run.key, run.state.run_id
        token.next_event_id = 1
        token.wait = request.wait_new_event
    else:
        run = _load_of_token(desk, call, token)
    if request.history_event_filter_type == _CLOSE_ONLY:
        _answer_close(desk, call, run, token)
    else:
        _answer_page(desk, call, run, token)


def get_history_reverse(desk: Desk, call: Call) -> None:
    """Answer with a page of events, newest first."""
    request = call.request
    token = _decode(request.next_page_token, request.execution.run_id)
    if token is None:
        run = desk.turn.find(call.namespace.key, request.execution)
        end_id = run.state.next_event_id
    else:
        run, end_id = _load_of_token(desk, call, token), token.next_event_id
    first_id = max(1, end_id - _page_size(request.maximum_page_size))
    answer = GetWorkflowExecutionHistoryReverseResponse()
    frames = read_frames(desk, run, first_id, end_id)
    answer.history.MergeFromString(b"".join(reversed(frames)))
    if first_id > 1:
        answer.next_page_token = notes.HistoryToken(
            run_key=run.key, run_id=run.state.run_id, next_event_id=first_id
        ).SerializeToString()
    desk.turn.answer(call.reply, answer)


def _answer_close(desk: Desk, call: Call, run: LoadedRun, token: notes.HistoryToken) -> None:
    state = run.state
    if state.running and call.request.wait_new_event:
        _wait(desk, call, run, token)
        return
    answer = _empty_page()
    if not state.running:
        last = state.next_event_id - 1
        answer.history.MergeFromString(b"".join(read_frames(desk, run, last, last + 1)))
    desk.turn.answer(call.reply, answer)


def _answer_page(desk: Desk, call: Call, run: LoadedRun, token: notes.HistoryToken) -> None:
    state, request = run.state, call.request
    first_id = token.next_event_id
    if first_id >= state.next_event_id and state.running and token.wait:
        _wait(desk, call, run, token)
        return
    answer = _empty_page()
    end_id = token.end_event_id or state.next_event_id
    page_end = min(end_id, first_id + _page_size(request.maximum_page_size))
    if token.wait and state.running:
        frames = read_frames(desk, run, first_id, page_end)
        token.next_event_id = first_id + len(frames)
        # As the server does, though the read that goes on will show these once more.
        frames += unwritten_frames(run, token.next_event_id)
        answer.history.MergeFromString(b"".join(frames))
        answer.next_page_token = token.SerializeToString()
    else:
        history, more = read_page(desk, run, first_id, page_end)
        answer.history.MergeFromString(history)
        if not more and page_end < end_id:
            token.next_event_id = page_end
            token.end_event_id = end_id
            more = token.SerializeToString()
        answer.next_page_token = more
    desk.turn.answer(call.reply, answer)


def _empty_page(token: bytes = b"") -> GetWorkflowExecutionHistoryResponse:
    answer = GetWorkflowExecutionHistoryResponse()
    answer.history.SetInParent()
    answer.next_page_token = token
    return answer


def _wait(desk: Desk, call: Call, run: LoadedRun, token: notes.HistoryToken) -> None:
    if not call.parked:
        until_ns = poll_until_ns(desk, call, desk.limits.history_poll_ns)
        # Made when it is needed: few polls end empty, and a message that is kept costs a page of
        # memory.
        late: Callable[[], GetWorkflowExecutionHistoryResponse]
        late = partial(_empty_page, token.SerializeToString())
        desk.memory.waiters.park(call, until_ns, late)
        call.parked = True
        _pin(call, run.state.run_id)
    desk.memory.waiters.watch(run.key, call)


def _pin(call: Call, run_id: str) -> None:
    # The run that was meant when the call came: a successor may be the newest of its id when it is
    # looked at again. In a copy: the request is its caller's.
    if call.request.execution.run_id != run_id:
        pinned = GetWorkflowExecutionHistoryRequest()
        pinned.CopyFrom(call.request)
        pinned.execution.run_id = run_id
        call.request = pinned


def _load_of_token(desk: Desk, call: Call, token: notes.HistoryToken) -> LoadedRun:
    run = desk.turn.load(token.run_key)
    asked = (call.namespace.key, call.request.execution.workflow_id)
    if (run.state.namespace_key, run.state.workflow_id) != asked:
        # Looked for under the workflow id of the request: it is not there.
        return desk.turn.find(
            call.namespace.key,
            WorkflowExecution(workflow_id=call.request.execution.workflow_id, run_id=token.run_id),
        )
    return run


def _decode(data: bytes, run_id: str) -> notes.HistoryToken | None:
    if not data:
        return None
    try:
        token = notes.HistoryToken.FromString(data)
    except DecodeError as error:
        raise InvalidArgument("Invalid NextPageToken.") from error
    if not token.run_key or token.next_event_id < 1:
        raise InvalidArgument("Invalid NextPageToken.")
    if run_id and run_id != token.run_id:
        raise InvalidArgument("RunId in the request does not match the NextPageToken.")
    return token


def _page_size(asked: int) -> int:
    return asked if 0 < asked <= HISTORY_PAGE_EVENTS else HISTORY_PAGE_EVENTS
