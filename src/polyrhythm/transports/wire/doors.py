"""Who makes a call: a door makes it out of a connection and of the headers of a call.

The wire knows only that there are callers; what they are and may do is said elsewhere. A door is
asked once for each set of headers of a connection, so a key is not compared again for every call.
Health and reflection are open to everybody who gets through to them: container set-ups ask without
a key, and what reflection tells is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(slots=True)
class Peer:
    """The other end of a connection: its address, and the name in its certificate if it has shown
    one that the server trusts.
    """

    address: str = ""
    certificate: str = ""


class Door(Protocol):
    """Makes out callers."""

    def admit(self, fields: Mapping[bytes, bytes], peer: Peer) -> Any:
        """Return who calls. Raises a PolyrhythmError for one who is to be refused everything."""
        ...


class OpenDoor:
    """Takes everybody for the same caller."""

    def __init__(self, caller: Any) -> None:
        self._caller = caller

    def admit(self, fields: Mapping[bytes, bytes], peer: Peer) -> Any:
        """Let everybody in."""
        return self._caller


def peer_of(address: Any, certificate: Any) -> Peer:
    """Return a connection's peer: from what a transport says of its address, and of the verified
    certificate (as `ssl.SSLSocket.getpeercert` tells it).
    """
    where = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address or "")
    return Peer(where, _common_name(certificate or {}))


def _common_name(certificate: Mapping[str, Any]) -> str:
    for part in certificate.get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return ""
