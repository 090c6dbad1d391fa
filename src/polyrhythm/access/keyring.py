"""Who has which rights, read from one TOML text; and who it is that shows a key or a certificate.

    [keys.billing]                          # the identity's name; its key by its SHA-256
    sha256 = "d2f0..."
    namespaces = { billing = "write", default = "read" }

    [certificates."worker-1"]               # a client certificate's common name
    namespaces = { "*" = "admin" }          # every namespace, and the server itself

Keys are not in it: whoever reads the file cannot call. A key is compared by digest with each one
there is, in time that tells nothing of them. Reads no file: its text is handed in.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.access.identity import Identity, Role, nobody
from polyrhythm.base.errors import PermissionDenied

DIGEST = re.compile(r"[0-9a-fA-F]{64}")
ROLES = {"read": Role.READ, "write": Role.WRITE, "admin": Role.ADMIN}
SECTIONS = {"keys": {"sha256", "namespaces"}, "certificates": {"namespaces"}}
BEARER = "bearer "


@dataclass(slots=True)
class Keyring:
    """Identities by the digest of their key, and by the name in their certificate."""

    keys: dict[bytes, Identity] = field(default_factory=dict)
    certificates: dict[str, Identity] = field(default_factory=dict)

    def identify(self, authorization: str, certificate: str, peer: str) -> Identity:
        """Return who calls: by the header `authorization` when there is one, else by the name in a
        verified certificate, else nobody. Raises PermissionDenied for a key that is not there.
        """
        if authorization:
            return self._by_key(_key_of(authorization), peer)
        known = self.certificates.get(certificate) if certificate else None
        return known.at(peer) if known is not None else nobody(peer)

    def _by_key(self, key: str, peer: str) -> Identity:
        shown = digest_of(key)
        found = None
        for digest, identity in self.keys.items():
            if hmac.compare_digest(digest, shown):
                found = identity
        if found is None:
            reason = "the API key is not known here"
            raise PermissionDenied(f"Request unauthorized: {reason}.", reason)
        return found.at(peer)


def digest_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


def parse_keyring(text: str) -> Keyring:
    """Read identities and their roles. Raises ValueError that says which line is wrong, or which
    identity and why.
    """
    found = tomllib.loads(text)
    keyring = Keyring()
    for section, entries in found.items():
        if section not in SECTIONS or not isinstance(entries, dict):
            raise ValueError(f"{section}: there are only [keys.NAME] and [certificates.NAME]")
        for name, entry in entries.items():
            where = f"{section}.{name}"
            if not isinstance(entry, dict) or set(entry) - SECTIONS[section]:
                raise ValueError(f"[{where}] has {' and '.join(sorted(SECTIONS[section]))} only")
            identity = Identity(name, roles=_roles(where, entry.get("namespaces")))
            if section == "certificates":
                keyring.certificates[name] = identity
            else:
                keyring.keys[_digest(where, entry.get("sha256"), keyring.keys)] = identity
    if not found:
        raise ValueError("it names nobody: nobody could call")
    return keyring


def _digest(where: str, value: Any, taken: Mapping[bytes, Identity]) -> bytes:
    if not isinstance(value, str) or not DIGEST.fullmatch(value):
        raise ValueError(f"[{where}] sha256 is the SHA-256 of a key as 64 hexadecimal digits")
    digest = bytes.fromhex(value)
    if digest in taken:
        raise ValueError(f"[{where}] has the key of {taken[digest].subject}")
    return digest


def _roles(where: str, value: Any) -> dict[str, Role]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f'[{where}] namespaces is a table such as {{ default = "write" }}')
    for name, role in value.items():
        if role not in ROLES:
            raise ValueError(f"[{where}] {name}: a role is read, write or admin, not {role!r}")
    return {name: ROLES[role] for name, role in value.items()}


def _key_of(authorization: str) -> str:
    """Return the key in `Bearer KEY`; whatever else is there is no key that anybody has."""
    is_bearer = authorization[: len(BEARER)].lower() == BEARER
    return authorization[len(BEARER) :].strip() if is_bearer else ""
