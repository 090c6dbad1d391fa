"""What a step or a task is once its references are replaced: arguments, condition, loop, artifacts.

The condition comes first: a step that is skipped needs nothing else. Hooks keep their tags, since
they name what the step itself will put out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate_when, substitute
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.loops import has_loop
from polyrhythm.dialects.argo.walk.nodes import Node
from polyrhythm.dialects.argo.walk.plan import Context, Plan, PlanError
from polyrhythm.dialects.argo.walk.scope import Scope, ScopeError, to_json

SIBLINGS = ("steps", "tasks")


def resolve(step: Tree, scope: Scope, outer: Mapping[str, str]) -> Tree:
    """The step with its references replaced. Raises ExpressionError, ScopeError."""
    values = scope.over(outer)
    if step.get("when"):
        when = substitute(step["when"], values, strict=SIBLINGS)
        try:
            if not evaluate_when(when):
                return {**step, "when": when}
        except ExpressionError:
            # It may name the item of a loop.
            if not has_loop(step):
                raise
    hooks = step.get("hooks")
    bare = {key: value for key, value in step.items() if key not in ("hooks", "inline")}
    if bare.get("arguments"):
        bare["arguments"] = scope.mark_absent(bare["arguments"])
    made: Tree = substitute(bare, values, strict=SIBLINGS)
    if hooks is not None:
        made["hooks"] = hooks
    if step.get("inline") is not None:
        made["inline"] = step["inline"]
    if made.get("arguments"):
        made["arguments"] = resolve_artifacts(made["arguments"], scope, outer)
    return made


def resolve_artifacts(arguments: Tree, scope: Scope, outer: Mapping[str, str]) -> Tree:
    """Arguments with what their artifacts lead to. Raises ScopeError."""
    artifacts = []
    for artifact in named(arguments.get("artifacts")):
        try:
            found = scope.resolve_artifact(artifact, outer)
        except ScopeError as error:
            if artifact.get("optional"):
                continue
            raise ScopeError(f"unable to resolve references: {error}") from None
        if found is None:
            artifacts.append(artifact)
        else:
            kept = {"optional": True} if artifact.get("optional") else {}
            artifacts.append({**found, **kept, "name": artifact["name"]})
    return {**arguments, "artifacts": artifacts} if artifacts else _without(arguments)


def _without(arguments: Tree) -> Tree:
    return {key: value for key, value in arguments.items() if key != "artifacts"}


def resolve_outputs(template: Tree, scope: Scope, outer: Mapping[str, str]) -> Tree | None:
    """Outputs of a template of steps or a DAG. Raises ScopeError, ExpressionError."""
    outputs = template.get("outputs") or {}
    made: Tree = {}
    for parameter in named(outputs.get("parameters")):
        made.setdefault("parameters", []).append(_output(parameter, scope, outer))
    for artifact in named(outputs.get("artifacts")):
        try:
            found = scope.resolve_artifact(artifact, outer)
        except ScopeError as error:
            if artifact.get("optional"):
                continue
            raise ScopeError(f"unable to resolve outputs from scope: {error}") from None
        if found is not None:
            kept = {key: artifact[key] for key in ("globalName",) if key in artifact}
            item = {**found, **kept, "name": artifact["name"]}
            made.setdefault("artifacts", []).append(item)
    return made or None


def _output(parameter: Tree, scope: Scope, outer: Mapping[str, str]) -> Tree:
    source = parameter.get("valueFrom")
    name = parameter["name"]
    if source is None:
        raise ScopeError("output parameters must have a valueFrom specified")
    default = source.get("default")
    value: Any
    try:
        value, absent = scope.resolve_value(source, outer)
    except (ScopeError, ExpressionError):
        if default is None:
            raise
        value, absent = default, False
    if absent and default is not None:
        value = default
    if value is None:
        raise ScopeError(
            f'output parameter "{name}": "{source.get("parameter", "")}" is an absent optional'
            " (skipped/omitted node output with no default)"
        )
    kept = {key: item for key, item in parameter.items() if key not in ("valueFrom", "value")}
    return {**kept, "value": value if isinstance(value, str) else to_json(value)}


def names_result(template: Tree, name: str) -> bool:
    """Whether a template says `outputs.result` of one of its steps or tasks."""
    text = to_json(template)
    word = re.escape(name)
    plain = rf"(?:steps|tasks)\.{word}\.outputs\.result"
    quoted = rf"(?:steps|tasks)\[\\?['\"]{word}\\?['\"]\]\.outputs\.result"
    return re.search(f"{plain}|{quoted}", text) is not None


def add_skipped(
    scope: Scope, key: str, node: Node, found: tuple[Plan, Context, Tree], *, artifacts: bool
) -> None:
    """Outputs that a skipped node would have had: defaults, or absent ones."""
    if node.outputs is not None or node.phase not in ("Skipped", "Omitted"):
        return
    plan, context, holder = found
    try:
        _, template = plan.resolve(holder, context)
    except PlanError:
        return
    scope.add_absent(key, template, artifacts=artifacts)
