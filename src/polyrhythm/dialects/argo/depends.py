"""The `depends` of a task of a DAG: a condition over how other tasks have ended.

    logic = parse_depends("A.Succeeded && (B.Failed || !C)", expand)
    logic.names        # {"A": ..., "B": ..., "C": ...}
    logic.holds(lambda name, result: ...)

A bare name stands for what `expand` says: succeeded, skipped or daemoned, and what its own
`continueOn` excuses. `dependencies: [A, B]` is `A && B`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from polyrhythm.base.limits import MANIFEST_DEPTH_MAX

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned")
OF_ITEMS = ("AnySucceeded", "AllFailed")
TOKEN = re.compile(
    r"\s*(?:(?P<op>&&|\|\||!|\(|\)|\band\b|\bor\b|\bnot\b)"
    r"|(?P<name>[a-zA-Z0-9][-a-zA-Z0-9]*)(?:\.(?P<result>[a-zA-Z]+))?)"
)
WORDS = {"and": "&&", "or": "||", "not": "!"}

Holds = Callable[[str, str], bool]


class DependsError(ValueError):
    """A condition that cannot be read; the text is Argo's where it has one."""


@dataclass(slots=True)
class Depends:
    """A parsed condition: nested tuples of operators, and the tasks that it names."""

    tree: tuple[Any, ...] | None
    # Task to whether it is asked for the results of its items.
    names: Mapping[str, bool]

    def holds(self, of: Holds) -> bool:
        """Whether the condition is met, given how a task answers one result."""
        return self.tree is None or _holds(self.tree, of)


def expand_bare(name: str, continue_on: Mapping[str, Any] | None) -> tuple[Any, ...]:
    """What a bare task name stands for."""
    results = ["Succeeded", "Skipped", "Daemoned"]
    if continue_on and continue_on.get("error"):
        results.append("Errored")
    if continue_on and continue_on.get("failed"):
        results.append("Failed")
    return ("||", *(("is", name, result) for result in results))


def parse_task(task: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]]) -> Depends:
    """The condition of a task among its siblings. Raises DependsError."""
    text = task.get("depends") or ""
    continues = {name: other.get("continueOn") for name, other in tasks.items()}
    if text:
        return _Parser(text, continues).parse()
    names = list(dict.fromkeys(task.get("dependencies") or []))
    parts = [expand_bare(name, continues.get(name)) for name in names]
    return Depends(("&&", *parts) if parts else None, dict.fromkeys(names, False))


class _Parser:
    """Precedence climbing over three operators."""

    def __init__(self, text: str, continues: Mapping[str, Any]) -> None:
        self.text = text
        self.continues = continues
        self.names: dict[str, bool] = {}
        self.tokens = self._split()
        self.at = 0
        self.depth = 0

    def parse(self) -> Depends:
        tree = self._either()
        if self.at < len(self.tokens):
            raise self._refused(f"unexpected {self.tokens[self.at][0]!r}")
        return Depends(tree, self.names)

    def _split(self) -> list[tuple[str, str]]:
        tokens, position = [], 0
        text = self.text.rstrip()
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                raise self._refused(f"unexpected {text[position:].strip()[:1]!r}")
            word = match["op"] or match["name"]
            tokens.append((WORDS.get(word, word), match["result"] or ""))
            position = match.end()
        return tokens

    def _either(self) -> tuple[Any, ...]:
        self.depth += 1
        if self.depth > MANIFEST_DEPTH_MAX:
            raise self._refused("nested too deep")
        parts = [self._all()]
        while self._took("||"):
            parts.append(self._all())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else ("||", *parts)

    def _all(self) -> tuple[Any, ...]:
        parts = [self._one()]
        while self._took("&&"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else ("&&", *parts)

    def _one(self) -> tuple[Any, ...]:
        negations = 0
        while self._took("!"):
            negations += 1
        if self._took("("):
            tree = self._either()
            if not self._took(")"):
                raise self._refused("a bracket is not closed")
        else:
            tree = self._task()
        return ("!", tree) if negations % 2 else tree

    def _task(self) -> tuple[Any, ...]:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] in ("&&", "||", "!", "(", ")"):
            raise self._refused("a task is missing")
        name, result = self.tokens[self.at]
        self.at += 1
        if not result:
            self.names.setdefault(name, False)
            return expand_bare(name, self.continues.get(name))
        if result not in RESULTS + OF_ITEMS:
            raise DependsError(f"task result '{result}' for task '{name}' is invalid")
        self.names[name] = self.names.get(name, False) or result in OF_ITEMS
        return ("is", name, result)

    def _took(self, word: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == word:
            self.at += 1
            return True
        return False

    def _refused(self, text: str) -> DependsError:
        return DependsError(f"unable to evaluate expression '{self.text}': {text}")


def _holds(tree: tuple[Any, ...], of: Holds) -> bool:
    word = tree[0]
    if word == "is":
        return of(tree[1], tree[2])
    if word == "!":
        return not _holds(tree[1], of)
    test = all if word == "&&" else any
    return test(_holds(part, of) for part in tree[1:])
