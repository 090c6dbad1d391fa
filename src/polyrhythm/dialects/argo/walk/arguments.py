"""A template with its arguments: inputs are filled, then every tag that can be resolved is.

First what is known everywhere, then the inputs, since an input's own text may name the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from polyrhythm.dialects.argo.expressions import substitute
from polyrhythm.dialects.argo.model.fields import as_text
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.templates import has_location
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.scope import ABSENT, to_json


class ArgumentError(Exception):
    """A template that lacks what it needs; the text is Argo's."""


def fill(template: Tree, arguments: Tree, values: Mapping[str, str], library: Library) -> Tree:
    """A copy of a template with its inputs filled and its tags replaced.

    `values`: what is known everywhere, and of this node. Raises ArgumentError, ExpressionError.
    """
    made = deepcopy(template)
    inputs = made.get("inputs")
    if inputs:
        if inputs.get("parameters"):
            given = _by_name(arguments.get("parameters"))
            inputs["parameters"] = [
                _fill_parameter(each, given.get(each["name"]), values, library)
                for each in named(inputs["parameters"])
            ]
        if inputs.get("artifacts"):
            given = _by_name(arguments.get("artifacts"))
            inputs["artifacts"] = [
                _fill_artifact(each, given.get(each["name"])) for each in named(inputs["artifacts"])
            ]
    return replace_tags(made, values)


def replace_tags(template: Tree, values: Mapping[str, str]) -> Tree:
    """A template with its tags replaced, as far as they are known."""
    first: Tree = substitute(template, values)
    known: dict[str, Any] = dict(values)
    parameters = named((first.get("inputs") or {}).get("parameters"))
    for parameter in parameters:
        if parameter.get("value") is not None:
            known[f"inputs.parameters.{parameter['name']}"] = as_text(parameter["value"])
        elif parameter.get("valueFrom") is None:
            raise ArgumentError(f"inputs.parameters.{parameter['name']} had no value")
    known["inputs.parameters"] = to_json(parameters)
    for side in ("inputs", "outputs"):
        for artifact in named((first.get(side) or {}).get("artifacts")):
            if artifact.get("path"):
                known[f"{side}.artifacts.{artifact['name']}.path"] = artifact["path"]
    for parameter in named((first.get("outputs") or {}).get("parameters")):
        path = (parameter.get("valueFrom") or {}).get("path")
        if path:
            known[f"outputs.parameters.{parameter['name']}.path"] = path
    made: Tree = substitute(first, known)
    return made


def _fill_parameter(
    parameter: Tree, given: Tree | None, values: Mapping[str, str], library: Library
) -> Tree:
    made = dict(parameter)
    name = made["name"]
    if made.get("value") is None and made.get("default") is not None:
        made["value"] = made["default"]
    if given is not None and given.get("value") == ABSENT:
        if made.get("value") is None and made.get("valueFrom") is None:
            raise ArgumentError(
                f"inputs.parameters.{name}: argument references an absent optional"
                " (skipped/omitted node output with no default)"
            )
    elif given is not None:
        if given.get("value") is not None:
            made["value"] = as_text(given["value"])
            made.pop("valueFrom", None)
        elif given.get("valueFrom") is not None:
            made["valueFrom"] = given["valueFrom"]
            made.pop("value", None)
    source = (made.get("valueFrom") or {}).get("configMapKeyRef")
    if source:
        made["value"] = read_config(source, made["valueFrom"], values, library)
        made.pop("valueFrom")
    return made


def read_config(source: Tree, around: Tree, values: Mapping[str, str], library: Library) -> str:
    """The value of a key of a ConfigMap, else the default beside it. Raises ArgumentError."""
    named_map: Tree = substitute(source, values)
    name, key = str(named_map.get("name")), str(named_map.get("key"))
    found = library.objects.get("ConfigMap", {}).get(name)
    data = (found or {}).get("data") or {}
    if key in data:
        return as_text(data[key])
    if around.get("default") is not None:
        return as_text(around["default"])
    if found is None:
        raise ArgumentError(f'configmaps "{name}" not found')
    raise ArgumentError(f"ConfigMap '{name}' does not have the key '{key}'")


def _fill_artifact(artifact: Tree, given: Tree | None) -> Tree:
    name = artifact["name"]
    if not artifact.get("optional") and not is_located(artifact):
        if given is None:
            raise ArgumentError(f"inputs.artifacts.{name} was not supplied")
        if not is_located(given):
            raise ArgumentError(f"inputs.artifacts.{name} missing location information")
    if given is None:
        return artifact
    kept: Tree = {key: artifact[key] for key in ("path", "mode", "recurseMode") if key in artifact}
    optional = {"optional": True} if artifact.get("optional") else {}
    return {**optional, **given, "name": name, **kept}


def is_located(artifact: Tree) -> bool:
    """Whether an artifact says where it lies, by a location or by a key of the store."""
    return has_location(artifact)


def _by_name(items: object) -> dict[str, Tree]:
    return {str(each.get("name")): each for each in named(items)}
