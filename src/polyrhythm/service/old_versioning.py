"""Versioning as older releases had it: refused as the server's default settings refuse it.

Version sets and rules by build id alone are off; the deployments before worker deployments are
gone from its release too.
"""

from __future__ import annotations

from typing import Any

from polyrhythm.base.errors import PermissionDenied, Unimplemented
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service


def refuse_deployments(
    service: Service, scope: NamespaceScope, request: Any, deadline_ns: int
) -> Reply:
    """Refuse a call about the deployments of release 1.26."""
    raise Unimplemented(
        "Deployments are deprecated and no longer supported, use Worker Deployments instead"
    )


def refuse_sets(service: Service, scope: NamespaceScope, request: Any, deadline_ns: int) -> Reply:
    """Refuse a call about sets of compatible build ids."""
    raise PermissionDenied(
        "Worker versioning v0.1 (Version Set-based, deprecated) is disabled on this namespace."
    )


def refuse_rules(service: Service, scope: NamespaceScope, request: Any, deadline_ns: int) -> Reply:
    """Refuse a call about rules of build ids."""
    raise PermissionDenied(
        "Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace."
    )
