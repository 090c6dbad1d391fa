"""Tags in the texts of a parsed tree: `{{name}}` and `{{=expression}}`.

A value never adds structure: it becomes part of the text that its tag stood in. A tag whose name is
not known stays as it is where that is allowed; one inside another is resolved first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polyrhythm.base.limits import SUBSTITUTED_BYTES_MAX
from polyrhythm.dialects.argo.expressions.functions import to_json
from polyrhythm.dialects.argo.expressions.missing import missing_names
from polyrhythm.dialects.argo.expressions.parsing import parse
from polyrhythm.dialects.argo.expressions.problems import ExpressionError
from polyrhythm.dialects.argo.expressions.running import Runner, expand

OPEN, CLOSE = "{{", "}}"
ARTIFACTS = ".outputs.artifacts."
# Names that come later than others: an expression with one of them waits for it.
LATE = frozenset(
    """item retries lastRetry.exitCode lastRetry.status lastRetry.duration lastRetry.message
    workflow.status workflow.failures""".split()
)


def substitute(
    tree: Any,
    scope: Mapping[str, Any],
    *,
    allow_unresolved: bool = True,
    strict: Sequence[str] = (),
) -> Any:
    """The tree with the tags of all its texts replaced. Raises ExpressionError.

    `strict`: first words of names that must be known even where others may stay.
    """
    if isinstance(tree, str):
        return _replace(tree, scope, allow_unresolved, strict) if OPEN in tree else tree
    if isinstance(tree, list):
        return [
            substitute(each, scope, allow_unresolved=allow_unresolved, strict=strict)
            for each in tree
        ]
    if isinstance(tree, dict):
        return {
            substitute(key, scope, allow_unresolved=allow_unresolved, strict=strict): substitute(
                value, scope, allow_unresolved=allow_unresolved, strict=strict
            )
            for key, value in tree.items()
        }
    return tree


def evaluate(expression: str, env: Mapping[str, Any]) -> Any:
    """The value of an expression of expr-lang. Raises ExpressionError."""
    return Runner(expand(env)).run(parse(expression))


def _replace(
    text: str, scope: Mapping[str, Any], allow_unresolved: bool, strict: Sequence[str]
) -> str:
    parts: list[str] = []
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        end = text.find(CLOSE, start + len(OPEN))
        if end < 0:
            break
        parts.append(text[position:start])
        parts.append(_resolve(text[start + len(OPEN) : end], scope, allow_unresolved, strict))
        position = end + len(CLOSE)
    parts.append(text[position:])
    made = "".join(parts)
    if len(made) > SUBSTITUTED_BYTES_MAX:
        raise ExpressionError(f"a text is longer than {SUBSTITUTED_BYTES_MAX} with its values")
    return made


def _resolve(
    tag: str, scope: Mapping[str, Any], allow_unresolved: bool, strict: Sequence[str]
) -> str:
    if tag.lstrip().startswith("="):
        return _compute(tag, scope, allow_unresolved, strict)
    name = tag.strip()
    if name not in scope:
        return _unresolved(tag, scope, allow_unresolved, strict)
    value = scope[name]
    if value is None:
        raise ExpressionError(
            f"unable to substitute {OPEN}{tag}{CLOSE}: output is an absent optional"
            " (skipped/omitted node with no default)"
        )
    if not isinstance(value, str):
        raise ExpressionError(f"failed to resolve {OPEN}{tag}{CLOSE} to string", missing=True)
    return value


def _compute(
    tag: str, scope: Mapping[str, Any], allow_unresolved: bool, strict: Sequence[str]
) -> str:
    """The value of an expression's tag as text; the tag itself while it may stay."""
    expression = tag.lstrip()[1:]
    lenient = allow_unresolved and not strict
    try:
        tree = parse(expression)
    except ExpressionError as error:
        if lenient:
            return f"{OPEN}{tag}{CLOSE}"
        raise ExpressionError(f"failed to evaluate expression: {error}") from None
    unknown = missing_names(tree, scope)
    for name in unknown:
        if not allow_unresolved or name.split(".")[0] in strict:
            text = f"failed to evaluate expression: {name} is missing"
            raise ExpressionError(text, missing=True)
    lenient = lenient or bool(unknown)
    if lenient and LATE & set(unknown):
        return f"{OPEN}{tag}{CLOSE}"
    try:
        value = Runner(expand(scope)).run(tree)
    except ExpressionError as error:
        if lenient:
            return f"{OPEN}{tag}{CLOSE}"
        raise ExpressionError(f"failed to evaluate expression: {error}") from None
    if value is None:
        if lenient:
            return f"{OPEN}{tag}{CLOSE}"
        raise ExpressionError(f'failed to evaluate expression "{expression}"')
    return value if isinstance(value, str) else to_json(value)


def _unresolved(
    tag: str, scope: Mapping[str, Any], allow_unresolved: bool, strict: Sequence[str]
) -> str:
    # A tag inside of this one ends where this one seemed to end: what is left of this one is
    # closed by the braces that follow, and resolved in the next pass.
    inner = tag.rfind(OPEN)
    if inner > 0 and isinstance(scope.get(tag[inner + 2 :]), str):
        return f"{OPEN}{tag[:inner]}{scope[tag[inner + 2 :]]}"
    name = tag.strip()
    must = not allow_unresolved or name.split(".")[0] in strict
    if must and not (allow_unresolved and ARTIFACTS in name):
        raise ExpressionError(f"failed to resolve {OPEN}{tag}{CLOSE}", missing=True)
    return f"{OPEN}{tag}{CLOSE}"
