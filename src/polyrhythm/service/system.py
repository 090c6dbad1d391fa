"""What the server says of itself: its version, its capabilities, its search attributes.

A capability is announced only when it is built and tested; off is always safe, but for
`sdk_metadata`, which replay depends on.
"""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import (
    GetClusterInfoRequest,
    GetClusterInfoResponse,
    GetSearchAttributesRequest,
    GetSearchAttributesResponse,
    GetSystemInfoRequest,
    GetSystemInfoResponse,
)

from polyrhythm.core.search_types import FIELDS, OWN
from polyrhythm.engine.namespaces import CLUSTER_NAME
from polyrhythm.engine.reply import Reply
from polyrhythm.service.search_attributes import encode_kinds
from polyrhythm.service.service import NamespaceScope, Service

# The Temporal server whose behaviour this one has. SDKs, the UI and the command line compare it
# as numbers to decide what they may call, so it carries no suffix: `1.31.2-x` would sort before
# 1.31.2, and the UI cannot read one at all.
SERVER_VERSION = "1.31.2"
SUPPORTED_CLIENTS = {
    "temporal-go": "<2.0.0",
    "temporal-java": "<2.0.0",
    "temporal-php": "<2.0.0",
    "temporal-typescript": "<2.0.0",
    "temporal-cli": "<2.0.0",
    "temporal-server": "<2.0.0",
    "temporal-ui": "<3.0.0",
    "Nexus-go-sdk": "<2.0.0",
}


def handle_system_info(
    service: Service, scope: NamespaceScope, request: GetSystemInfoRequest, deadline_ns: int
) -> Reply:
    """Announce version and capabilities. Reply: GetSystemInfoResponse."""
    response = GetSystemInfoResponse(server_version=SERVER_VERSION)
    can = response.capabilities
    can.signal_and_query_header = True
    can.internal_error_differentiation = True
    can.activity_failure_include_heartbeat = True
    can.supports_schedules = True
    can.encoded_failure_attributes = True
    can.upsert_memo = True
    can.eager_workflow_start = True
    can.sdk_metadata = True
    can.count_group_by_execution_status = True
    # Not the versioning of that name, which is off: workers then say their build id in a stamp.
    can.build_id_based_versioning = True
    return Reply.of(response)


def handle_cluster_info(
    service: Service, scope: NamespaceScope, request: GetClusterInfoRequest, deadline_ns: int
) -> Reply:
    """Describe the cluster. Reply: GetClusterInfoResponse."""
    return Reply.of(
        GetClusterInfoResponse(
            supported_clients=SUPPORTED_CLIENTS,
            server_version=SERVER_VERSION,
            cluster_id=service.cluster.cluster_id,
            cluster_name=CLUSTER_NAME,
            history_shard_count=1,
            persistence_store=service.cluster.store,
            visibility_store=service.cluster.store,
            failover_version_increment=10,
            initial_failover_version=1,
        )
    )


def handle_get_search_attributes(
    service: Service, scope: NamespaceScope, request: GetSearchAttributesRequest, deadline_ns: int
) -> Reply:
    """Name all search attributes. Reply: GetSearchAttributesResponse."""
    return Reply.of(GetSearchAttributesResponse(keys=encode_kinds({**OWN, **FIELDS})))
