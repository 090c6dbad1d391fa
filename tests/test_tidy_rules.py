"""Every tidy rule catches what it forbids and lets pass what it allows.

A row is: the rule, a file that breaks it once, and a file next to it that does not. Without these
rows a rule could stop seeing anything and nobody would notice.
"""

import inspect

import pytest

import test_tidy
from tidy import shape, state, words
from tidy.source import parse

CORE = "src/polyrhythm/core/x.py"
LIBRARY = "src/polyrhythm/engine/x.py"
TEST = "tests/test_x.py"
DOC = '"""One.\n\nTwo.\n"""\n'


def function(lines: int) -> str:
    return "def f():\n" + '    """Doc.\n\n    More.\n    """\n' + "    x = 1\n" * lines


ROWS = [
    (shape.long_bodies, TEST, function(71), function(70)),
    (shape.long_files, TEST, "x = 1\n" * 401, "x = 1\n" * 400),
    (
        shape.many_parameters,
        TEST,
        "def f(a, b, c, d, *, e, f, **g): ...",
        "class A:\n    def f(self, a, b, c, d, e, *f): ...",
    ),
    (shape.long_lines, TEST, "x = '" + "y" * 100 + "'", "x = '" + "y" * 94 + "'"),
    (
        shape.twins,
        TEST,
        "def get(): ...\nasync def aget(): ...",
        "def head(): ...\ndef ahead(): ...",
    ),
    (
        shape.twins,
        TEST,
        "class A:\n    def get(self): ...\n    def get_async(self): ...",
        "def get(): ...\nclass A:\n    def get_async(self): ...",
    ),
    (
        shape.twins,
        TEST,
        "class Link: ...\nclass AsyncLink: ...",
        "class Link: ...\nclass Lane: ...",
    ),
    (shape.local_imports, LIBRARY, "def f():\n    import json", "import json\ndef f(): ..."),
    (shape.impure_core, CORE, "import time", "import math"),
    (shape.impure_core, CORE, "from os.path import join", "from enum import Enum"),
    (shape.impure_core, CORE, "x = open('f')", "x = closed('f')"),
    (
        shape.impure_core,
        CORE,
        "from datetime import datetime as d\nx = d.now()",
        "from datetime import timedelta",
    ),
    (shape.foreign_sdk, LIBRARY, "from temporalio import client", "from temporalio.api import x"),
    (shape.unsafe_code, LIBRARY, "import pickle", "import json"),
    (shape.unsafe_code, LIBRARY, "eval('1')", "table.eval('1')"),
    (words.empty_names, "src/polyrhythm/base/time_utils.py", "", ""),
    (words.empty_names, LIBRARY, "class LaneManager: ...", "class Lane: ..."),
    (words.empty_names, LIBRARY, "class BaseClassOf: ...", "class Implication: ..."),
    (words.module_docstrings, LIBRARY, '"""One line."""', DOC),
    (words.module_docstrings, LIBRARY, "x = 1", '"""' + "Line.\n" * 20 + '"""'),
    (words.module_docstrings, LIBRARY, '"""' + "Line.\n" * 21 + '"""', DOC),
    (words.module_docstrings, "src/polyrhythm/base/__init__.py", "", '"""One."""'),
    (words.public_docstrings, LIBRARY, "def f(): ...", "def _f(): ..."),
    (
        words.public_docstrings,
        LIBRARY,
        "class A:\n    '''Doc.'''\n    def f(self): ...",
        "class _A:\n    def f(self): ...",
    ),
    (
        words.public_docstrings,
        LIBRARY,
        "class A: ...",
        "@overload\ndef f(): ...\ndef f():\n    '''Doc.'''\n    def inner(): ...",
    ),
    (
        words.bare_excepts,
        TEST,
        "try:\n    f()\nexcept:\n    g()",
        "try:\n    f()\nexcept OSError:\n    g()",
    ),
    (words.loose_ends, TEST, "# TODO later", "# TODO(#12) later"),
    (words.loose_ends, TEST, "x = 1  # see #3, FIXME", "x = '# TODO'"),
    (words.banners, TEST, "# ----------", "x = '# ----------'"),
    (words.banners, TEST, "# ===== words =====", "# a --flag"),
    (state.inheritance, LIBRARY, "class A(Base): ...", "class A(Protocol[T]): ..."),
    (
        state.inheritance,
        TEST,
        "class A(unittest.TestCase): ...",
        "class A(errors.NotFoundError): ...",
    ),
    (state.inheritance, LIBRARY, "class A(msgspec.Struct): ...", "class A(enum.StrEnum): ..."),
    (state.inheritance, LIBRARY, "class A(dict): ...", "class A(KeyError): ..."),
    (
        state.inheritance,
        LIBRARY,
        "class A(Task): ...",
        "import asyncio\nclass A(asyncio.Task[T]): ...",
    ),
    (state.metaclasses, LIBRARY, "class A(metaclass=M): ...", "class A: ..."),
    (state.metaclasses, LIBRARY, "class A(abc.ABC): ...", "class A(Protocol): ..."),
    (state.module_state, LIBRARY, "seen = [1]", "SEEN = [1]"),
    (state.module_state, LIBRARY, "lock = Lock()", "Id = NewType('Id', str)"),
    (state.module_state, LIBRARY, "_CACHE = {}", "_CACHE = frozenset()"),
    (state.module_state, LIBRARY, "T = {1: 2}\nT[3] = 4", "T = {1: 2}\nx = T[1]"),
    (state.module_state, LIBRARY, "T = [1]\ndef f():\n    T.append(2)", "T = (1,)\nT.count(2)"),
    (state.module_state, LIBRARY, "def f():\n    global x", "__all__ = ['f']"),
    (state.store_names, LIBRARY, "x = store.name == 'sqlite'", "x = store.traits.notifies"),
    (state.store_names, LIBRARY, "x = kind in ('memory', 'a')", "x = durability == 'memory'"),
    (
        state.store_names,
        LIBRARY,
        "match store.kind:\n    case 'postgres': ...",
        "match reply.kind:\n    case 'done': ...",
    ),
    (state.sleeps, TEST, "import time\ntime.sleep(0)", "import asyncio\nasyncio.sleep(0)"),
    (state.sleeps, TEST, "from asyncio import sleep as s\ns(0.1)", "workflow.sleep(1)"),
    (
        state.unslotted,
        LIBRARY,
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A: ...",
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A: ...",
    ),
    (
        state.unslotted,
        LIBRARY,
        "import dataclasses\n@dataclasses.dataclass\nclass A: ...",
        "class A: ...",
    ),
]


@pytest.mark.parametrize(("rule", "path", "bad", "good"), ROWS)
def test_a_rule_catches_the_bad_and_passes_the_good(rule, path, bad, good):
    found = list(rule(parse(path, bad)))
    assert len(found) == 1, f"{rule.__name__} found {found} in:\n{bad}"
    assert str(found[0]).startswith(f"{path}:{found[0].line}: ")
    elsewhere = path if good else LIBRARY
    assert not list(rule(parse(elsewhere, good))), f"{rule.__name__} refuses:\n{good}"


def test_every_rule_has_a_row_and_a_test():
    rules = {*shape.RULES, *words.RULES, *state.RULES}
    written = {
        function
        for module in (shape, words, state)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert rules == written, "a rule is missing in RULES"
    assert rules == {row[0] for row in ROWS}, "a rule has no row here"
    text = inspect.getsource(test_tidy)
    unused = [r.__name__ for r in rules if f".{r.__name__})" not in text]
    assert not unused, f"tests/test_tidy.py never runs {unused}"
