"""Names that an expression uses and a scope does not know: what decides whether a tag may stay.

What stands left of `??`, or before `?.`, may be absent by design and is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from polyrhythm.dialects.argo.expressions.functions import FUNCTIONS
from polyrhythm.dialects.argo.expressions.parsing import OVER_ITEMS, Node

KNOWN = frozenset(["sprig", "$env", *FUNCTIONS, *OVER_ITEMS])


def missing_names(tree: Node, scope: Mapping[str, Any]) -> list[str]:
    """Dotted names of a tree that a scope has neither whole nor as the beginning of others."""
    found = dict.fromkeys(_names(tree, frozenset()))
    prefixes: set[str] = set()
    for key in scope:
        parts = key.split(".")
        prefixes.update(".".join(parts[: size + 1]) for size in range(len(parts)))
    return [name for name in found if name not in prefixes and name.split(".")[0] not in KNOWN]


def _names(node: Node, bound: frozenset[str]) -> Iterator[str]:
    kind = node[0]
    if kind == "id":
        if node[1] not in bound:
            yield node[1]
    elif kind == "member":
        path = _path(node)
        if path and path.split(".")[0] not in bound:
            yield path
        elif not path:
            yield from _names(node[2], bound)
            if not (node[3] and node[1][0] == "member"):
                yield from _names(node[1], bound)
    elif kind == "binary" and node[1] == "??":
        if node[2][0] != "member":
            yield from _names(node[2], bound)
        yield from _names(node[3], bound)
    elif kind == "let":
        yield from _names(node[2], bound)
        yield from _names(node[3], bound | {node[1]})
    else:
        yield from _inner(node, bound)


def _inner(node: Node, bound: frozenset[str]) -> Iterator[str]:
    for part in node[1:]:
        if isinstance(part, tuple) and part and isinstance(part[0], str):
            yield from _names(part, bound)
        elif isinstance(part, list):
            for each in part:
                if each and isinstance(each[0], tuple):
                    yield from _names(each[0], bound)
                    yield from _names(each[1], bound)
                else:
                    yield from _names(each, bound)


def _path(node: Node) -> str:
    """`a.b.c` of members by constant names; empty for anything else."""
    parts: list[str] = []
    while node[0] == "member":
        if node[3] or node[2][0] != "const" or not isinstance(node[2][1], str):
            return ""
        parts.append(node[2][1])
        node = node[1]
    if node[0] != "id":
        return ""
    return ".".join([str(node[1]), *reversed(parts)])
