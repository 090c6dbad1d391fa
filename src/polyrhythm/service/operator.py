"""OperatorService: what an operator asks of the server.

Only the list of search attributes is built: the server's own ones, there are no others yet.
"""

from __future__ import annotations

from temporalio.api.operatorservice.v1 import (
    ListSearchAttributesRequest,
    ListSearchAttributesResponse,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service.search_attributes import ALL
from polyrhythm.service.service import NamespaceScope, Service


def handle_list_search_attributes(
    service: Service,
    scope: NamespaceScope,
    request: ListSearchAttributesRequest,
    deadline_ns: int,
) -> Reply:
    """Name a namespace's search attributes with types. Reply: ListSearchAttributesResponse."""
    if not request.namespace:
        raise InvalidArgument("Namespace is not set on request.")
    return Reply.of(ListSearchAttributesResponse(system_attributes=ALL))
