"""Writes the `blocking*.py`: the client, and jobs, for programs without an event loop.

Read from the async sources as a syntax tree: each coroutine becomes a method that runs it through
the portal, each async iterator a plain one, each handle that is returned is wrapped. Run it after a
change of the client: `python tools/mirror.py`. A test fails while the file is not what this writes.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "src/polyrhythm"
# By file: files beside it, and classes of theirs, in the order of the mirror.
TARGETS = {
    "sdk/client/blocking_tasks": (("task_run", "TaskRun"), ("task_starter", "TaskStarter")),
    "sdk/client/blocking": (
        ("attempts", "AttemptHandle"),
        ("run", "UpdateHandle"),
        ("run", "Run"),
        ("starter", "Starter"),
        ("client", "Client"),
        ("projections", "Model"),
    ),
    "dialects/cron/blocking": (("jobs", "Jobs"),),
}
# Public for other files of the library only.
INTERNAL = frozenset(("settle", "step", "entries", "concerns"))
MIRRORED = frozenset(name for sources in TARGETS.values() for _, name in sources)
HEAD = '''"""The blocking mirror of {what}: the same verbs, for programs without an event loop.

Written by tools/mirror.py from the async classes, which have the documentation; change those and
run it again. Every verb runs its twin on the application's loop and waits; `aio` is the twin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar, overload

from typing_extensions import Unpack

from polyrhythm.base.durations import Span
from polyrhythm.dialects.cron.jobs import Ids, Views
from polyrhythm.dialects.cron.settings import JobSettings
from polyrhythm.dialects.cron.views import JobView
from polyrhythm.{package} import {modules}
from polyrhythm.sdk.client.blocking_tasks import TaskRun
from polyrhythm.sdk.client.history import History
from polyrhythm.sdk.client.letters import DeadLetter
from polyrhythm.sdk.client.moment import RunMoment
from polyrhythm.sdk.client.portal import Portal, block, step
from polyrhythm.sdk.client.task_views import TaskDescription, TaskSummary
from polyrhythm.sdk.client.views import Description, RunSummary
from polyrhythm.sdk.declare.methods import QueryMethod, SignalMethod, UpdateMethod
from polyrhythm.sdk.messages import Query, Signal, Update, UpdateCall
from polyrhythm.sdk.settings import StartSettings

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
'''

OWN_IMPORT = "from polyrhythm.sdk.client.blocking_tasks import TaskRun\n"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def mirror(target: str) -> str:
    """Return the text of one mirror."""
    sources = TARGETS[target]
    modules = sorted({module for module, _ in sources})
    folder, _, file = target.rpartition("/")
    what = "jobs" if folder == "dialects/cron" else "the client"
    text = HEAD.format(what=what, package=folder.replace("/", "."), modules=", ".join(modules))
    if file == "blocking_tasks":
        text = text.replace(OWN_IMPORT, "")
    for module, name in sources:
        tree = ast.parse((LIBRARY / folder / f"{module}.py").read_text(encoding="utf-8"))
        found = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
        text += "\n\n" + _class(module, found)
    return _formatted(text, target)


def _class(module: str, source: ast.ClassDef) -> str:
    generic = next((ast.unparse(base) for base in source.bases), "")
    parameters = generic.removeprefix("Generic")
    lines = [
        f"class {source.name}({generic}):" if generic else f"class {source.name}:",
        f'    """Blocking twin of `{module}.{source.name}`."""',
        "",
        '    __slots__ = ("_portal", "aio")',
        "",
        f"    def __init__(self, aio: {module}.{source.name}{parameters}, portal: Portal) -> None:",
        "        self.aio = aio",
        "        self._portal = portal",
        "",
        "    def __repr__(self) -> str:",
        '        """As its twin."""',
        "        return repr(self.aio)",
    ]
    lines += _attributes(source)
    for node in source.body:
        if not isinstance(node, Function) or node.name.startswith("_"):
            continue
        if node.name not in INTERNAL:
            lines += ["", *_method(source.name, node)]
    return "\n".join(lines) + "\n"


def _attributes(source: ast.ClassDef) -> list[str]:
    """Properties for the public slots, with the types that __init__ gives them."""
    init = next(n for n in source.body if isinstance(n, Function) and n.name == "__init__")
    types = {a.arg: ast.unparse(a.annotation) for a in init.args.args if a.annotation}
    lines: list[str] = []
    for node in init.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            name = node.targets[0].attr
            kind = types.get(name)
            if name.startswith("_") or kind is None or name in ("session", "result_type"):
                continue
            value = f"self.aio.{name}"
            if kind.partition("[")[0] in MIRRORED:
                value = f"{kind.partition('[')[0]}({value}, self._portal)"
            lines += [
                "",
                "    @property",
                f"    def {name}(self) -> {kind}:",
                '        """As of the twin."""',
                f"        return {value}",
            ]
    return lines


def _method(owner: str, node: Function) -> list[str]:
    returns = ast.unparse(node.returns) if node.returns else "None"
    is_stream = returns.startswith("AsyncIterator[")
    result = returns.replace("AsyncIterator[", "Iterator[", 1)
    decorators = [ast.unparse(d) for d in node.decorator_list]
    arguments = ast.unparse(node.args)
    head = [f"    @{name}" for name in decorators]
    if "overload" in decorators:
        return [*head, f"    def {node.name}({arguments}) -> {result}: ..."]
    doc = (ast.get_docstring(node) or "").replace("\n", "\n        ")
    call = f"self.aio.{node.name}({_passed(node.args)})"
    verb = f'"{owner.lower()}.{node.name}"'
    wrapper = returns.partition("[")[0] if returns.partition("[")[0] in MIRRORED else ""
    if is_stream:
        body = f"step(self._portal, {call}, {verb})"
    elif isinstance(node, ast.AsyncFunctionDef):
        body = f"block(self._portal, {call}, {verb})"
    else:
        body = call
    if wrapper:
        body = f"{wrapper}({body}, self._portal)"
    many = returns.removeprefix("list[").partition("[")[0]
    if returns.startswith("list[") and many in MIRRORED:
        body = f"[{many}(one, self._portal) for one in {body}]"
    end = "" if returns == "None" else "return "
    doc = doc if "\n" not in doc else doc + "\n        "
    return [
        *head,
        f"    def {node.name}({arguments}) -> {result}:",
        f'        """{doc}"""',
        f"        {end}{body}",
    ]


def _passed(arguments: ast.arguments) -> str:
    """The parameters of a method as arguments of the same call."""
    passed = [a.arg for a in [*arguments.posonlyargs, *arguments.args] if a.arg != "self"]
    if arguments.vararg:
        passed.append(f"*{arguments.vararg.arg}")
    passed += [f"{a.arg}={a.arg}" for a in arguments.kwonlyargs]
    if arguments.kwarg:
        passed.append(f"**{arguments.kwarg.arg}")
    return ", ".join(passed)


def _formatted(text: str, target: str) -> str:
    for verb in (["check", "--fix-only", "--select", "F401,I", "-"], ["format", "-"]):
        command = [sys.executable, "-m", "ruff", verb[0], "--quiet", *verb[1:]]
        command += ["--stdin-filename", str(LIBRARY / f"{target}.py")]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        text = done.stdout
    return text


if __name__ == "__main__":
    for target in TARGETS:
        (LIBRARY / f"{target}.py").write_text(mirror(target), encoding="utf-8")
