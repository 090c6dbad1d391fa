"""What the service needs of an engine: submit a request, look up a namespace, ask the time.

The engine dispatches on the request's type: the protocol's own request messages, and the few
slotted values of `engine.calls` that the protocol has no message for. The reply's value is the
response message, or its serialized bytes.
"""

from __future__ import annotations

from typing import Any, Protocol

from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse

from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.reply import Reply


class NamespaceRegistry(Protocol):
    """The registered namespaces; reads only."""

    def find(self, name: str) -> NamespaceInfo:
        """Return a namespace by name. Raises NamespaceNotFound."""
        ...

    def by_id(self, namespace_id: str) -> NamespaceInfo:
        """Return a namespace by id. Raises NamespaceNotFound."""
        ...

    def by_key(self, key: int) -> NamespaceInfo:
        """Return a namespace by its key in the store. Raises KeyError."""
        ...

    def all(self) -> list[NamespaceInfo]:
        """Return all namespaces in order of registration."""
        ...

    def describe(self, name: str) -> DescribeNamespaceResponse:
        """Return a namespace as it was registered. Raises NamespaceNotFound."""
        ...


class EnginePort(Protocol):
    """The engine as its only caller sees it."""

    @property
    def namespaces(self) -> NamespaceRegistry:
        """The registered namespaces."""
        ...

    def submit(
        self, namespace: NamespaceInfo, request: Any, deadline_ns: int, identity: str
    ) -> Reply:
        """Hand a request to its lane. `deadline_ns` 0: the caller waits for ever."""
        ...

    def now_ns(self) -> int:
        """Return the time that deadlines are measured by, nanoseconds since 1970."""
        ...
