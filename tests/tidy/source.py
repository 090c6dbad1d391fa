"""Reads the hand-written Python of the repository, each file parsed once.

A rule is a function from one `Source` to its findings. It looks at `source.nodes` (every node of
the tree, in order) instead of walking the tree again, which keeps the whole suite under 2 s.
The list of files comes from git: what it tracks, and what it would track if added.
"""

import ast
import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("src/", "tests/", "examples/", "bench/", "tools/")
# Copied material under its own licence: not ours, so not in the scope of our rules.
COPIED = "tests/corpus/"

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule at one place."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass
class Source:
    """One file: its text, its tree and what the rules ask of them."""

    path: str
    text: str
    tree: ast.Module
    nodes: list[ast.AST] = field(default_factory=list)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    @property
    def is_library(self) -> bool:
        return self.path.startswith("src/")

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/")

    def is_in(self, *folders: str) -> bool:
        return self.path.startswith(folders)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Every comment with its line; told from strings by the tokenizer."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]

    @cached_property
    def origins(self) -> dict[str, str]:
        """Local name -> dotted name it was imported from (`sleep` -> `time.sleep`)."""
        found: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.split(".")[0]
                    found[bound] = alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """Every absolute import as (line, dotted name)."""
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
        return found

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, FUNCTIONS)]

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    @cached_property
    def calls(self) -> list[tuple[ast.Call, str]]:
        """Every call with the dotted name it resolves to through this file's imports."""
        return [(n, self.resolve(n.func)) for n in self.nodes if isinstance(n, ast.Call)]

    def resolve(self, node: ast.AST) -> str:
        """The dotted name of an expression, its head replaced by where it came from."""
        dotted = dotted_name(node)
        head, _, rest = dotted.partition(".")
        origin = self.origins.get(head, head)
        return f"{origin}.{rest}" if rest else origin

    def find(self, node: ast.AST | int, text: str) -> Finding:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(self.path, line, text)

    def enclosing(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around one, innermost first."""
        while (node := self.parents.get(node)) is not None:  # type: ignore[assignment]
            yield node


def dotted_name(node: ast.AST) -> str:
    """`a.b.c` of a Name or Attribute, the name under a subscript or call; else empty."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            head = dotted_name(value)
            return f"{head}.{attr}" if head else f"?.{attr}"
        case ast.Subscript(value=value) | ast.Call(func=value):
            return dotted_name(value)
    return ""


def parse(path: str, text: str) -> Source:
    """A source from its text; nodes and parents are gathered in one pass."""
    source = Source(path, text, ast.parse(text))
    pending: list[ast.AST] = [source.tree]
    while pending:
        node = pending.pop()
        source.nodes.append(node)
        children = list(ast.iter_child_nodes(node))
        for child in children:
            source.parents[child] = node
        pending.extend(reversed(children))
    return source


def git(*arguments: str) -> str:
    """The output of a git command at the root; a search that finds nothing is empty."""
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@lru_cache
def all_sources() -> tuple[Source, ...]:
    """Every hand-written Python file, parsed."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.py")
    paths = sorted(p for p in listed.split("\0") if p.startswith(ROOMS))
    return tuple(
        parse(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in paths
        if not path.startswith(COPIED) and (ROOT / path).is_file()
    )
