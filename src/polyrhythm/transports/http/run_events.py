"""The events of one run as a stream: those there are after `position`, then each as it comes.

A position is an event's id. Below it is the long poll of GetWorkflowExecutionHistory, so a stream
is passed on to the owner of the file as any call is. A run that has closed ends the stream with a
message `end`; whoever comes back for more is answered 204, upon which browsers stop asking.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)

from polyrhythm.api.notes import HistoryToken
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.http.calls import Caller, Head, message_of, when_done
from polyrhythm.transports.http.exchange import Exchange
from polyrhythm.transports.http.json_out import message_out
from polyrhythm.transports.http.streams import (
    EVENT_STREAM,
    Stream,
    Streams,
    asked_position,
    message_of_stream,
)
from polyrhythm.transports.wire import Answer, StatusError, status_for

RUN_EVENTS_PATH = "/api/poly/v1/namespaces/{namespace}/workflows/{workflow_id}/events"
METHOD = METHODS["/temporal.api.workflowservice.v1.WorkflowService/GetWorkflowExecutionHistory"]
NO_CONTENT = 204
# Events of a read: some 250 bytes each as JSON, without what users put into them.
PAGE_EVENTS = 500
# A client that has not taken what there is is looked at again after this.
FULL_S = 0.1


@dataclass(slots=True)
class RunEventsRoute:
    """Answers requests for the events of a run."""

    caller: Caller
    streams: Streams

    def take(self, exchange: Exchange) -> None:
        """Begin. Raises StatusError or a PolyrhythmError to refuse."""
        request = exchange.request
        position = asked_position(request) or 0
        self.streams.check_room()
        asked = GetWorkflowExecutionHistoryRequest(
            namespace=request.parameters["namespace"], maximum_page_size=1, wait_new_event=True
        )
        asked.execution.workflow_id = request.parameters["workflow_id"]
        asked.execution.run_id = request.value("runId")
        RunEvents(self, exchange, asked, position).begin(self.caller.head_of(request))


class RunEvents:
    """Follows one run for one client."""

    def __init__(
        self,
        route: RunEventsRoute,
        exchange: Exchange,
        asked: GetWorkflowExecutionHistoryRequest,
        position: int,
    ) -> None:
        self._caller, self._streams = route.caller, route.streams
        self._exchange = exchange
        self._asked = asked
        self._position = position
        self._head = Head(None, ())
        self._stream: Stream | None = None
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, head: Head) -> None:
        """Ask for the first event: whether there is such a run, and how its history is read on."""
        self._head = head
        self._exchange.owner = self
        self._ask()

    def cancel(self) -> None:
        """The client has gone."""
        if self._answer is not None:
            self._answer.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            self._streams.discard(self._stream)

    def _ask(self) -> None:
        if self._stream is not None and self._streams.is_full(self._stream):
            self._timer = asyncio.get_running_loop().call_later(FULL_S, self._ask)
            return
        answer = self._answer = self._caller.begin(METHOD, self._asked, self._head, 0)
        when_done(answer, self._take)

    def _take(self) -> None:
        answer, self._answer = self._answer, None
        assert answer is not None
        try:
            response: GetWorkflowExecutionHistoryResponse = message_of(answer, METHOD)
        except (StatusError, PolyrhythmError) as error:
            if self._stream is None:
                self._exchange.refuse(status_for(error))
            else:
                # Who owns the file changes, or the run was deleted: the client finds out.
                self._stream.end()
            return
        if self._stream is None:
            self._begin_stream(response)
        else:
            self._pass_on(self._stream, response)

    def _begin_stream(self, response: GetWorkflowExecutionHistoryResponse) -> None:
        token = HistoryToken.FromString(response.next_page_token)
        events = response.history.events
        end_id = token.end_event_id or (0 if token.run_key else events[-1].event_id + 1)
        if end_id and self._position >= end_id - 1:
            self._exchange.owner = None
            self._exchange.answer(NO_CONTENT, EVENT_STREAM, b"")
            return
        stream = self._stream = self._streams.begin(self._exchange, self)
        if not token.run_key:
            self._pass_on(stream, response)
            return
        token.next_event_id = self._position + 1
        # The end is looked for again: the run may have gone on since.
        token.end_event_id = 0
        self._asked.next_page_token = token.SerializeToString()
        self._asked.maximum_page_size = PAGE_EVENTS
        self._ask()

    def _pass_on(self, stream: Stream, response: GetWorkflowExecutionHistoryResponse) -> None:
        next_id = HistoryToken.FromString(response.next_page_token).next_event_id
        shorthand = self._exchange.request.wants_shorthand
        messages: list[bytes] = []
        for event in response.history.events:
            # What is not written yet comes once more when it is, perhaps as another event.
            if event.event_id > self._position and not 0 < next_id <= event.event_id:
                self._position = event.event_id
                tree = message_out(event, shorthand)
                messages.append(message_of_stream(event.event_id, "event", tree))
        if not response.next_page_token:
            messages.append(message_of_stream(self._position, "end", {}))
        if messages:
            stream.send(b"".join(messages))
        if response.next_page_token:
            self._asked.next_page_token = response.next_page_token
            self._ask()
        else:
            stream.end()
