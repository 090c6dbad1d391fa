"""The gate: an identity and a request's namespace become a Scope, or the call ends here.

The only caller of the room `access`. Order and messages are those of the Temporal server's
interceptors (authorization, namespace validator, redirection): a missing namespace is taken from
the task token, then the caller's role there is looked at, then the name is measured, then looked
up, then the token must belong to it.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from polyrhythm.access.identity import EVERYWHERE, Identity
from polyrhythm.access.scope import Scope, check_role, grant
from polyrhythm.api.notes import TaskToken
from polyrhythm.base.errors import InvalidArgument, NamespaceNotFound
from polyrhythm.base.limits import Limits
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.namespaces import Registry
from polyrhythm.service.method import Method, NamespaceNeed
from polyrhythm.service.texts import check_length


def open_scope(
    registry: Registry,
    limits: Limits,
    method: Method,
    request: Any,
    identity: Identity,
) -> Scope[NamespaceInfo]:
    """Return the scope of a call. Raises PermissionDenied, InvalidArgument, NamespaceNotFound."""
    need = method.namespace
    if method.has_token and need is not NamespaceNeed.NONE and not request.namespace:
        request.namespace = _namespace_of_token(registry, request.task_token).name
    if method.role:
        check_role(identity, _place(registry, need, request), method.role)
    return grant(_resolve(registry, limits, method, request), identity)


def parse_task_token(token: bytes) -> TaskToken:
    """Return a task token's fields. Raises InvalidArgument when it is empty or damaged."""
    if not token:
        raise InvalidArgument("Task token not set on request.")
    try:
        return TaskToken.FromString(token)
    except DecodeError as error:
        raise InvalidArgument("Error deserializing task token.") from error


def no_namespace() -> NamespaceInfo:
    """Return what stands for a namespace in calls that concern none: key 0 is never given out."""
    return NamespaceInfo(key=0, name="", namespace_id="", retention_ns=0)


def _resolve(registry: Registry, limits: Limits, method: Method, request: Any) -> NamespaceInfo:
    need = method.namespace
    if need is NamespaceNeed.NONE:
        return no_namespace()
    check_length(request.namespace, limits.id_bytes_max, "Namespace length exceeds limit.")
    if need is NamespaceNeed.NAME_OR_ID:
        if not request.namespace and not request.id:
            raise InvalidArgument("Namespace not set on request.")
        return no_namespace()
    if not request.namespace:
        return _without_name(need)
    if need is NamespaceNeed.NEW:
        return no_namespace()
    namespace = registry.find(request.namespace)
    if method.has_token and _namespace_of_token(registry, request.task_token).key != namespace.key:
        raise InvalidArgument("Operation requested with a token from a different namespace.")
    return namespace


def _place(registry: Registry, need: NamespaceNeed, request: Any) -> str:
    """Return the namespace whose role counts; what names none concerns the whole server."""
    if need is NamespaceNeed.NONE:
        return EVERYWHERE
    name: str = request.namespace
    if not name and need is NamespaceNeed.NAME_OR_ID and request.id:
        try:
            return registry.by_id(request.id).name
        except NamespaceNotFound:
            # That there is none is for those to know who may see all.
            return EVERYWHERE
    return name or EVERYWHERE


def _without_name(need: NamespaceNeed) -> NamespaceInfo:
    if need is NamespaceNeed.OPTIONAL:
        return no_namespace()
    if need is NamespaceNeed.NAMED:
        raise InvalidArgument("Namespace is empty.")
    raise InvalidArgument("Namespace not set on request.")


def _namespace_of_token(registry: Registry, token: bytes) -> NamespaceInfo:
    key = parse_task_token(token).namespace_key
    if not key:
        raise InvalidArgument("Namespace not set on request.")
    try:
        return registry.by_key(key)
    except KeyError as error:
        # A token of another server's file, or made up: no namespace here has this key.
        raise InvalidArgument("Error deserializing task token.") from error
