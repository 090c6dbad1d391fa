"""Computes a parsed expression: values of Go's JSON, with bounded steps and sizes.

Numbers are ints and floats as in Go: `/` makes a float, `%` takes ints. What is compared without
being comparable is unequal; what is computed without being computable is an error.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from typing import Any

from polyrhythm.base.limits import EXPRESSION_STEPS_MAX, SUBSTITUTED_BYTES_MAX
from polyrhythm.dialects.argo.expressions.functions import FUNCTIONS, call_over_items, is_number
from polyrhythm.dialects.argo.expressions.parsing import OVER_ITEMS, Node
from polyrhythm.dialects.argo.expressions.problems import ExpressionError
from polyrhythm.dialects.argo.expressions.sprig import SPRIG

PATTERN_MAX = 1000
# A group that repeats inside of one that repeats: what makes Python's matcher slow.
NESTED_REPEAT = re.compile(r"\([^()]*[+*{][^()]*\)\s*[+*{]")
ARITHMETIC: dict[str, Any] = {
    "-": operator.sub,
    "*": operator.mul,
}
ORDER: dict[str, Any] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def expand(env: Mapping[str, Any]) -> dict[str, Any]:
    """Flat keys as nested maps; a key that others lie below gives way to them."""
    made: dict[str, Any] = {}
    for key in sorted(env):
        here = made
        *path, last = key.split(".")
        for part in path:
            below = here.get(part)
            if not isinstance(below, dict):
                below = here[part] = {}
            here = below
        here[last] = env[key]
    return made


class Runner:
    """One evaluation: its names, and what it has used of its steps."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = dict(names)
        self.steps = 0
        # Items that code runs over, innermost last: name to value each.
        self.items: list[dict[str, Any]] = []

    def run(self, node: Node) -> Any:
        """The value of a node. Raises ExpressionError."""
        self.steps += 1
        if self.steps > EXPRESSION_STEPS_MAX:
            raise ExpressionError(f"an expression takes more than {EXPRESSION_STEPS_MAX} steps")
        value = getattr(self, f"_{node[0]}")(*node[1:])
        if isinstance(value, (str, list)) and len(value) > SUBSTITUTED_BYTES_MAX:
            raise ExpressionError("a value of an expression is too large")
        return value

    def over(self, body: Node, item: dict[str, Any]) -> Any:
        """The value of code over an item."""
        self.items.append(item)
        try:
            return self.run(body)
        finally:
            self.items.pop()

    def _const(self, value: Any) -> Any:
        return value

    def _id(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if name == "sprig":
            return SPRIG
        if name == "$env":
            return self.names
        raise ExpressionError(f"unknown name {name}", missing=True)

    def _pointer(self, name: str) -> Any:
        if not self.items:
            raise ExpressionError("cannot use pointer accessor outside of a closure")
        item = self.items[-1]
        if name not in item:
            raise ExpressionError(f"unknown pointer #{name}")
        return item[name]

    def _member(self, of: Node, key: Node, optional: bool) -> Any:
        value, name = self.run(of), self.run(key)
        if value is None:
            if optional:
                return None
            raise ExpressionError(f"cannot fetch {name} from <nil>", missing=True)
        if isinstance(value, dict):
            return value.get(name if isinstance(name, str) else str(name))
        if isinstance(value, (list, str)) and isinstance(name, int):
            if -len(value) <= name < len(value):
                return value[name]
            raise ExpressionError(f"index out of range: {name} (array length is {len(value)})")
        raise ExpressionError(f"cannot fetch {name} from {kind_of(value)}")

    def _slice(self, of: Node, start: Node, end: Node) -> Any:
        value, low, high = self.run(of), self.run(start), self.run(end)
        if not isinstance(value, (list, str)):
            raise ExpressionError(f"cannot slice {kind_of(value)}")
        return value[low:high]

    def _call(self, callee: Node, arguments: list[Node]) -> Any:
        name = callee[1] if callee[0] == "id" else ""
        if name in OVER_ITEMS and name not in self.names:
            return call_over_items(self, name, arguments)
        function = FUNCTIONS.get(name) if name and name not in self.names else self.run(callee)
        if function is None:
            raise ExpressionError(f"unknown name {name}", missing=True)
        if not callable(function):
            raise ExpressionError(f"{kind_of(function)} is not callable")
        values = [self.run(each) for each in arguments]
        try:
            return function(*values)
        except ExpressionError:
            raise
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise ExpressionError(f"{name or 'a function'}: {error}") from None

    def _unary(self, sign: str, inner: Node) -> Any:
        value = self.run(inner)
        if sign == "not":
            if not isinstance(value, bool):
                raise ExpressionError(f"invalid operation: ! (mismatched type {kind_of(value)})")
            return not value
        if not is_number(value):
            raise ExpressionError(f"invalid operation: {sign} (mismatched type {kind_of(value)})")
        return -value if sign == "-" else value

    def _binary(self, sign: str, left: Node, right: Node) -> Any:
        one = self.run(left)
        if sign == "??":
            return one if one is not None else self.run(right)
        if sign in ("&&", "||"):
            return self._logic(sign, one, right)
        other = self.run(right)
        if sign in ("==", "!="):
            return equal(one, other) is (sign == "==")
        if sign == "in":
            return contains(other, one)
        if sign in ("contains", "startsWith", "endsWith", "matches"):
            return self._text(sign, one, other)
        if sign in ORDER and isinstance(one, str) and isinstance(other, str):
            return ORDER[sign](one, other)
        if sign == "+" and isinstance(one, str) and isinstance(other, str):
            return one + other
        if not is_number(one) or not is_number(other):
            kinds = f"{kind_of(one)} and {kind_of(other)}"
            raise ExpressionError(f"invalid operation: {sign} (mismatched types {kinds})")
        return ORDER[sign](one, other) if sign in ORDER else compute(sign, one, other)

    def _logic(self, sign: str, one: Any, right: Node) -> bool:
        if not isinstance(one, bool):
            raise ExpressionError(f"invalid operation: {sign} (mismatched type {kind_of(one)})")
        if one is (sign == "||"):
            return one
        other = self.run(right)
        if not isinstance(other, bool):
            raise ExpressionError(f"invalid operation: {sign} (mismatched type {kind_of(other)})")
        return other

    def _text(self, sign: str, one: Any, other: Any) -> bool:
        if one is None or other is None:
            return False
        if not isinstance(one, str) or not isinstance(other, str):
            kinds = f"{kind_of(one)} and {kind_of(other)}"
            raise ExpressionError(f"invalid operation: {sign} (mismatched types {kinds})")
        if sign == "contains":
            return other in one
        if sign == "matches":
            return matches(one, other)
        return one.startswith(other) if sign == "startsWith" else one.endswith(other)

    def _choice(self, test: Node, yes: Node, no: Node) -> Any:
        value = self.run(test)
        if not isinstance(value, bool):
            raise ExpressionError(f"non-bool expression (type {kind_of(value)}) used as condition")
        return self.run(yes if value else no)

    def _list(self, items: list[Node]) -> list[Any]:
        return [self.run(each) for each in items]

    def _map(self, pairs: list[tuple[Node, Node]]) -> dict[str, Any]:
        return {str(self.run(key)): self.run(value) for key, value in pairs}

    def _closure(self, body: Node) -> Any:
        raise ExpressionError("code over items is an argument of a builtin only")

    def _let(self, name: str, value: Node, body: Node) -> Any:
        saved = self.names
        self.names = {**saved, name: self.run(value)}
        try:
            return self.run(body)
        finally:
            self.names = saved


def compute(sign: str, one: Any, other: Any) -> Any:
    """Arithmetic of two numbers."""
    try:
        if sign == "+":
            return one + other
        if sign == "/":
            return one / other
        if sign == "**":
            return float(one) ** float(other)
        if sign == "%":
            if not isinstance(one, int) or not isinstance(other, int):
                raise ExpressionError("invalid operation: % (mismatched types float64)")
            return int(one - other * int(one / other)) if abs(one) < 2**50 else one % other
        if sign == "..":
            if other - one > SUBSTITUTED_BYTES_MAX:
                raise ExpressionError("a range of an expression is too large")
            return list(range(int(one), int(other) + 1))
        return ARITHMETIC[sign](one, other)
    except ZeroDivisionError:
        raise ExpressionError("integer divide by zero") from None
    except OverflowError:
        return float("inf")


def equal(one: Any, other: Any) -> bool:
    """Whether two values are equal: numbers by value, anything else of one kind."""
    if is_number(one) and is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def contains(whole: Any, part: Any) -> bool:
    """The operator `in`: an item of a list, a key of a map."""
    if whole is None:
        return False
    if isinstance(whole, list):
        return any(equal(each, part) for each in whole)
    if isinstance(whole, dict):
        return isinstance(part, str) and part in whole
    raise ExpressionError(f'operator "in" not defined on {kind_of(whole)}')


def matches(text: str, pattern: str) -> bool:
    """Whether a regular expression is found; those that could take for ever are refused."""
    if len(pattern) > PATTERN_MAX or NESTED_REPEAT.search(pattern):
        raise ExpressionError("the regular expression is too long or repeats a repetition")
    try:
        return re.search(pattern, text[: PATTERN_MAX * 10]) is not None
    except re.error as error:
        raise ExpressionError(f"error parsing regexp: {error}") from None


def kind_of(value: Any) -> str:
    """A value's type, as Go names it."""
    if value is None:
        return "nil"
    names = {bool: "bool", int: "int", float: "float64", str: "string", list: "[]interface {}"}
    return names.get(type(value), "map[string]interface {}")
