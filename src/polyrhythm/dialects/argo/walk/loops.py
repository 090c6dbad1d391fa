"""Loops: `withItems`, `withParam` and `withSequence` as a list of the steps that they stand for.

Each item is a step of its own, named `name(index:value)`, with `{{item}}` in it replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from polyrhythm.base.limits import LOOP_ITEMS_MAX
from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate_when, substitute
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.scope import to_json

LOOPS = ("withItems", "withParam", "withSequence")
NUMBER_FORMAT = re.compile(r"%[-+ 0#]*\d*[dxXobc]|%%")


def has_loop(step: Mapping[str, Any]) -> bool:
    """Whether a step stands for several."""
    return any(step.get(key) for key in LOOPS)


def expand(step: Tree, values: Mapping[str, Any]) -> list[Tree]:
    """The steps of a loop. Raises ExpressionError in Argo's words."""
    items = _items_of(step)
    if len(items) > LOOP_ITEMS_MAX:
        raise ExpressionError(f"a loop of {len(items)} items: at most {LOOP_ITEMS_MAX}")
    body = {key: value for key, value in step.items() if key not in LOOPS}
    # A condition that is false without the item skips all of them: nothing needs to resolve.
    lenient = _surely_false(str(step.get("when") or ""))
    known = {key: value for key, value in values.items() if value is not None or not lenient}
    return [_one(body, index, item, (known, lenient)) for index, item in enumerate(items)]


def _items_of(step: Tree) -> list[Any]:
    if step.get("withItems"):
        return list(step["withItems"])
    try:
        if step.get("withParam"):
            return _read_param(step["withParam"])
        return _sequence(step["withSequence"])
    except (ExpressionError, ValueError) as error:
        if _surely_false(str(step.get("when") or "")):
            return []
        raise ExpressionError(str(error)) from None


def _read_param(text: str) -> list[Any]:
    why = "not a list"
    try:
        found = json.loads(text)
    except ValueError as error:
        found, why = None, str(error)
    if not isinstance(found, list):
        raise ExpressionError(
            f"withParam value could not be parsed as a JSON list: {text.strip()[:1000]}: {why}"
        )
    return found


def _sequence(sequence: Tree) -> list[str]:
    start = int(str(sequence.get("start") or 0))
    if sequence.get("end") is not None:
        end = int(str(sequence["end"]))
    elif sequence.get("count") is not None:
        count = int(str(sequence["count"]))
        if count == 0:
            return []
        end = start + count - 1
    else:
        raise ExpressionError("neither end nor count was specified in withSequence")
    if abs(end - start) >= LOOP_ITEMS_MAX:
        raise ExpressionError(f"a sequence of {abs(end - start) + 1}: at most {LOOP_ITEMS_MAX}")
    numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    form = str(sequence.get("format") or "%d")
    return [format_number(form, number) for number in numbers]


def format_number(form: str, number: int) -> str:
    """A number in one of Go's formats; only verbs of whole numbers are known."""

    def one(match: re.Match[str]) -> str:
        word = match[0]
        if word == "%%":
            return "%"
        if word.endswith("b"):
            return format(number, f"{word[1:-1]}b")
        return str(word % number)

    return NUMBER_FORMAT.sub(one, form)


def _one(body: Tree, index: int, item: Any, known: tuple[Mapping[str, Any], bool]) -> Tree:
    values, lenient = known
    replaced = {**values, **_item_values(item, index)}
    # Hooks name what is not known yet: the outputs of the step that they belong to.
    hooks = body.get("hooks")
    own = {key: value for key, value in body.items() if key != "hooks"}
    made: Tree = substitute(own, replaced, allow_unresolved=lenient)
    if hooks:
        made["hooks"] = substitute(hooks, replaced)
    made["name"] = f"{body['name']}({index}:{_label(item)})"
    if "template" in body:
        made["template"] = substitute(body["template"], replaced, allow_unresolved=True)
    return made


def _item_values(item: Any, index: int) -> dict[str, str]:
    if item is None:
        raise ExpressionError(
            f"withItems[{index}] expected string, number, list, or map. received: null"
        )
    if isinstance(item, dict):
        values = {f"item.{key}": go_text(value) for key, value in item.items()}
        return {**values, "item": to_json(item)}
    if isinstance(item, list):
        return {"item": to_json(item)}
    return {"item": go_text(item)}


def _label(item: Any) -> str:
    """How an item stands in a node's name."""
    if isinstance(item, dict):
        text = ",".join(sorted(f"{key}:{go_text(value)}" for key, value in item.items()))
    else:
        text = go_text(item)
    return text.replace("(", "").replace(")", "")


def go_text(value: Any) -> str:
    """A value as Go prints it: `[a b]`, `map[k:v]`, numbers without a needless fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + " ".join(go_text(each) for each in value) + "]"
    if isinstance(value, dict):
        inner = " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value))
        return f"map[{inner}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "<nil>" if value is None else str(value)


def _surely_false(when: str) -> bool:
    try:
        return not evaluate_when(when)
    except ExpressionError:
        return False
