"""A row of the method table: how a full method name becomes a call.

`namespace` says where a call's namespace comes from and what is said when it is missing; the
server this follows answers differently for three families of calls (its redirection layer looks
workflow calls' namespaces up before anything else does).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from google.protobuf.message import Message

from polyrhythm.access.identity import Role
from polyrhythm.engine.reply import Reply

# (service, scope, request, deadline_ns); typed loosely since each handler takes its own request.
Handler = Callable[[Any, Any, Any, int], Reply]


class NamespaceNeed(Enum):
    """Where a call's namespace comes from."""

    # The request names a registered one, or its task token does.
    NAMED = "named"
    # The same, but a missing name is refused later, with another message.
    ADMINISTERED = "administered"
    # By name or by id; the handler looks.
    NAME_OR_ID = "name_or_id"
    # The request names one that is about to exist.
    NEW = "new"
    # The request may name one.
    OPTIONAL = "optional"
    # The call concerns no namespace.
    NONE = "none"


@dataclass(slots=True)
class Method:
    """One method of a service. `handler` None: in the protocol, not built; `role`: what a caller
    needs in the namespace.
    """

    name: str
    request_class: type[Message]
    response_class: type[Message]
    handler: Handler | None
    namespace: NamespaceNeed
    is_long_poll: bool = False
    role: Role = Role.ADMIN
    # Whether its requests name what they are about by a task token.
    has_token: bool = field(init=False)

    def __post_init__(self) -> None:
        """Look once: descriptors are slow to ask."""
        self.has_token = "task_token" in self.request_class.DESCRIPTOR.fields_by_name

    @property
    def needs_namespace(self) -> bool:
        """True when the call is refused without a registered namespace."""
        return self.namespace in (NamespaceNeed.NAMED, NamespaceNeed.ADMINISTERED)

    @property
    def short_name(self) -> str:
        """The method's name without package and service."""
        return self.name.rpartition("/")[2]
