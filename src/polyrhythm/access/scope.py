"""A Scope: one caller's resolved right to one namespace.

Every handler gets a scope, never a namespace's name, so no code below the gate can reach a
namespace that nobody asked about. The type of the namespace is the asker's: this room knows only
that there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from polyrhythm.access.identity import Identity

NamespaceT = TypeVar("NamespaceT")


@dataclass(slots=True)
class Scope(Generic[NamespaceT]):
    """What one call may touch: a namespace, on behalf of an identity."""

    namespace: NamespaceT
    identity: Identity


def grant(namespace: NamespaceT, identity: Identity) -> Scope[NamespaceT]:
    """Return the scope of an identity in a namespace.

    The one verdict of this room: everybody may do everything, until there are roles.
    """
    return Scope(namespace, identity)
