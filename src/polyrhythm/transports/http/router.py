"""From a method and a path to a route: templates such as `/namespaces/{namespace}/workflows`.

A word goes before a name where both fit, and a path that leads nowhere one way is tried the other.
Unknown paths and methods are refused in the words of Temporal's gateway.
"""

from __future__ import annotations

from polyrhythm.transports.http.exchange import Route, split_path
from polyrhythm.transports.wire import refused


class Node:
    """What comes after one beginning of a path."""

    __slots__ = ("names", "routes", "words")

    def __init__(self) -> None:
        self.words: dict[str, Node] = {}
        # A name's own node, by its name: templates may name one place differently.
        self.names: dict[str, Node] = {}
        self.routes: dict[str, Route] = {}


class Router:
    """The routes of a server."""

    def __init__(self) -> None:
        self._root = Node()

    def add(self, method: str, template: str, route: Route) -> None:
        """Let a route answer a method on the paths of a template."""
        node = self._root
        for part in template.split("/")[1:]:
            if part.startswith("{"):
                node = node.names.setdefault(part[1:-1], Node())
            else:
                node = node.words.setdefault(part, Node())
        assert method not in node.routes, (method, template)
        node.routes[method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return who answers, and what the path says. Raises StatusError."""
        parts = split_path(path)
        found = _find(self._root, parts, 0, {}, method)
        if found is not None:
            return found
        if _find(self._root, parts, 0, {}, "") is not None:
            raise refused("UNIMPLEMENTED", "Method Not Allowed")
        raise refused("NOT_FOUND", "Not Found")


def _find(
    node: Node, parts: list[str], place: int, named: dict[str, str], method: str
) -> tuple[Route, dict[str, str]] | None:
    """Return the first route of a method, or of any if it is empty, from a node on."""
    if place == len(parts):
        route = node.routes.get(method) if method else next(iter(node.routes.values()), None)
        return (route, named) if route is not None else None
    part = parts[place]
    inner = node.words.get(part)
    if inner is not None:
        found = _find(inner, parts, place + 1, named, method)
        if found is not None:
            return found
    if part:
        for name, inner in node.names.items():
            found = _find(inner, parts, place + 1, named | {name: part}, method)
            if found is not None:
                return found
    return None
