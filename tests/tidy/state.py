"""Rules on types and state: inheritance, module state, carriers, capabilities, sleeps.

Each function takes one `Source` and yields what breaks the rule in its first docstring line.
"""

import ast
import builtins
import re
from collections.abc import Iterator

from tidy.source import Finding, Source, dotted_name

# Bases that declare a shape and hand down no behaviour of ours.
SHAPES = frozenset(
    "Protocol Generic Enum IntEnum StrEnum Flag IntFlag NamedTuple TypedDict".split()
)
# What a loop has to hand out: asyncio asks for these types, and their hash can be set no other way.
ASYNCIO = frozenset(("asyncio.Future", "asyncio.Task"))
EXCEPTION_NAME = re.compile(r"(Error|Exception|Warning|Exit|Interrupt)$")
CONSTANT = re.compile(r"^_{0,2}[A-Z][A-Z0-9_]*$")
DUNDER = re.compile(r"^__\w+__$")
# Calls whose result is a type, not state.
TYPE_MAKERS = frozenset("NewType TypeVar ParamSpec TypeVarTuple TypeAliasType".split())
EMPTY_STATE = frozenset(
    """dict list set defaultdict deque Counter OrderedDict count WeakKeyDictionary
    WeakValueDictionary WeakSet""".split()
)
MUTATORS = frozenset(
    """append appendleft add update extend insert pop popleft popitem remove discard clear
    setdefault sort reverse""".split()
)
STORES = frozenset(("sqlite", "memory", "postgres", "postgresql"))
NAMED = frozenset("name kind backend store engine driver flavor scheme".split())
# Where concrete stores may be named: the stores, and the file that puts the parts together.
STORE_PLACES = (
    "src/polyrhythm/stores/",
    "src/polyrhythm/app/compose.py",
)
SLEEPS = frozenset("time.sleep asyncio.sleep anyio.sleep trio.sleep".split())


def inheritance(source: Source) -> Iterator[Finding]:
    """A class inherits from exceptions and shapes (Protocol, Enum ...) only; else it composes."""
    for node in source.classes:
        for base in node.bases:
            name = dotted_name(base).rpartition(".")[2]
            if source.resolve(base) in ASYNCIO:
                continue
            if name not in SHAPES and not _is_exception(name):
                yield source.find(node, f"{node.name} inherits from {name or 'an expression'}")


def _is_exception(name: str) -> bool:
    known = getattr(builtins, name, None) if name else None
    if isinstance(known, type):
        return issubclass(known, BaseException)
    return bool(EXCEPTION_NAME.search(name))


def metaclasses(source: Source) -> Iterator[Finding]:
    """No class names or is a metaclass."""
    for node in source.classes:
        bases = {dotted_name(base).rpartition(".")[2] for base in node.bases}
        if any(k.arg == "metaclass" for k in node.keywords) or bases & {"type", "ABC", "ABCMeta"}:
            yield source.find(node, f"{node.name} uses a metaclass")


def module_state(source: Source) -> Iterator[Finding]:
    """A module of the library holds constants, never state that changes."""
    if not source.is_library:
        return
    constants = set()
    for node in source.tree.body:
        for name, value in _assigned(node):
            if DUNDER.match(name) or not _could_change(value):
                continue
            if not CONSTANT.match(name):
                yield source.find(node, f"{name}: module state, or a constant not in UPPER_CASE")
            elif _is_empty(value):
                yield source.find(node, f"{name} starts empty: it is state, not a constant")
            constants.add(name)
    yield from _mutations(source, constants)


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        yield node.target.id, node.value


def _could_change(value: ast.expr) -> bool:
    displays = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    if isinstance(value, ast.Call):
        return dotted_name(value.func).rpartition(".")[2] not in TYPE_MAKERS
    return isinstance(value, displays)


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(func=func, args=arguments):
            name = dotted_name(func).rpartition(".")[2]
            return name in EMPTY_STATE and (not arguments or name in ("defaultdict", "count"))
    return False


def _mutations(source: Source, constants: set[str]) -> Iterator[Finding]:
    for node in source.nodes:
        name = ""
        match node:
            case ast.Global(names=names):
                yield source.find(node, f"global {', '.join(names)}")
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                name = name if attr in MUTATORS else ""
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                pass
            case ast.AugAssign(target=ast.Name(id=name)):
                pass
        if name in constants:
            yield source.find(node, f"{name} is a constant and is changed here")


def store_names(source: Source) -> Iterator[Finding]:
    """Code asks a store for a capability; only stores and the composition root know names."""
    if not source.is_library or source.is_in(*STORE_PLACES):
        return
    for node in source.nodes:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            patterns = [p for case in node.cases for p in ast.walk(case.pattern)]
            sides = [node.subject, *(p.value for p in patterns if isinstance(p, ast.MatchValue))]
        else:
            continue
        asked = {dotted_name(side).rpartition(".")[2].lower() for side in sides}
        words = {w for name in asked for w in name.split("_")}
        if words & NAMED and _literals(sides) & STORES:
            yield source.find(node, "a store is asked for its name, not for a capability")


def _literals(sides: list[ast.expr]) -> set[object]:
    inner = [n for side in sides for n in [side, *getattr(side, "elts", [])]]
    return {n.value for n in inner if isinstance(n, ast.Constant)}


def sleeps(source: Source) -> Iterator[Finding]:
    """A test waits for a signal or moves the virtual clock; `asyncio.sleep(0)` only yields.

    Workflow code in tests that means a durable timer says `workflow.sleep`.
    """
    if source.is_test:
        for call, name in source.calls:
            yields = name != "time.sleep" and call.args and _literals(call.args[:1]) == {0}
            if name in SLEEPS and not yields:
                yield source.find(call, f"{name} in a test")


def unslotted(source: Source) -> Iterator[Finding]:
    """A dataclass of the library has slots."""
    if not source.is_library:
        return
    for node in source.classes:
        for decorator in node.decorator_list:
            if source.resolve(decorator) not in ("dataclass", "dataclasses.dataclass"):
                continue
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            slots = [k.value for k in keywords if k.arg == "slots"]
            if not (slots and isinstance(slots[0], ast.Constant) and slots[0].value is True):
                yield source.find(node, f"{node.name} is a dataclass without slots=True")


RULES = (
    inheritance,
    metaclasses,
    module_state,
    store_names,
    sleeps,
    unslotted,
)
