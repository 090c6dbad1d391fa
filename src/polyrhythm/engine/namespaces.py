"""The namespaces of a lane's store: found by name, registered and changed through turns.

`body` of a row is a serialized DescribeNamespaceResponse: what clients are shown is kept as they
will see it. The name `default` exists from the start, as on a development server.
"""

from __future__ import annotations

from collections.abc import KeysView

from temporalio.api.enums.v1 import ArchivalState, NamespaceState, ReplicationState
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse

from polyrhythm.base.errors import NamespaceNotFound
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.durations import set_span
from polyrhythm.core.search_types import types_of
from polyrhythm.stores.port import NamespaceRow

# There is one cluster, and it is called as a development server calls it.
CLUSTER_NAME = "active"


class Registry:
    """Namespaces by name and by id."""

    def __init__(self) -> None:
        self._rows: dict[str, NamespaceRow] = {}
        self._by_name: dict[str, NamespaceInfo] = {}
        self._by_key: dict[int, NamespaceInfo] = {}
        # Of the bodies that have been asked for: every start asks, and parsing one takes 3 us.
        self._states: dict[str, int] = {}

    @property
    def names(self) -> KeysView[str]:
        """The names of all namespaces."""
        return self._by_name.keys()

    def put(self, row: NamespaceRow) -> None:
        """Add or replace a namespace, once its row is committed."""
        config = DescribeNamespaceResponse.FromString(row.body).config
        aliases = dict(config.custom_search_attribute_aliases)
        known = (row.key, row.name, row.namespace_id, row.retention_ns)
        info = NamespaceInfo(*known, types_of(aliases), aliases)
        before = self._by_key.get(row.key)
        if before is not None and before.name != row.name:
            # Deleted namespaces get another name.
            for named in (self._rows, self._by_name, self._states):
                named.pop(before.name, None)
        self._rows[row.name] = row
        self._states.pop(row.name, None)
        self._by_name[row.name] = info
        self._by_key[row.key] = info

    def find(self, name: str) -> NamespaceInfo:
        """Return a namespace by name. Raises NamespaceNotFound."""
        info = self._by_name.get(name)
        if info is None:
            raise NamespaceNotFound(name)
        return info

    def by_key(self, key: int) -> NamespaceInfo:
        """Return a namespace by its key in the store."""
        return self._by_key[key]

    def by_id(self, namespace_id: str) -> NamespaceInfo:
        """Return a namespace by id. Raises NamespaceNotFound."""
        for info in self._by_name.values():
            if info.namespace_id == namespace_id:
                return info
        raise NamespaceNotFound(namespace_id)

    def row(self, name: str) -> NamespaceRow:
        """Return the stored row. Raises NamespaceNotFound."""
        self.find(name)
        return self._rows[name]

    def describe(self, name: str) -> DescribeNamespaceResponse:
        """Return what clients are shown. Raises NamespaceNotFound."""
        return DescribeNamespaceResponse.FromString(self.row(name).body)

    def state_of(self, name: str) -> int:
        """Return whether a namespace is registered or deprecated. Raises NamespaceNotFound."""
        known = self._states.get(name)
        if known is None:
            known = self._states[name] = self.describe(name).namespace_info.state
        return known

    def all(self) -> list[NamespaceInfo]:
        """Return all namespaces in order of registration."""
        return [self._by_key[key] for key in sorted(self._by_key)]

    def first(self) -> NamespaceInfo:
        """Return the namespace that every store has."""
        return self._by_key[1]

    def next_key(self) -> int:
        """Return a key that no namespace has."""
        return max(self._by_key, default=0) + 1


def new_row(key: int, name: str, namespace_id: str, retention_ns: int) -> NamespaceRow:
    """Return the row of a namespace with nothing but a name, an id and a retention."""
    body = DescribeNamespaceResponse()
    body.namespace_info.name = name
    body.namespace_info.id = namespace_id
    body.namespace_info.state = NamespaceState.NAMESPACE_STATE_REGISTERED
    set_span(body.config.workflow_execution_retention_ttl, retention_ns)
    body.config.history_archival_state = ArchivalState.ARCHIVAL_STATE_DISABLED
    body.config.visibility_archival_state = ArchivalState.ARCHIVAL_STATE_DISABLED
    body.config.bad_binaries.SetInParent()
    body.replication_config.active_cluster_name = CLUSTER_NAME
    body.replication_config.clusters.add().cluster_name = CLUSTER_NAME
    body.replication_config.state = ReplicationState.REPLICATION_STATE_NORMAL
    return NamespaceRow(key, name, namespace_id, retention_ns, body.SerializeToString())
