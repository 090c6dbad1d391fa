"""The changes of a namespace's runs as a stream: one message for each run that has new events.

A position is a place in the log of the file. The log is read once for all clients of a namespace,
a few times a second and only while there are any; what a run did between two reads is one message.
Whoever comes later, or back from an earlier position, reads on his own until he is where the others
are. A client that does not take what it is sent loses its stream, and may come back for the rest.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History

from polyrhythm.api import service as api
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.http.calls import Caller, Head, message_of, when_done
from polyrhythm.transports.http.exchange import Exchange
from polyrhythm.transports.http.settings import HttpSettings
from polyrhythm.transports.http.streams import (
    Stream,
    Streams,
    asked_position,
    message_of_stream,
)
from polyrhythm.transports.wire import Answer, StatusError, status_for

CHANGES_PATH = "/api/poly/v1/namespaces/{namespace}/changes"
METHOD = METHODS["/polyrhythm.api.v1.PolyrhythmService/ReadLog"]
ENTRIES_MAX = 1000
# Past the end of any log: such a read only tells where the end is.
PAST_THE_END = 2**63 - 1
STATUSES = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "RUNNING",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "COMPLETED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "FAILED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "CANCELED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "TERMINATED",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "CONTINUED_AS_NEW",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "TIMED_OUT",
}
STATUS_PREFIX = "WORKFLOW_EXECUTION_STATUS_"

Messages = list[tuple[int, bytes]]


class ChangesRoute:
    """Answers requests for the changes of a namespace."""

    def __init__(self, caller: Caller, streams: Streams, settings: HttpSettings) -> None:
        self.caller = caller
        self.streams = streams
        self._settings = settings
        self._feeds: dict[str, Feed] = {}

    def take(self, exchange: Exchange) -> None:
        """Begin. Raises StatusError or a PolyrhythmError to refuse."""
        request = exchange.request
        position = asked_position(request)
        self.streams.check_room()
        head = self.caller.head_of(request)
        # What is no namespace is refused by the listener's first read, and its feed never begins.
        name = request.parameters["namespace"]
        feed = self._feeds.get(name) or Feed(self, name, self._settings.changes_s)
        Listener(feed, exchange, position).begin(head)

    def keep(self, feed: Feed) -> Feed:
        """Return the feed of a namespace that somebody listens to: this one, if it is the first."""
        return self._feeds.setdefault(feed.namespace, feed)

    def drop(self, feed: Feed) -> None:
        """Forget a feed that nobody listens to any more."""
        if self._feeds.get(feed.namespace) is feed:
            del self._feeds[feed.namespace]


@dataclass(slots=True)
class Reading:
    """A read of the log that is under way."""

    answer: Answer
    after: int


class Feed:
    """The changes of one namespace, read for all who listen, in the name of the first."""

    def __init__(self, route: ChangesRoute, namespace: str, interval_s: float) -> None:
        self.route = route
        self.namespace = namespace
        self.position = 0
        self.listeners: dict[Listener, Stream] = {}
        self._head = Head(None, ())
        self._interval_s = interval_s
        self._reading: Reading | None = None
        self._timer: asyncio.TimerHandle | None = None

    def read(self, after: int, head: Head) -> Reading:
        """Begin to read the log."""
        request = api.ReadLogRequest(
            namespace=self.namespace, after_position=after, limit=ENTRIES_MAX
        )
        return Reading(self.route.caller.begin(METHOD, request, head, 0), after)

    def join(self, listener: Listener, stream: Stream, position: int, head: Head) -> bool:
        """Let a listener in who has read to `position`; False when the others are further."""
        if not self.listeners:
            self.position = position
            self._head = head
            self._wind()
        elif position < self.position:
            return False
        self.listeners[listener] = stream
        return True

    def leave(self, listener: Listener) -> None:
        """Send a listener nothing more."""
        self.listeners.pop(listener, None)
        if not self.listeners:
            self.route.drop(self)
            if self._timer is not None:
                self._timer.cancel()
            if self._reading is not None:
                self._reading.answer.cancel()

    def _wind(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._interval_s, self._look)

    def _look(self) -> None:
        self._reading = self.read(self.position, self._head)
        when_done(self._reading.answer, self._take)

    def _take(self) -> None:
        reading, self._reading = self._reading, None
        assert reading is not None
        try:
            response: api.ReadLogResponse = message_of(reading.answer, METHOD)
        except (StatusError, PolyrhythmError):
            # Each of them comes back, and is told what is wrong.
            for stream in list(self.listeners.values()):
                stream.end()
            return
        self.position = _next_position(response, reading.after)
        messages = _messages(response)
        if messages:
            whole = b"".join(message for _, message in messages)
            for listener, stream in list(self.listeners.items()):
                listener.pass_on(stream, messages, whole)
        if self.listeners:
            self._wind()


class Listener:
    """One client of a feed."""

    def __init__(self, feed: Feed, exchange: Exchange, position: int | None) -> None:
        self._feed = feed
        self._exchange = exchange
        # Where it is; None: where the end of the log is when its first read is answered.
        self._position = position
        self._head = Head(None, ())
        self._stream: Stream | None = None
        self._reading: Reading | None = None

    def begin(self, head: Head) -> None:
        """Find the end of the log, which only who may read it is told."""
        self._head = head
        self._exchange.owner = self
        self._read(PAST_THE_END)

    def cancel(self) -> None:
        """The client has gone."""
        if self._reading is not None:
            self._reading.answer.cancel()
        if self._stream is not None:
            self._feed.route.streams.discard(self._stream)
            self._feed.leave(self)

    def pass_on(self, stream: Stream, messages: Messages, whole: bytes) -> None:
        """Send what is new to this client; `whole` is all messages."""
        if self._feed.route.streams.is_full(stream):
            stream.end()
            return
        position = self._position or 0
        if messages[0][0] <= position:
            whole = b"".join(message for place, message in messages if place > position)
        if whole:
            stream.send(whole)
            self._position = messages[-1][0]

    def _read(self, after: int) -> None:
        self._reading = self._feed.read(after, self._head)
        when_done(self._reading.answer, self._take)

    def _take(self) -> None:
        reading, self._reading = self._reading, None
        assert reading is not None
        try:
            response: api.ReadLogResponse = message_of(reading.answer, METHOD)
        except (StatusError, PolyrhythmError) as error:
            if self._stream is None:
                self._exchange.refuse(status_for(error))
            else:
                self._stream.end()
            return
        if self._stream is None:
            # A position past the end is of another file: what is new here is all there is to say.
            last = response.last_position
            self._position = last if self._position is None else min(self._position, last)
            self._stream = self._feed.route.streams.begin(self._exchange, self)
            self._feed = self._feed.route.keep(self._feed)
        else:
            messages = _messages(response)
            if messages:
                self.pass_on(self._stream, messages, b"".join(one for _, one in messages))
            self._position = _next_position(response, reading.after)
        self._go_on(self._stream)

    def _go_on(self, stream: Stream) -> None:
        position = self._position or 0
        if not self._exchange.gone and not self._feed.join(self, stream, position, self._head):
            self._read(position)


def _next_position(response: api.ReadLogResponse, after: int) -> int:
    """Return where to go on: what lies between the end of a namespace and that of the log is not
    looked through again."""
    if response.next_position > after:
        return response.next_position
    return max(after, response.last_position)


def _messages(response: api.ReadLogResponse) -> Messages:
    """Return a message for each run, in the order of their last positions."""
    runs: dict[str, tuple[int, dict[str, Any]]] = {}
    for entry in response.entries:
        tree = runs.pop(entry.run_id, (0, {}))[1]
        tree["workflowId"] = entry.workflow_id
        tree["runId"] = entry.run_id
        tree["workflowType"] = entry.workflow_type
        for event in History.FromString(entry.events).events:
            tree["lastEventId"] = str(event.event_id)
            if event.event_type in STATUSES:
                tree["status"] = STATUS_PREFIX + STATUSES[event.event_type]
        moment = Timestamp()
        moment.FromNanoseconds(entry.committed_ns)
        tree["committedTime"] = moment.ToJsonString()
        runs[entry.run_id] = (entry.position, tree)
    return [
        (position, message_of_stream(position, "change", tree)) for position, tree in runs.values()
    ]
