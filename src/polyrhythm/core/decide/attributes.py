"""Search attributes as a run's events carry them: names that exist, typed payloads.

Owns what a start or a command may set: the names that its namespace has given to fields, and those
of the server's own that it lets users set. Which there are is `core/search_types`. Source: mapper
and validator of the server.
"""

from __future__ import annotations

from temporalio.api.common.v1 import SearchAttributes

from polyrhythm.base.limits import SEARCH_BYTES_MAX, SEARCH_KEYS_MAX, SEARCH_VALUE_BYTES_MAX
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.search_types import OWN, SETTABLE
from polyrhythm.core.search_values import value_problem


def unknown_problem(attributes: SearchAttributes, namespace: NamespaceInfo) -> str:
    """Return that a name has no definition, or nothing; what is wrong with known ones is not
    asked. The server looks for this before everything else, even before missing ids."""
    for name in attributes.indexed_fields:
        if name not in OWN and name not in namespace.search_types:
            return f"Namespace {namespace.name} has no mapping defined for search attribute {name}"
    return ""


def names_problem(attributes: SearchAttributes, namespace: NamespaceInfo) -> str:
    """Return why a start or a command may not set these attributes, or nothing."""
    problem = unknown_problem(attributes, namespace)
    if problem:
        return problem
    count = len(attributes.indexed_fields)
    if count > SEARCH_KEYS_MAX:
        return f"number of search attributes {count} exceeds limit {SEARCH_KEYS_MAX}"
    for name, payload in attributes.indexed_fields.items():
        kind = _kind_of(name, namespace)
        if kind is None:
            return f"{name} attribute can't be set in SearchAttributes"
        problem = value_problem(name, kind, payload.data)
        if problem:
            return problem
    return ""


def size_problem(attributes: SearchAttributes) -> str:
    """Return why all the attributes of a run are too large, or nothing."""
    for name, payload in attributes.indexed_fields.items():
        size = len(payload.data)
        if size > SEARCH_VALUE_BYTES_MAX:
            limit = SEARCH_VALUE_BYTES_MAX
            return f"search attribute {name} value size {size} exceeds size limit {limit}"
    total = attributes.ByteSize()
    if total > SEARCH_BYTES_MAX:
        return f"total size of search attributes {total} exceeds size limit {SEARCH_BYTES_MAX}"
    return ""


def encode_types(attributes: SearchAttributes, namespace: NamespaceInfo) -> None:
    """Write each payload's type into its metadata, as every reader of the event sees it."""
    for name, payload in attributes.indexed_fields.items():
        kind = _kind_of(name, namespace)
        if kind is not None:
            payload.metadata["type"] = kind.encode()


def encode_own_types(attributes: SearchAttributes) -> None:
    """Do the same for the server's own attributes; those of a namespace have theirs already."""
    for name, payload in attributes.indexed_fields.items():
        if name in SETTABLE:
            payload.metadata["type"] = SETTABLE[name].encode()


def encode_custom_types(attributes: SearchAttributes, namespace: NamespaceInfo) -> None:
    """Do the same for the namespace's attributes alone."""
    for name, payload in attributes.indexed_fields.items():
        if name in namespace.search_types:
            payload.metadata["type"] = namespace.search_types[name].encode()


def _kind_of(name: str, namespace: NamespaceInfo) -> str | None:
    return namespace.search_types.get(name) or SETTABLE.get(name)
