"""The namespaces named on the command line, registered when they are not there yet.

`default` is always there: the engine makes it in an empty file.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

from polyrhythm.base.errors import NamespaceAlreadyExists
from polyrhythm.sdk.link import Link

REGISTER = "/temporal.api.workflowservice.v1.WorkflowService/RegisterNamespace"
# As on a development server.
RETENTION_S = 24 * 3600
TIMEOUT_S = 10.0


async def register_namespaces(link: Link, names: Sequence[str]) -> None:
    """Register what is missing. Raises an error of `base.errors` for a name that cannot be."""
    for name in names:
        request = RegisterNamespaceRequest(namespace=name)
        request.workflow_execution_retention_period.seconds = RETENTION_S
        try:
            await link.call(REGISTER, request, TIMEOUT_S)
        except NamespaceAlreadyExists:
            continue
