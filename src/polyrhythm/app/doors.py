"""The doors of a node: how whoever calls becomes an identity.

Its own address asks for what its settings want: nothing, a certificate, or a key or certificate
that the keyring has. Its Unix socket, which only this user can open, believes who passes calls on,
and takes everybody else for this user's own programs.
"""

from __future__ import annotations

from collections.abc import Mapping

from polyrhythm.access.identity import EVERYWHERE, Identity, Role, anonymous, decode_identity
from polyrhythm.access.keyring import Keyring
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.transports.grpc import CALLER_HEADER, Peer

CALLER = CALLER_HEADER.encode()
EVERYTHING = {EVERYWHERE: Role.ADMIN}


class AddressDoor:
    """Of an address. Without a keyring whoever the TLS of the address lets in may do everything,
    under the name in his certificate if there is one.
    """

    def __init__(self, keyring: Keyring | None) -> None:
        self._keyring = keyring

    def admit(self, fields: Mapping[bytes, bytes], peer: Peer) -> Identity:
        """Return who calls. Raises PermissionDenied for an unknown key."""
        if self._keyring is None:
            return Identity(peer.certificate, peer.address, EVERYTHING)
        shown = fields.get(b"authorization", b"").decode(errors="replace")
        return self._keyring.identify(shown, peer.certificate, peer.address)


class SocketDoor:
    """Of the socket beside the file."""

    def admit(self, fields: Mapping[bytes, bytes], peer: Peer) -> Identity:
        """Return who calls. Raises InvalidArgument for a header that nobody of ours wrote."""
        told = fields.get(CALLER)
        if told is None:
            return anonymous("a process of this user")
        try:
            return decode_identity(told.decode(errors="replace"))
        except ValueError as error:
            raise InvalidArgument(f"{CALLER_HEADER}: {error}") from error
