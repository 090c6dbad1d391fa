"""Namespaces: register, describe, list, update, deprecate.

What the registry keeps is what was registered; capabilities and limits are this server's and are
added to every description here. A capability is announced only when it is built and tested.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import NamespaceState
from temporalio.api.namespace.v1 import NamespaceInfo as NamespaceDescription
from temporalio.api.replication.v1 import NamespaceReplicationConfig
from temporalio.api.workflowservice.v1 import (
    DeprecateNamespaceRequest,
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    ListNamespacesRequest,
    ListNamespacesResponse,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
    UpdateNamespaceResponse,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import RETENTION_NS_MIN, Limits
from polyrhythm.engine.namespaces import CLUSTER_NAME
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped
from polyrhythm.service.texts import flaw_of_duration, nanoseconds_of

PAGE_DEFAULT = 100
_DELETED = NamespaceState.NAMESPACE_STATE_DELETED


def handle_register(
    service: Service,
    scope: NamespaceScope,
    request: RegisterNamespaceRequest,
    deadline_ns: int,
) -> Reply:
    """Register a namespace. Reply: RegisterNamespaceResponse."""
    if request.is_global_namespace:
        raise InvalidArgument("Cannot register global namespace when not enabled")
    _check_retention(request.workflow_execution_retention_period, service.limits)
    replication = NamespaceReplicationConfig(clusters=request.clusters)
    replication.active_cluster_name = request.active_cluster_name
    _check_clusters(replication)
    return service.submit(scope, request, deadline_ns)


def handle_update(
    service: Service,
    scope: NamespaceScope,
    request: UpdateNamespaceRequest,
    deadline_ns: int,
) -> Reply:
    """Change a namespace. Reply: UpdateNamespaceResponse."""
    if request.config.HasField("workflow_execution_retention_ttl"):
        _check_retention(request.config.workflow_execution_retention_ttl, service.limits)
    _check_clusters(request.replication_config)
    if request.promote_namespace:
        raise InvalidArgument(
            "global namespace is not enabled on this cluster, cannot update global namespace or "
            f"promote local namespace: {request.namespace}"
        )
    reply = service.submit(scope, request, deadline_ns)
    limits = service.limits
    return shaped(reply, lambda value: _updated(value, limits))


def handle_deprecate(
    service: Service,
    scope: NamespaceScope,
    request: DeprecateNamespaceRequest,
    deadline_ns: int,
) -> Reply:
    """Start nothing new in a namespace. Reply: DeprecateNamespaceResponse."""
    return service.submit(scope, request, deadline_ns)


def handle_describe_namespace(
    service: Service,
    scope: NamespaceScope,
    request: DescribeNamespaceRequest,
    deadline_ns: int,
) -> Reply:
    """Describe a namespace by name, or else by id. Reply: DescribeNamespaceResponse."""
    registry = service.engine.namespaces
    name = request.namespace or registry.by_id(request.id).name
    return Reply.of(_described(service, name))


def handle_list_namespaces(
    service: Service,
    scope: NamespaceScope,
    request: ListNamespacesRequest,
    deadline_ns: int,
) -> Reply:
    """List namespaces in order of registration. Reply: ListNamespacesResponse.

    A page token is the key of the last namespace shown, in decimal digits.
    """
    token = request.next_page_token
    if token and not (token.isdigit() and len(token) <= 20):
        raise InvalidArgument("Invalid NextPageToken.")
    after = int(token or 0)
    size = request.page_size if request.page_size > 0 else PAGE_DEFAULT
    registry = service.engine.namespaces
    found = [info for info in registry.all() if info.key > after]
    if not request.namespace_filter.include_deleted:
        found = [info for info in found if registry.state_of(info.name) != _DELETED]
    page = ListNamespacesResponse()
    for info in found[:size]:
        page.namespaces.append(_described(service, info.name))
    if len(found) > size:
        page.next_page_token = str(found[size - 1].key).encode()
    return Reply.of(page)


def _check_clusters(config: NamespaceReplicationConfig) -> None:
    """Refuse clusters that are not this one: a namespace lives here."""
    named = [cluster.cluster_name for cluster in config.clusters]
    for name in (config.active_cluster_name or CLUSTER_NAME, *named):
        if name != CLUSTER_NAME:
            raise InvalidArgument(f"Invalid cluster name: {name}")
    if len(named) > 1:
        raise InvalidArgument("Invalid local namespace clusters")


def _check_retention(retention: Duration, limits: Limits) -> None:
    if flaw_of_duration(retention, limits) or nanoseconds_of(retention) < RETENTION_NS_MIN:
        raise InvalidArgument("A valid retention period is not set on request.")


def _described(service: Service, name: str) -> DescribeNamespaceResponse:
    description = DescribeNamespaceResponse()
    description.CopyFrom(service.engine.namespaces.describe(name))
    _announce(description.namespace_info, service.limits)
    return description


def _updated(value: Any, limits: Limits) -> UpdateNamespaceResponse:
    response = UpdateNamespaceResponse()
    if isinstance(value, bytes):
        response.ParseFromString(value)
    else:
        response.CopyFrom(value)
    _announce(response.namespace_info, limits)
    return response


def _announce(description: NamespaceDescription, limits: Limits) -> None:
    # Everything else stays false: pausing and polls that end on shutdown are not built.
    description.capabilities.eager_workflow_start = True
    description.capabilities.sync_update = True
    description.capabilities.async_update = True
    description.capabilities.worker_heartbeats = True
    description.capabilities.poller_autoscaling = True
    description.capabilities.standalone_activities = True
    description.capabilities.standalone_activity_start_delay = True
    description.supports_schedules = True
    description.limits.blob_size_limit_error = limits.blob_bytes_max
    description.limits.memo_size_limit_error = limits.memo_bytes_max
