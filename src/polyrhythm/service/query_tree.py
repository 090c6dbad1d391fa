"""What a visibility query says, before anybody asks whether its names exist.

Nodes are few: what can be asked for, and everything else of the language as `Other`, which knows
only what the server calls it and how it is printed, since messages quote both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from polyrhythm.service.query_words import Kind, printed_name

_ESCAPED = {
    "\0": "\\0",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\x1a": "\\Z",
    '"': '\\"',
    "'": "\\'",
    "\\": "\\\\",
}


@dataclass(slots=True)
class Literal:
    """A string, a number or a variable, as it was written."""

    kind: Kind
    text: str


@dataclass(slots=True)
class Truth:
    """`true` or `false`."""

    value: bool


@dataclass(slots=True)
class Name:
    """A column: its parts, that of the table first."""

    parts: Sequence[str]

    @property
    def alias(self) -> str:
        """The name without its quotes."""
        return printed(self).replace("`", "")


@dataclass(slots=True)
class Tuple:
    """Expressions in parentheses: one of them is just that, more are a row."""

    items: Sequence[Expression]


@dataclass(slots=True)
class Other:
    """Anything that no query may have: what the server calls it, and its text."""

    go_type: str
    text: str = ""


@dataclass(slots=True)
class Comparison:
    """Two values beside each other. Operators are lower case: the signs, `in`, `not in`, `like`,
    `starts_with` and so on."""

    left: Expression
    operator: str
    right: Expression


@dataclass(slots=True)
class Range:
    """`between` and `not between`."""

    left: Expression
    negated: bool
    low: Expression
    high: Expression


@dataclass(slots=True)
class Is:
    """`is` with `null`, `not null` or anything else."""

    operand: Expression
    suffix: str


@dataclass(slots=True)
class Negation:
    """The opposite."""

    operand: Expression


@dataclass(slots=True)
class Chain:
    """Expressions of which all (`and`) or one (`or`) must hold."""

    operator: str
    operands: list[Expression]


Expression = Literal | Truth | Name | Tuple | Other | Comparison | Range | Is | Negation | Chain


@dataclass(slots=True)
class Query:
    """A whole query. Clauses that are never built are only remembered to have been there."""

    condition: Expression | None = None
    group_by: list[Expression] = field(default_factory=list)
    has_order: bool = False
    has_limit: bool = False


def go_type(node: Expression) -> str:
    """Return what the server calls a node."""
    match node:
        case Other():
            return node.go_type
        case Truth():
            return "sqlparser.BoolVal"
        case Tuple():
            return "*sqlparser.ParenExpr" if len(node.items) == 1 else "sqlparser.ValTuple"
        case Chain():
            return "*sqlparser.AndExpr" if node.operator == "and" else "*sqlparser.OrExpr"
    names = {
        Literal: "SQLVal",
        Name: "ColName",
        Comparison: "ComparisonExpr",
        Range: "RangeCond",
        Is: "IsExpr",
        Negation: "NotExpr",
    }
    return f"*sqlparser.{names[type(node)]}"


def printed(node: Expression) -> str:
    """Return a node as the server prints it."""
    match node:
        case Literal():
            return _printed_literal(node)
        case Truth():
            return "true" if node.value else "false"
        case Name():
            return ".".join(printed_name(part) for part in node.parts)
        case Tuple():
            return f"({', '.join(printed(item) for item in node.items)})"
        case Other():
            return node.text
        case Comparison():
            return f"{printed(node.left)} {node.operator} {printed(node.right)}"
        case Range():
            word = "not between" if node.negated else "between"
            bounds = f"{printed(node.low)} and {printed(node.high)}"
            return f"{printed(node.left)} {word} {bounds}"
        case Is():
            return f"{printed(node.operand)} is {node.suffix}"
        case Negation():
            return f"not {printed(node.operand)}"
        case Chain():
            return f" {node.operator} ".join(printed(operand) for operand in node.operands)


def _printed_literal(literal: Literal) -> str:
    match literal.kind:
        case Kind.STRING:
            return "'" + "".join(_ESCAPED.get(c, c) for c in literal.text) + "'"
        case Kind.HEX:
            return f"X'{literal.text}'"
        case Kind.BITS:
            return f"B'{literal.text}'"
    return literal.text
