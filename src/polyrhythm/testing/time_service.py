"""temporal.api.testservice.v1: what clients say to the clock of a test server.

Six methods over a SkippingHost, as routes of the gRPC server. Nobody is asked who he is: a test
server listens on this machine and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from temporalio.api.testservice.v1 import (
    GetCurrentTimeResponse,
    LockTimeSkippingRequest,
    LockTimeSkippingResponse,
    SleepRequest,
    SleepUntilRequest,
    UnlockTimeSkippingRequest,
    UnlockTimeSkippingResponse,
)

from polyrhythm.base.errors import InvalidArgument, PolyrhythmError
from polyrhythm.engine.reply import Reply
from polyrhythm.testing.skipping_host import SkippingHost
from polyrhythm.transports.wire import Answer, Head, LocalCalls

SERVICE = "/temporal.api.testservice.v1.TestService/"
# Takes a request and gives its answer, or a Reply that is there later.
Act = Callable[[Any], Message | Reply]


class TimeRoute:
    """One method."""

    def __init__(self, request_class: type[Message], act: Act) -> None:
        self._request_class = request_class
        self._act = act

    def begin(self, request: bytes, head: Head, deadline_ns: int) -> Answer:
        """Take a call. A sleep goes on when its caller has gone, and locks at its end."""
        try:
            answer = self._act(self._request_class.FromString(request))
        except DecodeError as error:
            return Reply.failed(InvalidArgument(str(error)))
        except PolyrhythmError as error:
            return Reply.failed(error)
        return answer if isinstance(answer, Reply) else Reply.of(answer)


class SkippingCalls:
    """Hands calls to the service; their deadlines are of the wall clock."""

    def __init__(self, calls: LocalCalls, host: SkippingHost) -> None:
        self._calls = calls
        self._host = host

    def begin(self, method: Any, request: bytes, head: Head, deadline_ns: int) -> Answer:
        """Begin a call at the host's time."""
        shifted_ns = deadline_ns + self._host.offset_ns if deadline_ns else 0
        return self._calls.begin(method, request, head, shifted_ns)


def time_routes(host: SkippingHost) -> dict[str, TimeRoute]:
    """Return the methods of the service by their paths."""

    def lock(_: LockTimeSkippingRequest) -> Message:
        host.lock()
        return LockTimeSkippingResponse()

    def unlock(_: UnlockTimeSkippingRequest) -> Message:
        host.unlock()
        return UnlockTimeSkippingResponse()

    def sleep(request: SleepRequest) -> Reply:
        return host.sleep_until(host.now_ns() + request.duration.ToNanoseconds())

    def sleep_until(request: SleepUntilRequest) -> Reply:
        return host.sleep_until(request.timestamp.ToNanoseconds())

    def unlock_with_sleep(request: SleepRequest) -> Reply:
        until_ns = host.now_ns() + request.duration.ToNanoseconds()
        host.unlock()
        return host.sleep_until(until_ns, locks=True)

    def current_time(_: Empty) -> Message:
        response = GetCurrentTimeResponse()
        response.time.FromNanoseconds(host.now_ns())
        return response

    return {
        SERVICE + "LockTimeSkipping": TimeRoute(LockTimeSkippingRequest, lock),
        SERVICE + "UnlockTimeSkipping": TimeRoute(UnlockTimeSkippingRequest, unlock),
        SERVICE + "Sleep": TimeRoute(SleepRequest, sleep),
        SERVICE + "SleepUntil": TimeRoute(SleepUntilRequest, sleep_until),
        SERVICE + "UnlockTimeSkippingWithSleep": TimeRoute(SleepRequest, unlock_with_sleep),
        SERVICE + "GetCurrentTime": TimeRoute(Empty, current_time),
    }
