"""Rules on shape: sizes, twins, where imports may stand and what they may name.

Each function takes one `Source` and yields what breaks the rule in its first docstring line.
"""

import ast
from collections.abc import Iterator

from tidy.source import FUNCTIONS, Finding, Source

BODY_LINES_MAX = 70
FILE_LINES_MAX = 400
PARAMETERS_MAX = 6
COLUMNS_MAX = 100

CORE = "src/polyrhythm/core/"
TEMPORAL_LINK = "src/polyrhythm/links/temporal/"
# What would let the outside into the pure core: clocks, chance, threads, sockets, files, stores.
IMPURE_MODULES = frozenset(
    """time random secrets uuid threading _thread multiprocessing concurrent asyncio contextvars
    queue sched signal socket socketserver selectors select ssl http urllib os pathlib shutil
    tempfile glob io fileinput mmap subprocess sqlite3 dbm apsw psycopg redis grpc uvloop trio
    anyio httpx requests logging warnings sys locale getpass platform""".split()
)
IMPURE_CALLS = frozenset(
    """open print input breakpoint id hash datetime.datetime.now datetime.datetime.utcnow
    datetime.datetime.today datetime.date.today""".split()
)
UNSAFE_MODULES = frozenset("pickle cPickle _pickle marshal shelve dill cloudpickle".split())
UNSAFE_CALLS = frozenset("eval exec builtins.eval builtins.exec".split())


def long_bodies(source: Source) -> Iterator[Finding]:
    """A function body has at most 70 lines, its docstring not counted."""
    for function in source.functions:
        body = function.body[1:] if ast.get_docstring(function) else function.body
        if body:
            decorators = getattr(body[0], "decorator_list", [])
            first = min([body[0].lineno, *(d.lineno for d in decorators)])
            lines = (body[-1].end_lineno or first) - first + 1
            if lines > BODY_LINES_MAX:
                text = f"{function.name} has {lines} body lines, at most {BODY_LINES_MAX}"
                yield source.find(function, text)


def long_files(source: Source) -> Iterator[Finding]:
    """A file has at most 400 lines."""
    if len(source.lines) > FILE_LINES_MAX:
        yield source.find(1, f"{len(source.lines)} lines, at most {FILE_LINES_MAX}")


def many_parameters(source: Source) -> Iterator[Finding]:
    """A function has at most 6 parameters; self and cls are not counted."""
    for function in source.functions:
        a = function.args
        names = [p.arg for p in [*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg] if p]
        in_class = isinstance(source.parents[function], ast.ClassDef)
        count = len(names) - (in_class and names[:1] in (["self"], ["cls"]))
        if count > PARAMETERS_MAX:
            yield source.find(function, f"{function.name} has {count} parameters")


def long_lines(source: Source) -> Iterator[Finding]:
    """A line has at most 100 columns."""
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield source.find(number, f"{len(line)} columns, at most {COLUMNS_MAX}")


def twins(source: Source) -> Iterator[Finding]:
    """No function or class stands beside its own async or sync copy in one scope."""
    for scope in [source.tree, *source.classes]:
        named = {n.name: n for n in scope.body if isinstance(n, (*FUNCTIONS, ast.ClassDef))}
        for name, node in named.items():
            for twin in _twin_names(name, node):
                other = named.get(twin)
                if other is not None and (not twin.startswith("a" + name) or _differ(node, other)):
                    yield source.find(other, f"{twin} is the hand-made twin of {name}")


def _twin_names(name: str, node: ast.AST) -> list[str]:
    if isinstance(node, ast.ClassDef):
        return [f"Async{name}", f"{name}Async", f"Sync{name}"]
    return [f"{name}_async", f"async_{name}", f"{name}_sync", f"sync_{name}", f"a{name}"]


def _differ(one: ast.AST, other: ast.AST) -> bool:
    """True when exactly one of two is a coroutine function: `ahead` is no twin of `head`."""
    return isinstance(one, ast.AsyncFunctionDef) != isinstance(other, ast.AsyncFunctionDef)


def local_imports(source: Source) -> Iterator[Finding]:
    """The library imports at the head of a file, never inside a function."""
    if source.is_library:
        for node in source.nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)) and any(
                isinstance(outer, FUNCTIONS) for outer in source.enclosing(node)
            ):
                yield source.find(node, "an import inside a function")


def impure_core(source: Source) -> Iterator[Finding]:
    """The core imports and calls nothing that could make two folds of one log differ."""
    if source.path.startswith(CORE):
        for line, name in source.imports:
            if name.split(".")[0] in IMPURE_MODULES:
                yield source.find(line, f"core imports {name}")
        for call, name in source.calls:
            if name in IMPURE_CALLS:
                yield source.find(call, f"core calls {name}")


def foreign_sdk(source: Source) -> Iterator[Finding]:
    """Of the temporalio package the library imports the vocabulary, `temporalio.api`, only; the
    link to a Temporal service its client's raw calls too."""
    if source.is_library:
        ours = ("temporalio.api", *(["temporalio.service"] * source.is_in(TEMPORAL_LINK)))
        for line, name in source.imports:
            if name.startswith("temporalio") and not name.startswith(ours):
                yield source.find(line, f"{name}: only temporalio.api is ours to import")


def unsafe_code(source: Source) -> Iterator[Finding]:
    """The library never unpickles and never runs text as code."""
    if source.is_library:
        for line, name in source.imports:
            if name.split(".")[0] in UNSAFE_MODULES:
                yield source.find(line, f"imports {name}")
        for call, name in source.calls:
            if name in UNSAFE_CALLS:
                yield source.find(call, f"calls {name}")


RULES = (
    long_bodies,
    long_files,
    many_parameters,
    long_lines,
    twins,
    local_imports,
    impure_core,
    foreign_sdk,
    unsafe_code,
)
