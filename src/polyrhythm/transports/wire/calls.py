"""Who answers the calls of this process: its own service, the owner of its file, or nobody.

A `Calls` takes one call as bytes and returns an Answer, which is there at once or later. Routes ask
a `Switch`, whose target is replaced when the process gains or loses the file; calls in flight stay
with whom they began. No call costs a task: an answer that comes later wakes its session.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from polyrhythm.service.method import Method
from polyrhythm.service.service import Service
from polyrhythm.transports.wire.statuses import refused

LOG = logging.getLogger("polyrhythm.calls")


class Head(Protocol):
    """Who makes a call, and the headers that go with it when it is passed on."""

    caller: Any
    fields: Sequence[tuple[bytes, bytes]]


class Answer(Protocol):
    """What the service calls a Reply: resolved once; `wake` is called then, on the loop."""

    done: bool
    value: Any
    error: Exception | None
    wake: Callable[[], None] | None

    def cancel(self) -> None:
        """The client has gone away."""
        ...


class Settled:
    """An answer that is there: bytes, or an error."""

    __slots__ = ("done", "error", "value", "wake")

    def __init__(self, value: bytes, error: Exception | None = None) -> None:
        self.done = True
        self.value: Any = value
        self.error = error
        self.wake: Callable[[], None] | None = None

    def cancel(self) -> None:
        """Nobody waits."""


class Calls(Protocol):
    """Answers the calls of the service's methods."""

    def begin(self, method: Method, request: bytes, head: Head, deadline_ns: int) -> Answer:
        """Take a call; `deadline_ns` 0: the client waits for ever. Never raises."""
        ...


class Switch:
    """Names who answers from now on."""

    __slots__ = ("target",)

    def __init__(self, target: Calls) -> None:
        self.target = target


class Absent:
    """Answers every call that it should come back later."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def begin(self, method: Method, request: bytes, head: Head, deadline_ns: int) -> Answer:
        """Refuse with UNAVAILABLE: nothing was done."""
        return Settled(b"", refused("UNAVAILABLE", self._reason))


class LocalCalls:
    """Hands calls to the service of this process."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def begin(self, method: Method, request: bytes, head: Head, deadline_ns: int) -> Answer:
        """Parse and call; the reply's value is a message or its bytes."""
        try:
            message = method.request_class.FromString(request)
        except DecodeError as error:
            return Settled(b"", refused("INTERNAL", f"grpc: error unmarshalling request: {error}"))
        try:
            return self._service.call(method.name, message, head.caller, deadline_ns)
        except Exception as error:
            LOG.exception("internal error in %s", method.name)
            return Settled(b"", error)
