"""The namespaces and search attributes of the command line, registered when they are missing.

`default` is always there: the engine makes it in an empty file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

from polyrhythm.base.errors import InvalidArgument, NamespaceAlreadyExists
from polyrhythm.sdk.link import Link
from polyrhythm.service.search_attributes import number_of_kind

REGISTER = "/temporal.api.workflowservice.v1.WorkflowService/RegisterNamespace"
ADD_ATTRIBUTES = "/temporal.api.operatorservice.v1.OperatorService/AddSearchAttributes"
# As on a development server.
RETENTION_S = 24 * 3600
TIMEOUT_S = 10.0


async def register_namespaces(
    link: Link, names: Sequence[str], attributes: Mapping[str, str] | None = None
) -> None:
    """Register what is missing, and search attributes (name to type) in `default` and in all of
    them. Raises an error of `base.errors` for a name that cannot be."""
    for name in names:
        request = RegisterNamespaceRequest(namespace=name)
        request.workflow_execution_retention_period.seconds = RETENTION_S
        try:
            await link.call(REGISTER, request, TIMEOUT_S)
        except NamespaceAlreadyExists:
            continue
    if not attributes:
        return
    for name in dict.fromkeys(["default", *names]):
        added = AddSearchAttributesRequest(namespace=name)
        for attribute, kind in attributes.items():
            added.search_attributes[attribute] = number_of_kind(kind)
        await link.call(ADD_ATTRIBUTES, added, TIMEOUT_S)


def is_attribute_type(kind: str) -> bool:
    """Return whether a type of search attributes is called so."""
    try:
        number_of_kind(kind)
    except InvalidArgument:
        return False
    return True
