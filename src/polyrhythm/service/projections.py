"""Projections: names and sizes are checked here, the rest is the engine's.

A body is bounded like a payload: a read model that outgrows it belongs in a database of its own.
"""

from __future__ import annotations

from typing import Any

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service


def handle_named(service: Service, scope: NamespaceScope, request: Any, deadline_ns: int) -> Reply:
    """Get or delete a projection. Reply: GetProjectionResponse, DeleteProjectionResponse."""
    _check_name(service, request.name)
    return service.submit(scope, request, deadline_ns)


def handle_put(
    service: Service, scope: NamespaceScope, request: api.PutProjectionRequest, deadline_ns: int
) -> Reply:
    """Move a projection on. Reply: PutProjectionResponse."""
    _check_name(service, request.name)
    if not 0 <= request.expected_position <= request.position:
        raise InvalidArgument("a projection's position never goes back; delete it to begin anew")
    if len(request.body) > service.limits.blob_bytes_max:
        raise InvalidArgument(
            f"the body of projection {request.name} has {len(request.body)} bytes, the most is"
            f" {service.limits.blob_bytes_max}: keep large read models in a database of your own"
        )
    return service.submit(scope, request, deadline_ns)


def handle_list(
    service: Service, scope: NamespaceScope, request: api.ListProjectionsRequest, deadline_ns: int
) -> Reply:
    """Name projections. Reply: ListProjectionsResponse."""
    return service.submit(scope, request, deadline_ns)


def _check_name(service: Service, name: str) -> None:
    if not name:
        raise InvalidArgument("the projection's name is empty")
    if len(name.encode()) > service.limits.id_bytes_max:
        raise InvalidArgument(f"the name has more than {service.limits.id_bytes_max} bytes")
