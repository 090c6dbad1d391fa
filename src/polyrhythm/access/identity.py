"""Who calls: the caller of a request as far as it is known, and the roles it has.

A server that asks nobody for a key or a certificate takes everybody for the anonymous identity,
which may do everything. What a transport learns of a caller (a key, a certificate's name) becomes
an identity in `keyring`; one process tells another of it as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

# Instead of a namespace's name: every namespace, and what concerns the server as a whole.
EVERYWHERE = "*"


class Role(IntEnum):
    """What an identity may do in a namespace; each role may do what those before it may."""

    # Nothing at all: what a call needs that is open to everybody.
    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(slots=True)
class Identity:
    """A caller. `subject` is empty for an anonymous one; `peer` is its address, for logs; `roles`
    are by namespace.
    """

    subject: str = ""
    peer: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def is_anonymous(self) -> bool:
        """True when the caller has proved nothing."""
        return not self.subject

    def role_in(self, namespace: str) -> Role:
        """Return the role in a namespace, or in the server as a whole for EVERYWHERE."""
        everywhere = self.roles.get(EVERYWHERE, Role.NONE)
        return max(self.roles.get(namespace, Role.NONE), everywhere)

    def at(self, peer: str) -> Identity:
        """Return the same identity calling from an address."""
        return replace(self, peer=peer)


def anonymous(peer: str = "") -> Identity:
    """Return the identity of everybody where nobody has to prove anything: it may do everything."""
    return Identity(peer=peer, roles={EVERYWHERE: Role.ADMIN})


def nobody(peer: str = "") -> Identity:
    """Return the identity of a caller who has proved nothing where that is asked."""
    return Identity(peer=peer)


def encode_identity(identity: Identity) -> str:
    """Return an identity as ASCII text, for another process of this server."""
    roles = {name: role.name for name, role in identity.roles.items()}
    return json.dumps({"subject": identity.subject, "peer": identity.peer, "roles": roles})


def decode_identity(text: str) -> Identity:
    """Return what `encode_identity` wrote. Raises ValueError."""
    try:
        found = json.loads(text)
        roles = {name: Role[role] for name, role in found["roles"].items()}
        return Identity(found["subject"], found["peer"], roles)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("this is no identity") from error
