"""One request and its answer: what a route is given, and how it answers.

A route answers at once or later, whole or as a stream. Whatever it waits for is the exchange's
`owner`, which is told when the client has gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

import msgspec
from google.rpc.status_pb2 import Status

from polyrhythm.transports.http.json_out import message_out
from polyrhythm.transports.http.statuses import http_code
from polyrhythm.transports.wire import Peer

JSON = b"application/json"
Fields = list[tuple[bytes, bytes]]
# Nothing that this server says may be kept by caches, guessed at, or put into pages of others.
COMMON_FIELDS: Fields = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# Words of the query, and ends of a media type, by which a client says how it wants JSON.
PRETTY = "pretty"
NO_SHORTHAND = "noPayloadShorthand"


@dataclass(slots=True)
class Request:
    """A request as it came; `fields` are headers by their name in small letters, the first of each
    name; `parameters` are what the path's template has names for.
    """

    method: str
    path: str
    query: str
    fields: Mapping[bytes, bytes]
    peer: Peer
    body: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> list[tuple[str, str]]:
        """The query's names and values, in order."""
        return parse_qsl(self.query, keep_blank_values=True)

    def value(self, name: str) -> str:
        """The last value of a name in the query, or nothing."""
        return dict(self.values()).get(name, "")

    @property
    def is_pretty(self) -> bool:
        """Whether the answer's JSON is to be read by people."""
        return b"+pretty" in self.fields.get(b"accept", b"") or self._says(PRETTY)

    @property
    def wants_shorthand(self) -> bool:
        """Whether payloads are answered as the values that they are."""
        return not (self._says(NO_SHORTHAND) or _is_long_form(self.fields.get(b"accept", b"")))

    @property
    def has_shorthand(self) -> bool:
        """Whether payloads in the body may be values."""
        return not _is_long_form(self.fields.get(b"content-type", b""))

    def _says(self, word: str) -> bool:
        return word in self.query and any(name == word for name, _ in self.values())


def _is_long_form(media_type: bytes) -> bool:
    return b"+no-payload-shorthand" in media_type


def split_path(path: str) -> list[str]:
    """Return the segments of a path, each with its escapes resolved: `%2F` is no border."""
    return [unquote(part, errors="replace") for part in path.split("/")[1:]]


class Sending(Protocol):
    """A session, as far as an exchange needs it."""

    def send_whole(self, code: int, fields: Fields, body: bytes) -> None:
        """Send an answer; its length is added to its fields."""
        ...

    def send_head(self, code: int, fields: Fields) -> None:
        """Begin an answer of unknown length."""
        ...

    def send_part(self, data: bytes) -> None:
        """Send a part of it."""
        ...

    def send_end(self) -> None:
        """End it."""
        ...

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to take them."""
        ...


class Owner(Protocol):
    """What an exchange waits for."""

    def cancel(self) -> None:
        """The client has gone away."""
        ...


class Exchange:
    """A request on its session; answered once, and not any more when the client has `gone`."""

    __slots__ = ("_session", "begun", "gone", "owner", "request")

    def __init__(self, session: Sending, request: Request) -> None:
        self._session = session
        self.request = request
        self.owner: Owner | None = None
        self.begun = False
        self.gone = False

    def answer(
        self, code: int, media_type: bytes, body: bytes, fields: Fields | None = None
    ) -> None:
        """Answer with bytes."""
        if not self.gone:
            self.begun = True
            head = [(b"content-type", media_type), *COMMON_FIELDS, *(fields or ())]
            self._session.send_whole(code, head, body)

    def answer_json(self, tree: Any, code: int = 200) -> None:
        """Answer with a JSON value, in the form that the request asks for."""
        body = msgspec.json.encode(tree)
        if self.request.is_pretty:
            body = msgspec.json.format(body, indent=2)
        self.answer(code, JSON, body)

    def refuse(self, status: Status, code: int = 0) -> None:
        """Answer with a status; HTTP's own `code` for it goes before the table's."""
        self.answer_json(message_out(status), code or http_code(status.code))

    def begin_stream(self, media_type: bytes) -> None:
        """Begin an answer that goes on until `end_stream`."""
        if not self.gone:
            self.begun = True
            self._session.send_head(200, [(b"content-type", media_type), *COMMON_FIELDS])

    def send(self, data: bytes) -> None:
        """Send a part of a stream."""
        if not self.gone:
            self._session.send_part(data)

    def end_stream(self) -> None:
        """End a stream; whoever feeds it is told, as if the client had gone."""
        if not self.gone:
            self.leave()
            self._session.send_end()

    @property
    def unsent(self) -> int:
        """How many bytes wait for the client to take them."""
        return self._session.unsent

    def leave(self) -> None:
        """The client has gone."""
        self.gone = True
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.cancel()


class Route(Protocol):
    """Answers requests of one method and path."""

    def take(self, exchange: Exchange) -> None:
        """Take a request. Raises StatusError or a PolyrhythmError to refuse it."""
        ...
