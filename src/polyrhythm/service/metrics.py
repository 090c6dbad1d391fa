"""Figures of this server, for whoever may read all of it.

They concern no namespace: the gate asks for a role everywhere.
"""

from __future__ import annotations

from polyrhythm.api import service as api
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service


def handle_metrics(
    service: Service, scope: NamespaceScope, request: api.GetMetricsRequest, deadline_ns: int
) -> Reply:
    """Count. Reply: GetMetricsResponse."""
    return service.submit(scope, request, deadline_ns)
