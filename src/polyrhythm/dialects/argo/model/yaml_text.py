"""YAML text to plain trees that know their lines, with every limit kept before construction.

Only what JSON has comes out: maps with text keys, lists, texts, numbers, truth values, null. Size,
depth and aliases are counted on the events of the parser; keys that stand twice are refused. Dates
stay text. No tag constructs anything: unknown ones are refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from polyrhythm.base.limits import (
    MANIFEST_ALIASES_MAX,
    MANIFEST_BYTES_MAX,
    MANIFEST_DEPTH_MAX,
    MANIFEST_DOCUMENTS_MAX,
    MANIFEST_NODES_MAX,
)
from polyrhythm.dialects.argo.model.problems import Finding, ManifestError

Tree = dict[str, Any]
Path = tuple[str | int, ...]
PLAIN = "tag:yaml.org,2002:"
WORDS = {"int": int, "float": float}


@dataclass(slots=True)
class Document:
    """One document of a file: its tree, and the line of every place in it."""

    tree: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest place around it that is known."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def read_documents(text: str, file: str) -> list[Document]:
    """The documents of a text that hold anything. Raises ManifestError with the line."""
    if len(text.encode("utf-8", "replace")) > MANIFEST_BYTES_MAX:
        raise _refused(file, 0, f"the file is larger than {MANIFEST_BYTES_MAX} bytes")
    try:
        _check_shape(text, file)
        reader = _Reader(file)
        documents = []
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            document = Document(None)
            document.tree = reader.read(node, (), document)
            if document.tree is not None:
                documents.append(document)
        return documents
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise _refused(file, line, f"not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refused(file, 0, f"not YAML: {error}") from None


def _check_shape(text: str, file: str) -> None:
    """Count depth, aliases and documents without building anything."""
    depth = aliases = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > MANIFEST_DEPTH_MAX:
            raise _refused(file, line, f"nested deeper than {MANIFEST_DEPTH_MAX} levels")
        if aliases > MANIFEST_ALIASES_MAX:
            raise _refused(file, line, f"more than {MANIFEST_ALIASES_MAX} aliases")
        if documents > MANIFEST_DOCUMENTS_MAX:
            raise _refused(file, line, f"more than {MANIFEST_DOCUMENTS_MAX} documents")


class _Reader:
    """Builds trees of composed nodes; an alias is built again, so expansion is bounded by nodes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes = 0
        self.resolver = yaml.SafeLoader("")
        # Nodes around the one that is built: an alias to one of them would never end.
        self.open: set[int] = set()

    def read(self, node: yaml.Node, path: Path, document: Document) -> Any:
        """The value of a node; its line goes into the document."""
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MANIFEST_NODES_MAX or len(path) > MANIFEST_DEPTH_MAX:
            text = f"aliases expand to more than {MANIFEST_NODES_MAX} values or too deep"
            raise _refused(self.file, line, text)
        if id(node) in self.open:
            raise _refused(self.file, line, "an alias that contains itself")
        document.lines.setdefault(path, line)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [
                    self.read(item, (*path, index), document)
                    for index, item in enumerate(node.value)
                ]
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path, document)
        finally:
            self.open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path, document: Document) -> Tree:
        tree: Tree = {}
        merged: Tree = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == PLAIN + "merge":
                for source in _merged_nodes(value_node):
                    found = self.read(source, (*path, "<<"), document)
                    if not isinstance(found, dict):
                        raise _refused(self.file, line, "<< merges maps only")
                    merged = {**found, **merged}
                continue
            key = self._key(key_node)
            if key in tree:
                raise _refused(self.file, line, f"key {key!r} already set in map")
            document.lines[(*path, key)] = line
            tree[key] = self.read(value_node, (*path, key), document)
        return {**merged, **tree}

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _refused(self.file, node.start_mark.line + 1, "a key of a map is a text")
        value: Hashable = self._scalar(node)
        return value if isinstance(value, str) else node.value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = node.tag.removeprefix(PLAIN)
        text: str = node.value
        if kind in ("str", "timestamp", "value"):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return yaml.SafeLoader.bool_values[text.lower()]
        if kind == "int":
            return int(yaml.constructor.SafeConstructor.construct_yaml_int(self.resolver, node))
        if kind == "float":
            return float(yaml.constructor.SafeConstructor.construct_yaml_float(self.resolver, node))
        raise _refused(self.file, node.start_mark.line + 1, f"the tag {node.tag} is not read")


def _merged_nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from reversed(node.value)
    else:
        yield node


def _refused(file: str, line: int, text: str) -> ManifestError:
    return ManifestError([Finding(file, line, text)])
