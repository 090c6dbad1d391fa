"""Rules on words: names, docstrings and comments.

Each function takes one `Source` and yields what breaks the rule in its first docstring line.
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePosixPath

from tidy.source import FUNCTIONS, Finding, Source

DOCSTRING_LINES = range(3, 21)
EMPTY_NAMES = frozenset(
    "util utils helper helpers common manager managers impl impls baseclass".split()
)
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")
BANNER = re.compile(r"([-=#*~_+])\1{4,}")
TODO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
ISSUE = re.compile(r"#\d+")


def _parts(name: str) -> set[str]:
    """The words of a name in either case, and each two neighbours joined."""
    words = [w.lower() for w in WORD.findall(name)]
    return {*words, *(a + b for a, b in pairwise(words))}


def empty_names(source: Source) -> Iterator[Finding]:
    """No file, folder or class is called utils, helpers, common, manager, impl or base_class."""
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if _parts(part) & EMPTY_NAMES:
            yield source.find(1, f"{part} names no thing of the field")
    for node in source.classes:
        if _parts(node.name) & EMPTY_NAMES:
            yield source.find(node, f"{node.name} names no thing of the field")


def module_docstrings(source: Source) -> Iterator[Finding]:
    """A module says in 3-20 lines what it owns; a package or __main__ may say it in one."""
    if source.is_library:
        docstring = ast.get_docstring(source.tree) or ""
        lines = len(docstring.splitlines())
        short = PurePosixPath(source.path).stem in ("__init__", "__main__")
        if not docstring:
            yield source.find(1, "no module docstring")
        elif lines not in DOCSTRING_LINES and not (short and lines < DOCSTRING_LINES.start):
            yield source.find(1, f"a module docstring of {lines} lines, 3 to 20 wanted")


def public_docstrings(source: Source) -> Iterator[Finding]:
    """Every public function, class and method of the library has a docstring."""
    if not source.is_library:
        return
    for node in [*source.classes, *source.functions]:
        outer = [n for n in source.enclosing(node) if not isinstance(n, ast.Module)]
        named = [n.name for n in [node, *outer] if isinstance(n, (*FUNCTIONS, ast.ClassDef))]
        nested = any(isinstance(n, FUNCTIONS) for n in outer)
        if nested or any(name.startswith("_") for name in named) or _repeats(node):
            continue
        if not ast.get_docstring(node):
            yield source.find(node, f"{node.name} is public and has no docstring")


def _repeats(node: ast.AST) -> bool:
    """True for an overload or a property's setter: the docstring stands at the first one."""
    for decorator in getattr(node, "decorator_list", []):
        name = getattr(decorator, "attr", None) or getattr(decorator, "id", None)
        if name in ("overload", "setter", "deleter"):
            return True
    return False


def bare_excepts(source: Source) -> Iterator[Finding]:
    """An except names what it catches."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield source.find(node, "a bare except")


def loose_ends(source: Source) -> Iterator[Finding]:
    """A comment that leaves work for later names its issue, as in `#12`."""
    if TODO.search(source.text):
        for line, comment in source.comments:
            marker = TODO.search(comment)
            if marker and not ISSUE.search(comment, marker.end()):
                yield source.find(line, f"{marker[0]} without an issue number")


def banners(source: Source) -> Iterator[Finding]:
    """No comment is drawn as a line: a file that needs sections is two files."""
    if BANNER.search(source.text):
        for line, comment in source.comments:
            if BANNER.search(comment):
                yield source.find(line, "a banner comment")


RULES = (
    empty_names,
    module_docstrings,
    public_docstrings,
    bare_excepts,
    loose_ends,
    banners,
)
