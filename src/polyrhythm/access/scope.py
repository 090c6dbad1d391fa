"""A Scope: one caller's resolved right to one namespace.

Every handler gets a scope, never a namespace's name, so no code below the gate can reach a
namespace that nobody asked about. The type of the namespace is the asker's: this room knows only
that there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from polyrhythm.access.identity import EVERYWHERE, Identity, Role
from polyrhythm.base.errors import PermissionDenied

NamespaceT = TypeVar("NamespaceT")


@dataclass(slots=True)
class Scope(Generic[NamespaceT]):
    """What one call may touch: a namespace, on behalf of an identity."""

    namespace: NamespaceT
    identity: Identity


def grant(namespace: NamespaceT, identity: Identity) -> Scope[NamespaceT]:
    """Return the scope of an identity in a namespace, which `check_role` has let it into."""
    return Scope(namespace, identity)


def check_role(identity: Identity, namespace: str, needed: Role) -> None:
    """Let an identity do what needs a role in a namespace. Raises PermissionDenied.

    `namespace` EVERYWHERE: what is asked concerns the server as a whole. The verdict comes before
    the namespace is looked up, so that nobody learns which there are.
    """
    if identity.role_in(namespace) >= needed:
        return
    if identity.is_anonymous:
        reason = "the call shows no API key and no certificate that is known here"
    else:
        where = "the server as a whole" if namespace == EVERYWHERE else f"namespace {namespace}"
        reason = f"{identity.subject} has no {needed.name.lower()} role in {where}"
    raise PermissionDenied(f"Request unauthorized: {reason}.", reason)
