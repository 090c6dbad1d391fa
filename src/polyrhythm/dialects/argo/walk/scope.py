"""What tags of one template may name: values by their whole key, and artifacts.

A value is a text; None is an *absent* one: an output of a node that was skipped, without a default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate, substitute
from polyrhythm.dialects.argo.model.fields import as_text
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.walk.nodes import Node, Tree, spell_time

# What stands for a value that was absent until the template that is called says its default.
ABSENT = "__polyrhythm_absent_output__"
PURE = re.compile(r"^\{\{\s*([^{}]+?)\s*\}\}$")


class ScopeError(Exception):
    """A reference that leads nowhere; the text is Argo's."""


@dataclass(slots=True)
class Scope:
    """Values and artifacts by key."""

    values: dict[str, str | None] = field(default_factory=dict)
    artifacts: dict[str, Tree] = field(default_factory=dict)

    @classmethod
    def of_template(cls, template: Tree) -> Scope:
        """A scope with the inputs of a template whose arguments are settled."""
        scope = cls()
        inputs = template.get("inputs") or {}
        for parameter in named(inputs.get("parameters")):
            key = f"inputs.parameters.{parameter['name']}"
            scope.values[key] = as_text(parameter.get("value", ""))
        for artifact in named(inputs.get("artifacts")):
            scope.artifacts[f"inputs.artifacts.{artifact['name']}"] = artifact
        return scope

    def add_node(self, prefix: str, name: str, node: Node) -> None:
        """What others may say of a node: `steps.NAME.status` and so on."""
        key = f"{prefix}.{name}"
        said = {
            "id": node.id,
            "startedAt": spell_time(node.started) if node.started else "",
            "finishedAt": spell_time(node.finished) if node.finished else "",
            "ip": node.pod_ip,
            "status": node.phase,
            "hostNodeName": node.host,
        }
        self.values.update({f"{key}.{word}": text for word, text in said.items() if text})
        self.add_outputs(key, node.outputs)

    def add_outputs(self, key: str, outputs: Tree | None) -> None:
        """Outputs of a node, or of the workflow, below a key."""
        if not outputs:
            return
        if outputs.get("result") is not None:
            self.values[f"{key}.outputs.result"] = outputs["result"]
        if outputs.get("exitCode") is not None:
            self.values[f"{key}.exitCode"] = outputs["exitCode"]
        for parameter in named(outputs.get("parameters")):
            if parameter.get("value") is not None:
                name = f"{key}.outputs.parameters.{parameter['name']}"
                self.values[name] = as_text(parameter["value"])
        for artifact in named(outputs.get("artifacts")):
            self.artifacts[f"{key}.outputs.artifacts.{artifact['name']}"] = artifact

    def add_absent(self, key: str, template: Tree, *, artifacts: bool) -> None:
        """Outputs that a node would have had, had it not been skipped."""
        outputs = template.get("outputs") or {}
        for parameter in named(outputs.get("parameters")):
            default = (parameter.get("valueFrom") or {}).get("default")
            name = f"{key}.outputs.parameters.{parameter['name']}"
            self.values[name] = None if default is None else as_text(default)
        for artifact in named(outputs.get("artifacts")) if artifacts else ():
            self.artifacts[f"{key}.outputs.artifacts.{artifact['name']}"] = {}

    def over(self, outer: Mapping[str, str]) -> dict[str, Any]:
        """All values, over those of the workflow."""
        return {**outer, **self.values}

    def environment(self, outer: Mapping[str, str]) -> dict[str, Any]:
        """What expressions see: values and artifacts."""
        return {**outer, **self.values, **self.artifacts}

    def mark_absent(self, arguments: Tree) -> Tree:
        """Arguments where a pure reference to an absent output is told apart from its text."""
        marked = []
        for parameter in named(arguments.get("parameters")):
            match = PURE.match(str(parameter.get("value") or ""))
            absent = match and match[1] in self.values and self.values[match[1]] is None
            marked.append({**parameter, "value": ABSENT} if absent else parameter)
        return {**arguments, "parameters": marked} if marked else arguments

    def resolve_artifact(self, artifact: Tree, outer: Mapping[str, str]) -> Tree | None:
        """What a `from` or `fromExpression` leads to; None when it has neither."""
        source, expression = artifact.get("from"), artifact.get("fromExpression")
        if not source and not expression:
            return None
        if expression:
            found = evaluate(expression, self.environment(outer))
        else:
            key = str(source).strip().removeprefix("{{").removesuffix("}}").strip()
            if key not in self.artifacts:
                raise ScopeError(f"Unable to resolve: {{{{{key}}}}}")
            found = self.artifacts[key]
        if not isinstance(found, dict):
            raise ScopeError(f"Variable {{{{{source or expression}}}}} is not an artifact")
        made = {**found}
        below = artifact.get("subPath")
        if below:
            text = substitute(below, self.over(outer), allow_unresolved=True)
            location = dict(made.get("s3") or {})
            location["key"] = f"{str(location.get('key') or '').rstrip('/')}/{text}"
            made["s3"] = location
        return made

    def resolve_value(self, source: Tree, outer: Mapping[str, str]) -> tuple[Any, bool]:
        """What an output of steps or a DAG is; whether it is an absent one."""
        if source.get("expression"):
            found = evaluate(source["expression"], self.environment(outer))
            if found is None:
                raise ExpressionError(f"failed to evaluate expression {source['expression']!r}")
            return found, False
        text = str(source.get("parameter") or "")
        if not text:
            return "", False
        key = text.strip().removeprefix("{{").removesuffix("}}").strip()
        values = self.over(outer)
        if key not in values:
            raise ScopeError(f"Unable to resolve: {{{{{key}}}}}")
        return values[key], values[key] is None


def aggregate(scope: Scope, key: str, nodes: Iterable[Node]) -> None:
    """Outputs of the items of a loop, as lists in their order, below `steps.NAME.outputs`."""
    children = [node for node in nodes if not node.hooked and not node.retried]
    children.sort(key=lambda node: loop_index(node.name))
    results, rows = [], []
    columns: dict[str, list[str]] = {}
    for node in children:
        if node.outputs is None or node.phase != "Succeeded":
            continue
        parameters = named(node.outputs.get("parameters"))
        if parameters:
            row = {each["name"]: as_text(each.get("value", "")) for each in parameters}
            rows.append(row)
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        if node.outputs.get("result") is not None:
            results.append(_read_json(node.outputs["result"]))
    if not children:
        return
    scope.values[f"{key}.outputs.result"] = to_json(results)
    scope.values[f"{key}.outputs.parameters"] = to_json(rows)
    for name, values in columns.items():
        scope.values[f"{key}.outputs.parameters.{name}"] = _column(values)


def loop_index(name: str) -> int:
    """The number of an item, from the name of its node."""
    digits = name.rsplit("(", 1)[-1].split(":", 1)[0]
    return int(digits) if digits.isdecimal() else 0


def to_json(value: Any) -> str:
    """JSON as Go writes it: no spaces, keys in order."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ScopeError(f"{error}: {text[:100]}") from None


def _column(values: list[str]) -> str:
    """A list of texts, or of what they hold when every one is a map or a list."""
    read = []
    for value in values:
        try:
            one = json.loads(value)
        except ValueError:
            return to_json(values)
        if not isinstance(one, (dict, list)):
            return to_json(values)
        read.append(one)
    return to_json(read)
