"""The grammar of expr-lang: text to a tree of tuples, by precedence climbing.

Nodes are `(kind, ...)`: const, id, pointer, member, slice, call, unary, binary, choice, list, map,
closure, let. Depth and length are bounded; nothing is computed here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from polyrhythm.base.limits import EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX
from polyrhythm.dialects.argo.expressions.problems import ExpressionError

Node = tuple[Any, ...]
TOKEN = re.compile(
    r"""(?:\s|//[^\n]*|/\*.*?\*/)*(?:
      (?P<number>0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
        |(?:\d[\d_]*\.?\d[\d_]*|\.\d[\d_]*|\d)(?:[eE][-+]?\d+)?)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<raw>`[^`]*`)
    | (?P<word>[A-Za-z_$][\w$]*)
    | (?P<op>\?\?|\?\.|\?|\.\.|==|!=|>=|<=|&&|\|\||\*\*|[-+*/%^<>!|.,:;()\[\]{}\#=])
    )""",
    re.VERBOSE | re.DOTALL,
)
WORD_OPERATORS = frozenset("and or not in contains matches startsWith endsWith let if else".split())
# A tree is walked by two calls of Python a level.
HEIGHT_MAX = 200
# Operators with how tightly they bind; the language's own table.
BINARY = {
    "|": 0,
    "||": 10,
    "or": 10,
    "&&": 15,
    "and": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    "<=": 20,
    ">=": 20,
    "in": 20,
    "contains": 20,
    "matches": 20,
    "startsWith": 20,
    "endsWith": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
SAME = {"or": "||", "and": "&&", "^": "**"}
UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
# Builtins whose last arguments are code over each item.
OVER_ITEMS = frozenset(
    """all none any one filter map count sum find findIndex findLast findLastIndex groupBy sortBy
    reduce""".split()
)


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError with the place."""
    if len(text) > EXPRESSION_BYTES_MAX:
        raise ExpressionError(f"an expression is longer than {EXPRESSION_BYTES_MAX}")
    parser = _Parser(text)
    tree = parser.sequence()
    if parser.kind:
        raise parser.refused(f"unexpected token {parser.token!r}")
    if _height(tree) > HEIGHT_MAX:
        raise ExpressionError(f"an expression has more than {HEIGHT_MAX} operators in a row")
    return tree


def _height(tree: Node) -> int:
    """How deep a tree is; counted without recursion, since a chain of operators is a deep tree."""
    deepest = 0
    pending: list[tuple[Any, int]] = [(tree, 1)]
    while pending:
        part, depth = pending.pop()
        deepest = max(deepest, depth)
        inner = [each for each in part if isinstance(each, (tuple, list))]
        pending += [(each, depth + isinstance(each, tuple)) for each in inner]
    return deepest


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = self.start = 0
        self.depth = 0
        self.kind = self.token = ""
        self.advance()

    def refused(self, why: str) -> ExpressionError:
        """The error at the current place."""
        line = self.text.count("\n", 0, self.start) + 1
        column = self.start - self.text.rfind("\n", 0, self.start)
        return ExpressionError(f"{why} ({line}:{column})")

    def advance(self) -> str:
        """Read on; returns the token that was left."""
        left = self.token
        self.start = self.position
        rest = self.text[self.position :]
        match = TOKEN.match(self.text, self.position)
        if match is None:
            if re.sub(r"//[^\n]*|/\*.*?\*/", "", rest, flags=re.DOTALL).strip():
                raise self.refused(f"unrecognized character: {rest.strip()[:1]!r}")
            self.kind = self.token = ""
            return left
        self.position = match.end()
        self.kind = match.lastgroup or ""
        self.token = match[self.kind]
        if self.kind == "word" and self.token in WORD_OPERATORS:
            self.kind = "op"
        return left

    def stands(self, operator: str) -> bool:
        """Whether the operator stands here."""
        return (self.kind, self.token) == ("op", operator)

    def took(self, operator: str) -> bool:
        """Whether the operator stands here; then it is read."""
        if self.stands(operator):
            self.advance()
            return True
        return False

    def expect(self, token: str) -> None:
        """Read the operator that must stand here."""
        if not self.took(token):
            raise self.refused(f"unexpected token {self.token!r}, expected {token!r}")

    def sequence(self) -> Node:
        """`let x = value; body`, or an expression."""
        bound = []
        while self.took("let"):
            name = self.word()
            self.expect("=")
            bound.append((name, self.expression(0)))
            self.expect(";")
        tree = self.expression(0)
        for name, value in reversed(bound):
            tree = ("let", name, value, tree)
        return tree

    def word(self) -> str:
        """A name that must stand here."""
        if self.kind != "word":
            raise self.refused(f"unexpected token {self.token!r}, expected a name")
        return self.advance()

    def expression(self, least: int) -> Node:
        """An expression of operators that bind at least so tightly."""
        self.depth += 1
        if self.depth > EXPRESSION_DEPTH_MAX:
            raise self.refused("nested too deep")
        left = self.unary()
        while self.kind == "op":
            negated = self.stands("not")
            saved = (self.position, self.start, self.kind, self.token)
            if negated:
                self.advance()
            sign = self.token
            level = BINARY.get(sign) if self.kind == "op" else None
            if level is None or level < least or (negated and level != BINARY["in"]):
                self.position, self.start, self.kind, self.token = saved
                break
            self.advance()
            if sign == "|":
                left = self.piped(left)
                continue
            right = self.expression(level if sign in ("**", "^") else level + 1)
            left = ("binary", SAME.get(sign, sign), left, right)
            if negated:
                left = ("unary", "not", left)
        if least == 0:
            left = self.choice(left)
        self.depth -= 1
        return left

    def choice(self, test: Node) -> Node:
        """`a ? b : c`, where it follows."""
        while self.took("?"):
            if self.took(":"):
                test = ("choice", test, test, self.expression(0))
                continue
            yes = self.expression(0)
            self.expect(":")
            test = ("choice", test, yes, self.expression(0))
        return test

    def piped(self, value: Node) -> Node:
        """`value | name(args)`: a call with the value before its arguments."""
        name = self.word()
        callee: Node = ("id", name)
        while self.took("."):
            callee = ("member", callee, ("const", self.word()), False)
        self.expect("(")
        return self.after(("call", callee, [value, *self.arguments(name, 1)]))

    def unary(self) -> Node:
        """A value with the operators before it."""
        if self.kind == "op" and self.token in UNARY:
            sign = self.advance()
            inner = self.expression(UNARY[sign])
            return ("unary", "not" if sign == "!" else sign, inner)
        return self.after(self.primary())

    def primary(self) -> Node:
        """A value by itself."""
        if self.kind == "number":
            return ("const", _number(self.advance()))
        if self.kind in ("text", "raw"):
            kind, text = self.kind, self.advance()
            return ("const", text[1:-1] if kind == "raw" else self.unquote(text))
        if self.kind == "word":
            return self.named(self.advance())
        if self.took("("):
            inner = self.sequence()
            self.expect(")")
            return inner
        if self.took("["):
            return ("list", self.items("]"))
        if self.took("{"):
            return self.mapping()
        if self.took("#"):
            return ("pointer", self.advance() if self.kind == "word" else "")
        if self.stands("."):
            return ("pointer", "")
        if self.took("if"):
            return self.condition()
        raise self.refused(f"unexpected token {self.token!r}")

    def condition(self) -> Node:
        """`if test {a} else {b}`."""
        test = self.expression(0)
        self.expect("{")
        yes = self.sequence()
        self.expect("}")
        self.expect("else")
        if self.took("if"):
            return ("choice", test, yes, self.condition())
        self.expect("{")
        no = self.sequence()
        self.expect("}")
        return ("choice", test, yes, no)

    def named(self, name: str) -> Node:
        """A constant by its word, a call, or a name."""
        constants: dict[str, Any] = {"true": True, "false": False, "nil": None}
        if name in constants:
            return ("const", constants[name])
        if self.stands("("):
            self.advance()
            return ("call", ("id", name), self.arguments(name, 0))
        return ("id", name)

    def arguments(self, name: str, given: int) -> list[Node]:
        """Arguments up to the bracket; code over items where the builtin takes it."""
        made: list[Node] = []
        while not self.took(")"):
            if made:
                self.expect(",")
                if self.took(")"):
                    break
            if name in OVER_ITEMS and given + len(made) == 1:
                made.append(self.closure())
            else:
                made.append(self.expression(0))
        return made

    def closure(self) -> Node:
        """Code over an item, in braces or not."""
        if self.took("{"):
            body = self.sequence()
            self.expect("}")
        else:
            body = self.expression(0)
        return ("closure", body)

    def items(self, end: str) -> list[Node]:
        """Values up to a bracket."""
        made: list[Node] = []
        while not self.took(end):
            if made:
                self.expect(",")
                if self.took(end):
                    break
            made.append(self.expression(0))
        return made

    def mapping(self) -> Node:
        """`{key: value}`: keys are names, texts, numbers or expressions in brackets."""
        pairs: list[tuple[Node, Node]] = []
        while not self.took("}"):
            if pairs:
                self.expect(",")
                if self.took("}"):
                    break
            if self.took("("):
                key = self.expression(0)
                self.expect(")")
            elif self.kind in ("text", "raw", "number"):
                key = self.primary()
            else:
                key = ("const", self.advance())
            self.expect(":")
            pairs.append((key, self.expression(0)))
        return ("map", pairs)

    def after(self, value: Node) -> Node:
        """Members, indexes, slices and calls behind a value."""
        while self.kind == "op":
            if self.took("?."):
                if self.took("["):
                    index = self.expression(0)
                    self.expect("]")
                    value = ("member", value, index, True)
                else:
                    value = ("member", value, ("const", self.advance()), True)
            elif self.took("."):
                value = ("member", value, ("const", self.advance()), False)
            elif self.took("["):
                value = self.index(value)
            elif self.took("("):
                value = ("call", value, self.arguments("", 0))
            else:
                break
        return value

    def index(self, value: Node) -> Node:
        """`[i]` and `[from:to]`."""
        start: Node = ("const", None)
        if not self.stands(":"):
            start = self.expression(0)
            if self.took("]"):
                return ("member", value, start, False)
        self.expect(":")
        end: Node = ("const", None)
        if not self.stands("]"):
            end = self.expression(0)
        self.expect("]")
        return ("slice", value, start, end)

    def unquote(self, text: str) -> str:
        """The value of a text in quotes, with the escapes of Go."""
        body = text[1:-1]
        if "\\" not in body:
            return body
        if text[0] == "'":
            body = re.sub(r'(?<!\\)"', '\\"', body.replace("\\'", "'"))
        body = re.sub(r"\\x([\da-fA-F]{2})", r"\\u00\1", body)
        body = body.replace("\n", "\\n").replace("\t", "\\t")
        try:
            made: str = json.loads(f'"{body}"')
        except ValueError:
            raise self.refused("unable to unescape string") from None
        return made


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    if plain[:2].lower() in ("0x", "0b", "0o"):
        return int(plain, 0)
    return float(plain) if any(c in plain for c in ".eE") else int(plain)
