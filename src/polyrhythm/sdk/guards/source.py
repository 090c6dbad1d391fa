"""Looks at the source of a workflow for calls whose result a replay could not repeat.

Names are resolved through the function's globals and closure, so aliases are seen and a user's own
`random` is not taken for the module. What cannot be resolved is left alone: a warning that is wrong
teaches to ignore warnings. Only the workflow's own code is read, not what it calls.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

# What is suspect, by module and name ("" is everything of the module), and what to use instead.
NOW = "wf.now()"
SLEEP = "await wf.sleep(...)"
RANDOM = "wf.random()"
UUID = "wf.uuid()"
TASK = "a task"
LOOP = "the workflow's own loop: just await"
INSTEAD: dict[tuple[str, str], str] = {
    ("time", "sleep"): SLEEP,
    ("time", ""): NOW,
    ("datetime", "now"): NOW,
    ("datetime", "utcnow"): NOW,
    ("datetime", "today"): NOW,
    ("random", ""): RANDOM,
    ("secrets", ""): RANDOM,
    ("uuid", "uuid1"): UUID,
    ("uuid", "uuid4"): UUID,
    ("os", "environ"): "an argument of the workflow",
    ("os", "getenv"): "an argument of the workflow",
    ("os", "urandom"): RANDOM,
    ("os", "system"): TASK,
    ("os", "popen"): TASK,
    ("subprocess", ""): TASK,
    ("socket", ""): TASK,
    ("urllib.request", ""): TASK,
    ("requests", ""): TASK,
    ("httpx", ""): TASK,
    ("threading", ""): TASK,
    ("multiprocessing", ""): TASK,
    ("asyncio", "run"): LOOP,
    ("asyncio", "to_thread"): TASK,
    ("builtins", "open"): TASK,
    ("builtins", "input"): "a signal",
}


class DeterminismWarning(UserWarning):
    """A workflow calls something that may differ when it is replayed."""


@dataclass(slots=True)
class Suspect:
    """One place: what is called there, and what to use instead."""

    file: str
    line: int
    what: str
    instead: str

    def __str__(self) -> str:
        """Return the sentence a user reads."""
        return (
            f"{self.file}:{self.line}: {self.what} may differ when the workflow is replayed;"
            f" use {self.instead}"
        )


def find_suspects(function: Callable[..., Any]) -> list[Suspect]:
    """Return what in a function's source a replay could not repeat; [] without a source."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return []
    file = inspect.getsourcefile(function) or "?"
    names = _names(function)
    found = []
    for node in _outermost(tree):
        what = ast.unparse(node)
        instead = _instead(node, names)
        if instead:
            found.append(Suspect(file, first + node.lineno - 1, what, instead))
    return found


def warn_of(function: Callable[..., Any]) -> None:
    """Warn of every suspect place, pointing at the line it is on."""
    for suspect in find_suspects(function):
        warnings.warn_explicit(str(suspect), DeterminismWarning, suspect.file, suspect.line)


def _names(function: Callable[..., Any]) -> dict[str, Any]:
    plain = inspect.unwrap(function)
    code = getattr(plain, "__code__", None)
    names = dict(vars(builtins))
    names.update(getattr(plain, "__globals__", {}))
    for name, cell in zip(
        getattr(code, "co_freevars", ()), getattr(plain, "__closure__", None) or (), strict=False
    ):
        try:
            names[name] = cell.cell_contents
        except ValueError:
            continue
    # What the function binds itself hides the module of that name.
    for name in getattr(code, "co_varnames", ()):
        names.pop(name, None)
    return names


def _outermost(tree: ast.AST) -> Iterator[ast.Attribute | ast.Name]:
    """Yield dotted names as a whole: `os.environ.get`, not `os` and `os.environ` again."""
    waiting = list(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Attribute | ast.Name):
            if isinstance(node.ctx, ast.Load):
                yield node
            if isinstance(node, ast.Attribute) and not _is_dotted(node):
                waiting.append(node.value)
            continue
        waiting.extend(ast.iter_child_nodes(node))


def _is_dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _instead(node: ast.Attribute | ast.Name, names: dict[str, Any]) -> str:
    parts = _parts(node)
    if not parts or parts[0] not in names:
        return ""
    value = names[parts[0]]
    for depth in range(len(parts)):
        if depth:
            value = getattr(value, parts[depth], None)
        instead = _verdict(value, parts[depth + 1 : depth + 2])
        if instead:
            return instead
    return ""


def _parts(node: ast.expr) -> list[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def _verdict(value: Any, attribute: list[str]) -> str:
    """Judge one step of a dotted name: an object, and the attribute taken of it next."""
    if isinstance(value, ModuleType):
        if not attribute:
            return ""
        taken = getattr(value, attribute[0], None)
        if isinstance(taken, ModuleType | type):
            return ""
        exact = INSTEAD.get((value.__name__, attribute[0]))
        return exact or INSTEAD.get((value.__name__, ""), "")
    if isinstance(value, type):
        name = attribute[0] if attribute else ""
        return INSTEAD.get((value.__module__, name), "") if name else ""
    if not callable(value):
        return ""
    # A method bound to an instance of the module (`random.choice`) names it through its owner.
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        module = type(owner).__module__
    else:
        module = getattr(value, "__module__", "") or ""
    name = getattr(value, "__name__", "")
    if module in ("io", "_io") and name == "open":
        module = "builtins"
    return INSTEAD.get((module, name)) or INSTEAD.get((module, ""), "")
