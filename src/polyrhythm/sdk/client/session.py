"""What all calls of one client share: the link, names, the converter, the codec, patience.

Every call is safe to make again, because it carries a request id or only reads; a service that is
away or busy is therefore asked again, with growing pauses, until the patience is over.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf.message import Message
from temporalio.api.common.v1 import Header, Payload

from polyrhythm.base.errors import Aborted, ResourceExhausted, Unavailable
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.intercept.calls import CallKind, Headers, Outbound
from polyrhythm.sdk.intercept.chain import Chain, go_through
from polyrhythm.sdk.link import OWN_SERVICE, WORKFLOW_SERVICE, Link
from polyrhythm.sdk.values import Codec, Converter, decode_message, encode_message

M = TypeVar("M", bound=Message)
# Makes a call of these arguments; the interceptors' view of it is None without them.
Work = Callable[[Sequence[Any], Outbound | None], Awaitable[Any]]
BUSY = (Unavailable, ResourceExhausted, Aborted)
CALL_S = 10.0
# The service answers a long poll within 20 seconds, with nothing if there is nothing.
LONG_POLL_S = 30.0
PAUSE_S_MIN = 0.05
PAUSE_S_MAX = 2.0


@dataclass(slots=True)
class Session:
    """A client's side of one service and namespace. `header` travels with every call out."""

    link: Link
    namespace: str = "default"
    queue: str = ""
    identity: str = ""
    converter: Converter = field(default_factory=Converter)
    codec: Codec | None = None
    header: Callable[[], Mapping[str, Payload]] | None = None
    chain: Chain = field(default_factory=Chain)
    patience_s: float = 30.0

    async def call(
        self, method: str, request: Message, kind: type[M], timeout_s: float = CALL_S
    ) -> M:
        """Call a method of the workflow service. Raises an error of `base.errors`."""
        return await self._call(WORKFLOW_SERVICE + method, request, kind, timeout_s)

    async def call_own(self, method: str, request: Message, kind: type[M], use: str) -> M:
        """Call a method that only Polyrhythm's services have. Raises MisuseError at another, naming
        what it is wanted for (`use`), and errors of `base.errors`.
        """
        traits = self.link.traits
        if not traits.notes:
            raise MisuseError(
                f"{use} needs the log beneath the events, which {traits.name} does not have: only"
                " a file, memory and poly:// do"
            )
        return await self._call(OWN_SERVICE + method, request, kind, CALL_S)

    async def _call(self, method: str, request: Message, kind: type[M], timeout_s: float) -> M:
        if self.codec is not None:
            await encode_message(self.codec, request)
        until, tries = time.monotonic() + self.patience_s, 0
        while True:
            try:
                # A service in this process fills requests in place: each try has its own.
                sent = _copy(request)
                response = await self.link.call(method, sent, timeout_s)
                break
            except BUSY:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_pause_s(tries))
            tries += 1
        assert isinstance(response, kind)
        if self.codec is not None:
            await decode_message(self.codec, response)
        return response

    def fill_header(self, header: Header, call: Outbound | None = None) -> None:
        """Add what travels along."""
        if self.header is not None:
            for name, payload in self.header().items():
                header.fields[name].CopyFrom(payload)
        if call is not None:
            call.headers.fill(header)

    async def send(
        self, kind: CallKind, subject: tuple[str, str], args: Sequence[Any], work: Work
    ) -> Any:
        """Do `work`, which is given the arguments and the call as interceptors left it. `subject`:
        the name of what is called, and the workflow id."""
        if not self.chain.sends:
            return await work(args, None)
        name, workflow_id = subject
        call = Outbound(kind, name, list(args), Headers(self.converter), workflow_id)
        return await go_through(self.chain.sends, call, lambda: work(call.args, call))


def new_id() -> str:
    """Return an id that nobody has had."""
    # A UUID of version 4 put together by hand: the uuid module takes three times as long.
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _copy(request: Message) -> Message:
    copy = type(request)()
    copy.CopyFrom(request)
    return copy


def _pause_s(tries: int) -> float:
    full = min(PAUSE_S_MIN * 2.0 ** min(tries, 16), PAUSE_S_MAX)
    return full * random.uniform(0.5, 1.0)
