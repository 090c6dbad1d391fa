"""The condition of a `when`: the language of govaluate, with bare words as texts.

    evaluate_when("heads == heads")            evaluate_when("5 > 3 && 'a' in (a, b)")

Numbers are floats, texts are quoted or single words, truth is `true` and `false`. A regular
expression is one of Python's, of bounded length.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from polyrhythm.base.limits import EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX
from polyrhythm.dialects.argo.expressions.problems import ExpressionError

TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<word>[a-zA-Z_][\w.]*)
    | (?P<op>=~|!~|==|!=|>=|<=|&&|\|\||\?\?|>>|<<|\*\*|[-+*/%&|^!~<>()?:,])
    )""",
    re.VERBOSE,
)
PATTERN_MAX = 1000
HINT = ' (hint: try wrapping the affected expression in quotes ("))'
NUMERIC: dict[str, Callable[[Any, Any], Any]] = {
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else float("inf"),
    "%": lambda a, b: a % b if b else float("nan"),
    "&": lambda a, b: float(int(a) & int(b)),
    "|": lambda a, b: float(int(a) | int(b)),
    "^": lambda a, b: float(int(a) ^ int(b)),
    "<<": lambda a, b: float(int(a) << min(int(b), 64)),
    ">>": lambda a, b: float(int(a) >> min(int(b), 64)),
}
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# Operators from the loosest to the tightest.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", ">", "<", ">=", "<=", "=~", "!~", "in"),
    ("&", "|", "^"),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)


def evaluate_when(text: str) -> bool:
    """Whether a condition holds; an empty one does. Raises ExpressionError in Argo's words."""
    if not text:
        return True
    if len(text) > EXPRESSION_BYTES_MAX:
        raise ExpressionError(f"Invalid 'when' expression: longer than {EXPRESSION_BYTES_MAX}")
    reader = _Reader(text)
    value = reader.choice()
    if reader.kind:
        raise reader.refused(f"Cannot transition token types near '{reader.token}'")
    if not isinstance(value, bool):
        shown = f"{value:g}" if isinstance(value, float) else value
        raise ExpressionError(f"Expected boolean evaluation for '{text}'. Got {shown}")
    return value


class _Reader:
    """Reads and computes at once; a side that does not count is computed and ignored."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.kind = ""
        self.token = ""
        self.advance()

    def refused(self, why: str) -> ExpressionError:
        """The error for this text."""
        return ExpressionError(f"Invalid 'when' expression '{self.text}': {why}")

    def advance(self) -> None:
        """Read the next token."""
        rest = self.text[self.position :]
        if not rest.strip():
            self.kind = self.token = ""
            return
        match = TOKEN.match(self.text, self.position)
        if match is None:
            raise self.refused(f"Invalid token: '{rest.strip()[:1]}'{HINT}")
        self.position = match.end()
        self.kind = match.lastgroup or ""
        self.token = match[self.kind]
        if self.kind == "word" and self.token.lower() == "in":
            self.kind, self.token = "op", "in"

    def took(self, token: str) -> bool:
        """Whether the operator stands here; then it is read."""
        if self.kind == "op" and self.token == token:
            self.advance()
            return True
        return False

    def choice(self) -> Any:
        """`a ? b : c` and `a ?? b`."""
        self.depth += 1
        if self.depth > EXPRESSION_DEPTH_MAX:
            raise self.refused("nested too deep")
        value = self.binary(0)
        if self.took("??"):
            other = self.choice()
            value = other if value is None else value
        elif self.took("?"):
            yes = self.choice()
            no = self.choice() if self.took(":") else None
            value = yes if value is True else no
        self.depth -= 1
        return value

    def binary(self, level: int) -> Any:
        """Operators of one level, from left to right."""
        if level == len(LEVELS):
            return self.unary()
        value = self.binary(level + 1)
        while self.kind == "op" and self.token in LEVELS[level]:
            sign = self.token
            self.advance()
            value = self.apply(sign, value, self.binary(level + 1))
        return value

    def unary(self) -> Any:
        """Signs before a value."""
        if self.took("!"):
            value = self.unary()
            if not isinstance(value, bool):
                raise self.failed(f"Value '{value}' cannot be used with the logical operator '!'")
            return not value
        if self.took("-"):
            return -self.number(self.unary(), "-")
        return self.value()

    def value(self) -> Any:
        """A value, a list or something in brackets."""
        kind, word = self.kind, self.token
        if self.took("("):
            items = [] if (self.kind, self.token) == ("op", ")") else [self.choice()]
            is_list = not items
            while self.took(","):
                is_list = True
                items.append(self.choice())
            if not self.took(")"):
                raise self.refused("Unbalanced parenthesis")
            return items if is_list else items[0]
        if kind in ("number", "text", "word"):
            self.advance()
            return _read(kind, word)
        raise self.refused(f"Unexpected end of expression near '{word}'")

    def apply(self, sign: str, left: Any, right: Any) -> Any:
        """One operator on two values."""
        if sign in ("&&", "||"):
            for side in (left, right):
                if not isinstance(side, bool):
                    text = f"Value '{side}' cannot be used with the logical operator '{sign}'"
                    raise self.failed(text)
            return (left and right) if sign == "&&" else (left or right)
        if sign in ("==", "!="):
            return (type(left) is type(right) and left == right) is (sign == "==")
        if sign == "in":
            return any(type(one) is type(left) and one == left for one in _items(right))
        if sign in ("=~", "!~"):
            return self.matches(left, right) is (sign == "=~")
        if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
            return f"{_shown(left)}{_shown(right)}"
        if sign in ORDER:
            if not (isinstance(left, str) and isinstance(right, str)):
                left, right = self.number(left, sign), self.number(right, sign)
            return ORDER[sign](left, right)
        left, right = self.number(left, sign), self.number(right, sign)
        if sign == "+":
            return left + right
        if sign == "**":
            return _power(left, right)
        return NUMERIC[sign](left, right)

    def matches(self, text: Any, pattern: Any) -> bool:
        """Whether a regular expression is found in a text."""
        if not isinstance(text, str) or not isinstance(pattern, str):
            raise self.failed("=~ compares texts")
        if len(pattern) > PATTERN_MAX or len(text) > PATTERN_MAX:
            raise self.failed(f"=~ takes at most {PATTERN_MAX} characters")
        try:
            return re.search(pattern, text) is not None
        except re.error as error:
            raise self.failed(f"Unable to compile regexp pattern: {error}") from None

    def number(self, value: Any, sign: str) -> float:
        """A number, or the refusal of a value that is none."""
        if isinstance(value, float):
            return value
        raise self.failed(f"Value '{_shown(value)}' cannot be used with the modifier '{sign}'")

    def failed(self, why: str) -> ExpressionError:
        """The error of a value, where the form was right."""
        return ExpressionError(f"Failed to evaluate 'when' expresion '{self.text}': {why}")


def _read(kind: str, token: str) -> Any:
    if kind == "number":
        return float(int(token, 16)) if token.startswith("0x") else float(token)
    if kind == "text":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return {"true": True, "false": False}.get(token, token)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return float("inf")
    return result if isinstance(result, float) else float("nan")
