"""OperatorService: what an operator asks of the server.

Search attributes of a namespace, deletion of a namespace, and the one cluster that there is.
Clusters elsewhere and Nexus endpoints are not built.
"""

from __future__ import annotations

from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    AddSearchAttributesResponse,
    DeleteNamespaceRequest,
    ListClustersRequest,
    ListClustersResponse,
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
    RemoveRemoteClusterRequest,
    RemoveSearchAttributesRequest,
    RemoveSearchAttributesResponse,
)

from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.core.search_types import FIELD_COUNTS, FIELDS, OWN, is_reserved
from polyrhythm.engine.calls import AddAttributes, RemoveAttributes
from polyrhythm.engine.namespaces import CLUSTER_NAME
from polyrhythm.engine.reply import Reply
from polyrhythm.service.search_attributes import encode_kinds, is_kind_number, kind_of_number
from polyrhythm.service.service import NamespaceScope, Service


def handle_add_search_attributes(
    service: Service,
    scope: NamespaceScope,
    request: AddSearchAttributesRequest,
    deadline_ns: int,
) -> Reply:
    """Register search attributes. Reply: AddSearchAttributesResponse."""
    if not request.search_attributes:
        raise InvalidArgument("SearchAttributes are not set on request.")
    for name, number in request.search_attributes.items():
        if is_reserved(name):
            raise InvalidArgument(f"Search attribute {name} is reserved by system.")
        if not is_kind_number(number):
            raise InvalidArgument(f"Unknown search attribute type: {number}.")
    _check_named(request.namespace)
    kinds = {name: kind_of_number(n) for name, n in request.search_attributes.items()}
    for kind in kinds.values():
        if kind not in FIELD_COUNTS:
            raise InvalidArgument(
                "Unable to create search attributes: cannot have more than 0 search attribute of "
                f"type {kind}."
            )
    wanted = AddAttributes(kinds, AddSearchAttributesResponse())
    return service.submit(scope, wanted, deadline_ns)


def handle_remove_search_attributes(
    service: Service,
    scope: NamespaceScope,
    request: RemoveSearchAttributesRequest,
    deadline_ns: int,
) -> Reply:
    """Forget search attributes. Reply: RemoveSearchAttributesResponse."""
    if not request.search_attributes:
        raise InvalidArgument("SearchAttributes are not set on request.")
    _check_named(request.namespace)
    for name in request.search_attributes:
        if name not in scope.namespace.search_types and (name in OWN or name in FIELDS):
            raise InvalidArgument(f"Unable to remove non-custom search attributes: {name}.")
    wanted = RemoveAttributes(list(request.search_attributes), RemoveSearchAttributesResponse())
    return service.submit(scope, wanted, deadline_ns)


def handle_list_search_attributes(
    service: Service,
    scope: NamespaceScope,
    request: ListSearchAttributesRequest,
    deadline_ns: int,
) -> Reply:
    """Name a namespace's search attributes with types. Reply: ListSearchAttributesResponse."""
    _check_named(request.namespace)
    return Reply.of(
        ListSearchAttributesResponse(
            custom_attributes=encode_kinds(scope.namespace.search_types),
            system_attributes=encode_kinds(OWN),
        )
    )


def handle_delete_namespace(
    service: Service,
    scope: NamespaceScope,
    request: DeleteNamespaceRequest,
    deadline_ns: int,
) -> Reply:
    """Delete a namespace with all its runs. Reply: DeleteNamespaceResponse."""
    if not request.namespace and not request.namespace_id:
        raise InvalidArgument("Namespace not set on request.")
    if request.namespace and request.namespace_id:
        raise InvalidArgument("Only one of namespace name or Id should be set on request.")
    registry = service.engine.namespaces
    request.namespace = request.namespace or registry.by_id(request.namespace_id).name
    registry.find(request.namespace)
    return service.submit(scope, request, deadline_ns)


def handle_list_clusters(
    service: Service, scope: NamespaceScope, request: ListClustersRequest, deadline_ns: int
) -> Reply:
    """List the one cluster that there is. Reply: ListClustersResponse."""
    response = ListClustersResponse()
    response.clusters.add(
        cluster_name=CLUSTER_NAME,
        cluster_id=service.cluster.cluster_id,
        initial_failover_version=1,
        history_shard_count=1,
        is_connection_enabled=True,
    )
    return Reply.of(response)


def handle_remove_cluster(
    service: Service, scope: NamespaceScope, request: RemoveRemoteClusterRequest, deadline_ns: int
) -> Reply:
    """Refuse: no other cluster was ever added. Raises NotFound."""
    raise NotFound("The cluster to be deleted cannot be found in clusters cache.")


def _check_named(namespace: str) -> None:
    if not namespace:
        raise InvalidArgument("Namespace is not set on request.")
