"""The route of a binding: a request becomes a call, its answer JSON.

Whoever answers is the same as for gRPC: this process, or the owner of its file, to whom calls are
passed on as bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.protobuf.message import Message

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.service.method import Method
from polyrhythm.transports.http.bindings import Binding
from polyrhythm.transports.http.exchange import Exchange, Request
from polyrhythm.transports.http.json_out import message_out
from polyrhythm.transports.wire import Answer, Door, StatusError, Switch, refused, status_for

LOG = logging.getLogger("polyrhythm.http")

TIMEOUT = b"grpc-timeout"
UNITS_NS = {
    b"H": 3600 * 1_000_000_000,
    b"M": 60 * 1_000_000_000,
    b"S": 1_000_000_000,
    b"m": 1_000_000,
    b"u": 1000,
    b"n": 1,
}
DIGITS_MAX = 8
# Headers that go with a call that is passed on to the owner of the file.
PASSED_ON = frozenset((b"client-name", b"client-version", b"x-forwarded-for"))


@dataclass(slots=True)
class Head:
    """Who makes a call, and the headers that go with it."""

    caller: Any
    fields: Sequence[tuple[bytes, bytes]]


class Caller:
    """Makes calls for requests."""

    def __init__(self, switch: Switch, door: Door) -> None:
        self._switch = switch
        self._door = door

    def head_of(self, request: Request) -> Head:
        """Return who makes a request. Raises a PolyrhythmError for who is refused everything."""
        caller = self._door.admit(request.fields, request.peer)
        return Head(caller, [pair for pair in request.fields.items() if pair[0] in PASSED_ON])

    def begin(self, method: Method, message: Message, head: Head, deadline_ns: int) -> Answer:
        """Begin a call."""
        return self._switch.target.begin(method, message.SerializeToString(), head, deadline_ns)

    def ask(
        self,
        method: Method,
        message: Message,
        exchange: Exchange,
        then: Callable[[Exchange, Any], None],
    ) -> None:
        """Make a call for an exchange; its answer goes to `then`, a refusal to the client."""
        request = exchange.request
        head = self.head_of(request)
        answer = self.begin(method, message, head, _deadline_ns(request))
        exchange.owner = answer
        when_done(answer, partial(self._finish, method, exchange, then, answer))

    def _finish(
        self,
        method: Method,
        exchange: Exchange,
        then: Callable[[Exchange, Any], None],
        answer: Answer,
    ) -> None:
        exchange.owner = None
        try:
            then(exchange, message_of(answer, method))
        except (StatusError, PolyrhythmError) as error:
            exchange.refuse(status_for(error))
        except Exception as error:
            LOG.exception("internal error in the answer of %s", method.name)
            exchange.refuse(status_for(error))


class CallRoute:
    """Answers the requests of one binding."""

    def __init__(self, binding: Binding, caller: Caller) -> None:
        self.binding = binding
        self._caller = caller

    def take(self, exchange: Exchange) -> None:
        """Make the call. Raises StatusError or a PolyrhythmError to refuse it."""
        message = self.binding.read(exchange.request)
        self._caller.ask(self.binding.method, message, exchange, answer_message)


def answer_message(exchange: Exchange, message: Message) -> None:
    """Answer with a message as JSON."""
    exchange.answer_json(message_out(message, exchange.request.wants_shorthand))


def when_done(answer: Answer, then: Callable[[], None]) -> None:
    """Call `then` when an answer is there."""
    if answer.done:
        then()
    else:
        # NOTE: answers are resolved on this loop, so none can be between the look at it and this.
        answer.wake = then


def message_of(answer: Answer, method: Method) -> Any:
    """Return the message of an answer that is there. Raises the error that it is."""
    error = answer.error
    if error is not None:
        if not isinstance(error, (PolyrhythmError, StatusError)):
            LOG.error("internal error in %s", method.name, exc_info=error)
        raise StatusError(status_for(error))
    value = answer.value
    return method.response_class.FromString(value) if type(value) is bytes else value


def _deadline_ns(request: Request) -> int:
    value = request.fields.get(TIMEOUT)
    if value is None:
        return 0
    digits, unit = value[:-1], value[-1:]
    if unit not in UNITS_NS or not digits.isdigit() or len(digits) > DIGITS_MAX:
        raise refused("INVALID_ARGUMENT", f"invalid grpc-timeout: {value.decode(errors='replace')}")
    return time.time_ns() + max(int(digits) * UNITS_NS[unit], 1)
