"""Names and types of the fields of Argo's kinds, and what a tree has that they do not.

The table is a file (`fields.json`, written by tools/argo_fields.py). Checking also settles what the
API would settle: a number where a text belongs becomes that text, as `value: 10` does.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any

from polyrhythm.dialects.argo.model.problems import Finding
from polyrhythm.dialects.argo.model.yaml_text import Document, Path, Tree

NAMES = {"s": "a text", "i": "a whole number", "n": "a number", "b": "true or false"}
# Fields of the API that its published schema leaves out, or that keep what they are given.
FREE = frozenset({("Parameter", "value"), ("Parameter", "default"), ("ValueFrom", "default")})


@lru_cache(maxsize=1)
def load_fields() -> dict[str, dict[str, str]]:
    """The table: type name to its fields with their type codes."""
    text = files("polyrhythm.dialects.argo.model").joinpath("fields.json").read_text()
    table: dict[str, dict[str, str]] = json.loads(text)
    return table


def check_fields(document: Document, kind: str, file: str) -> list[Finding]:
    """Unknown fields and wrong types of a document of a kind; texts are settled in place."""
    checker = _Checker(document, file)
    document.tree = checker.settle(document.tree, f"@{kind}", ())
    return checker.findings


def as_text(value: Any) -> str:
    """A value of JSON as the API keeps it where any value becomes a text."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class _Checker:
    def __init__(self, document: Document, file: str) -> None:
        self.document = document
        self.file = file
        self.findings: list[Finding] = []

    def settle(self, value: Any, code: str, path: Path) -> Any:
        """The value as the type wants it; what cannot be becomes a finding."""
        if value is None or code == "*":
            return value
        if code[0] == "[":
            return self._settle_list(value, code[1:], path)
        if code[0] in "{@":
            return self._settle_map(value, code, path)
        return self._settle_scalar(value, code, path)

    def _settle_list(self, value: Any, code: str, path: Path) -> Any:
        if not isinstance(value, list):
            # Argo reads a step group that is one map as a list of it; others are refused.
            self._find(path, f"{_last(path)} must be a list")
            return value
        return [self.settle(item, code, (*path, index)) for index, item in enumerate(value)]

    def _settle_map(self, value: Any, code: str, path: Path) -> Any:
        if not isinstance(value, dict):
            self._find(path, f"{_last(path)} must be a map")
            return value
        if code[0] == "{":
            return {key: self.settle(item, code[1:], (*path, key)) for key, item in value.items()}
        fields = load_fields()[code[1:]]
        settled: Tree = {}
        for key, item in value.items():
            if key not in fields:
                self._unknown(key, fields, (*path, key))
                settled[key] = item
            elif (code[1:], key) in FREE:
                settled[key] = None if item is None else as_text(item)
            else:
                settled[key] = self.settle(item, fields[key], (*path, key))
        return settled

    def _settle_scalar(self, value: Any, code: str, path: Path) -> Any:
        if code == "s":
            if isinstance(value, (dict, list)):
                self._find(path, f"{_last(path)} must be a text")
                return value
            return as_text(value)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = {"b": isinstance(value, bool), "n": number, "i": number and value == int(value)}
        if not fits[code]:
            self._find(path, f"{_last(path)} must be {NAMES[code]}, not {as_text(value)}")
        return int(value) if code == "i" and fits[code] else value

    def _unknown(self, key: str, fields: dict[str, str], path: Path) -> None:
        near = get_close_matches(key, fields, n=1, cutoff=0.6)
        hint = f", did you mean {near[0]!r}?" if near else ""
        self._find(path, f'json: unknown field "{key}" at {spell(path[:-1])}{hint}')

    def _find(self, path: Path, text: str) -> None:
        self.findings.append(Finding(self.file, self.document.line(path), text))


def spell(path: Path) -> str:
    """A path as people write it: `spec.templates[0].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "the top"


def _last(path: Path) -> str:
    return spell(path)
