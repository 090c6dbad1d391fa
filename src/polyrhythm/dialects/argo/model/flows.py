"""Steps and DAGs, checked with Argo's messages: names, references, loops, conditions, cycles.

Each function yields (path below the template, message). `find` answers whether a template that is
named, or referred to, is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from polyrhythm.dialects.argo.depends import Depends, DependsError, parse_task
from polyrhythm.dialects.argo.model.names import (
    Problem,
    check_field_name,
    check_names,
    is_tag,
    named,
)
from polyrhythm.dialects.argo.model.yaml_text import Path, Tree

# The message about a step's or task's template, empty when it is there.
Find = Callable[[Tree], str]
LOOPS = ("withItems", "withParam", "withSequence")


def check_steps(template: Tree, name: str, find: Find) -> Iterator[Problem]:
    """A template of steps."""
    seen = set()
    for index, group in enumerate(step_groups(template)):
        for number, step in enumerate(group):
            at = ("steps", index, number)
            said = f"templates.{name}.steps[{index}]"
            step_name = str(step.get("name") or "")
            wrong = check_field_name(step_name) if step_name else ""
            if not step_name:
                yield at, f"{said}.name is required"
            elif step_name in seen:
                yield (*at, "name"), f"{said}.name '{step_name}' is not unique"
            elif wrong:
                yield (*at, "name"), f"{said}.name '{step_name}' is invalid: {wrong}"
            seen.add(step_name)
            yield from _check_call(step, at, f"{said}.{step_name}", find)


def step_groups(template: Tree) -> list[list[Tree]]:
    """The groups of steps; a group that is one map is a list of it, as Argo reads it."""
    groups = template.get("steps") or []
    return [named(group) if isinstance(group, list) else named([group]) for group in groups]


def check_dag(template: Tree, name: str, find: Find) -> Iterator[Problem]:
    """A template that is a DAG."""
    dag = template.get("dag") or {}
    tasks = named(dag.get("tasks"))
    at: Path = ("dag", "tasks")
    if not tasks:
        yield ("dag",), f"templates.{name} must have at least one task"
        return
    yield from check_names(dag.get("tasks"), at, f"templates.{name}.tasks")
    by_name = {str(task.get("name")): task for task in tasks}
    uses_depends = any(task.get("depends") for task in tasks)
    graph: dict[str, list[str]] = {}
    for index, task in enumerate(tasks):
        here, task_name = (*at, index), str(task.get("name"))
        yield from _check_style(task, (here, name, task_name), uses_depends)
        try:
            logic = parse_task(task, by_name)
        except DependsError as error:
            yield here, f"templates.{name}.tasks.{task_name} {error}"
            continue
        graph[task_name] = [each for each in logic.names if each in by_name]
        for text in _check_names_of(logic, by_name, name, task_name):
            yield here, text
        yield from _check_call(task, here, f"templates.{name}.tasks.{task_name}", find)
    cycle = find_cycle(graph)
    if cycle:
        text = f"templates.{name}.tasks dependency cycle detected: {'->'.join(cycle)}"
        yield ("dag", "tasks"), text
        return
    for index, task in enumerate(tasks):
        ancestors = _ancestors(str(task.get("name")), graph)
        for text in _check_origins(task, ancestors):
            yield (*at, index), f"templates.{name}.tasks.{task.get('name')} {text}"
    for target in str(dag.get("target") or "").split():
        if target not in by_name and not is_tag(target):
            yield ("dag", "target"), f"templates.{name}.targets: target '{target}' is not defined"


def _check_style(task: Tree, where: tuple[Path, str, str], uses_depends: bool) -> Iterator[Problem]:
    at, name, task_name = where
    if (uses_depends or task.get("dependencies")) and task_name[:1].isdecimal():
        yield (
            at,
            f"templates.{name}.tasks.{task_name} name cannot begin with a digit when using either"
            " 'depends' or 'dependencies'",
        )
    if uses_depends and task.get("dependencies"):
        yield (
            (*at, "dependencies"),
            f"templates.{name} cannot use both 'depends' and 'dependencies' in the same DAG"
            " template",
        )
    if uses_depends and task.get("continueOn") is not None:
        yield (
            (*at, "continueOn"),
            f"templates.{name} cannot use 'continueOn' when using 'depends'. Instead use"
            " 'dep-task.Failed'/'dep-task.Errored'",
        )


def _check_names_of(
    logic: Depends, by_name: dict[str, Tree], name: str, task_name: str
) -> Iterator[str]:
    for other, of_items in logic.names.items():
        if other not in by_name:
            yield f"templates.{name}.tasks.{task_name} dependency '{other}' not defined"
        elif of_items and not any(by_name[other].get(loop) for loop in LOOPS):
            yield (
                f"templates.{name}.tasks.{task_name} dependency '{other}' uses an items-based"
                " condition such as .AnySucceeded or .AllFailed but does not contain any items"
            )


def _check_call(call: Tree, at: Path, said: str, find: Find) -> Iterator[Problem]:
    """What a step and a task have alike: template, loop, arguments, hooks."""
    wrong = find(call)
    if wrong:
        yield (*at, "template"), f"{said} {wrong}"
    if sum(bool(call.get(loop)) for loop in LOOPS) > 1:
        text = f"{said} only one of withItems, withParam, withSequence can be specified"
        yield at, text
    sequence = call.get("withSequence")
    if isinstance(sequence, dict) and sequence.get("count") and sequence.get("end"):
        text = f"{said} only one of count or end can be defined in withSequence"
        yield (*at, "withSequence"), text
    arguments = call.get("arguments") or {}
    for part in ("parameters", "artifacts"):
        prefix = f"{said}.arguments.{part}"
        yield from check_names(arguments.get(part), (*at, "arguments", part), prefix, values=True)
    for name, hook in (call.get("hooks") or {}).items():
        if name != "exit" and isinstance(hook, dict) and not hook.get("expression"):
            yield (*at, "hooks", name), f"{said}.hooks.{name} Expression required"


def find_cycle(graph: dict[str, list[str]]) -> list[str]:
    """A cycle of a graph as names, the first again at the end; empty when there is none."""
    done: set[str] = set()
    for start in graph:
        trail: list[str] = []
        pending: list[tuple[str, int]] = [(start, 0)]
        while pending:
            name, index = pending.pop()
            if index == 0:
                if name in trail:
                    return [*trail[trail.index(name) :], name]
                if name in done:
                    continue
                trail.append(name)
            others = graph.get(name, [])
            if index < len(others):
                pending += [(name, index + 1), (others[index], 0)]
            else:
                trail.remove(name)
                done.add(name)
    return []


def _ancestors(name: str, graph: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    pending = list(graph.get(name, []))
    while pending:
        other = pending.pop()
        if other not in found:
            found.add(other)
            pending += graph.get(other, [])
    return found


def _check_origins(task: Tree, ancestors: set[str]) -> Iterator[str]:
    """Arguments take values only of tasks that have ended for certain."""
    arguments: dict[str, Any] = task.get("arguments") or {}
    for part, key, word in (
        ("parameters", "value", "parameter"),
        ("artifacts", "from", "artifact"),
    ):
        for item in named(arguments.get(part)):
            text = str(item.get(key) or "")
            origin = text.removeprefix("{{tasks.").split(".")[0]
            if text.startswith("{{tasks.") and origin not in ancestors:
                yield f"missing dependency '{origin}' for {word} '{item.get('name')}'"
