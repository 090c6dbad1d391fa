"""A visibility query's tree becomes the filter of a list of runs, or is refused.

Names are looked up in the namespace, operators are held against the attribute's type, and every
test becomes a condition. What is refused is refused from left to right, with the words of the
Temporal server 1.31 on SQLite. Times are compared in microseconds, as there. A query that says
nothing of divisions leaves out the runs that have one.
"""

from __future__ import annotations

from collections.abc import Mapping

from polyrhythm.base.conditions import (
    DIVISION,
    AllOf,
    AnyOf,
    Between,
    Compare,
    Condition,
    HasPhrase,
    HasWord,
    IsNull,
    Not,
    OneOf,
    StartsWith,
)
from polyrhythm.base.limits import QUERY_TESTS_MAX
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.search_values import MICROSECOND_NS, folded, tokens_of
from polyrhythm.engine.filter import RunFilter
from polyrhythm.service.query_columns import Column, find_column
from polyrhythm.service.query_tree import (
    Chain,
    Comparison,
    Expression,
    Is,
    Name,
    Negation,
    Other,
    Query,
    Range,
    Tuple,
    go_type,
    printed,
)
from polyrhythm.service.query_values import Value, clamped, value_of
from polyrhythm.service.query_words import refusal

SUPPORTED = frozenset("= != < <= > >= in starts_with".split()) | {"not in", "not starts_with"}
LISTED = frozenset(["=", "!=", "in", "not in"])
RANGED = frozenset(["Datetime", "Double", "Int", "Keyword"])
_SIGNS = frozenset(["=", "!=", "<", "<=", ">", ">="])


def build_filter(
    query: Query, namespace: NamespaceInfo, names: Mapping[str, str] | None = None
) -> RunFilter:
    """Return the filter of a query. `names`: what the things that are listed call attributes of
    their own, to the server's. Raises InvalidArgument."""
    if query.has_order:
        raise refusal("operation is not supported: 'ORDER BY' clause")
    if query.has_limit:
        raise refusal("operation is not supported: 'LIMIT' clause")
    builder = _Builder(namespace, names or {})
    condition = builder.condition(query.condition) if query.condition is not None else None
    if len(query.group_by) > 1:
        raise refusal("operation is not supported: 'GROUP BY' clause supports only a single field")
    for name in query.group_by:
        if builder.column(name).attribute != "ExecutionStatus":
            raise refusal(
                "operation is not supported: 'GROUP BY' clause is only supported for "
                "ExecutionStatus"
            )
    return RunFilter(namespace.key, condition=condition, divided=builder.names_division)


class _Builder:
    def __init__(self, namespace: NamespaceInfo, names: Mapping[str, str]) -> None:
        self.namespace = namespace
        self.names = names
        self.names_division = False
        self.tests = 0

    def condition(self, node: Expression) -> Condition:
        match node:
            case Chain():
                parts = [self.condition(operand) for operand in node.operands]
                return AllOf(parts) if node.operator == "and" else AnyOf(parts)
            case Negation():
                return Not(self.condition(node.operand))
            case Tuple() if len(node.items) == 1:
                return self.condition(node.items[0])
            case Comparison() | Range() | Is():
                self.tests += 1
                if self.tests > QUERY_TESTS_MAX:
                    raise refusal(f"more than {QUERY_TESTS_MAX} comparisons")
                return self._test(node)
            case Name():
                raise refusal("invalid expression: incomplete expression")
            case Other(go_type="*sqlparser.FuncExpr"):
                raise refusal("operation is not supported: function expression")
        raise refusal(f"operation is not supported: expression of type {go_type(node)}")

    def column(self, node: Expression) -> Column:
        if not isinstance(node, Name):
            raise refusal(f"invalid expression: must be a column name but was {go_type(node)}")
        column = find_column(self.names.get(node.alias, node.alias), self.namespace)
        self.names_division = self.names_division or column.attribute == DIVISION
        return column

    def _test(self, node: Comparison | Range | Is) -> Condition:
        match node:
            case Is():
                return self._is(node)
            case Range():
                return self._range(node)
        if node.operator not in SUPPORTED:
            raise refusal(
                f"invalid expression: invalid operator '{node.operator}' in `{printed(node)}`"
            )
        column = self.column(node.left)
        if node.operator in ("in", "not in"):
            return _choice(column, node)
        value = value_of(column, _unwrapped(node.right))
        if column.kind in ("KeywordList", "Text"):
            _check_listed(column, node, [value])
            return _word_test(column, node.operator, [value])
        if node.operator in _SIGNS:
            return _comparison(column, node.operator, value)
        return _prefix(column, node.operator, value)

    def _is(self, node: Is) -> Condition:
        column = self.column(node.operand)
        if node.suffix not in ("null", "not null"):
            raise refusal(
                "invalid expression: 'IS' operator can only be used with 'NULL' or 'NOT NULL'"
            )
        missing = IsNull(column.field)
        return missing if node.suffix == "null" else Not(missing)

    def _range(self, node: Range) -> Condition:
        column = self.column(node.left)
        if column.kind not in RANGED:
            raise refusal(
                "invalid expression: cannot do range condition on search attribute "
                f"'{column.alias}' of type {column.kind}"
            )
        low = value_of(column, _unwrapped(node.low))
        high = value_of(column, _unwrapped(node.high))
        within: Condition
        if column.kind == "Datetime":
            within = AllOf([_comparison(column, ">=", low), _comparison(column, "<=", high)])
        else:
            within = Between(column.compared, low.scalar, high.scalar)
        return Not(within) if node.negated else within


def _unwrapped(node: Expression) -> Expression:
    """Return a value that is no row; a row of values is for `in` alone."""
    if isinstance(node, Tuple):
        raise refusal(f"invalid expression: unexpected value type {go_type(node)}")
    return node


def _choice(column: Column, node: Comparison) -> Condition:
    if not isinstance(node.right, Tuple):
        raise refusal(f"invalid expression: unexpected value type {go_type(node.right)}")
    values = [value_of(column, _unwrapped(item)) for item in node.right.items]
    if column.kind in ("KeywordList", "Text"):
        _check_listed(column, node, values)
        return _word_test(column, node.operator, values)
    among: Condition
    if column.kind == "Datetime":
        among = AnyOf([_comparison(column, "=", value) for value in values])
    else:
        among = OneOf(column.compared, list(dict.fromkeys(value.scalar for value in values)))
    return Not(among) if node.operator == "not in" else among


def _comparison(column: Column, operator: str, value: Value) -> Condition:
    field = column.compared
    if column.kind != "Datetime" or value.is_truth:
        return Compare(field, operator, value.scalar)
    # A time is the microsecond that begins there.
    at_ns = int(value.scalar)
    first, last = clamped(at_ns), clamped(at_ns + MICROSECOND_NS - 1)
    match operator:
        case "=":
            return Between(field, first, last)
        case "!=":
            return Not(Between(field, first, last))
        case "<" | ">=":
            return Compare(field, operator, first)
    return Compare(field, operator, last)


def _prefix(column: Column, operator: str, value: Value) -> Condition:
    if not value.is_text:
        raise refusal(
            f"invalid expression: right-hand side of '{operator}' must be a literal string "
            f"(got: {value.shown})"
        )
    begins: Condition
    if column.kind == "Datetime":
        # Whoever writes a whole time means that time.
        begins = _comparison(column, "=", value)
    else:
        begins = StartsWith(column.compared, str(value.scalar))
    return begins if operator == "starts_with" else Not(begins)


def _check_listed(column: Column, node: Comparison, values: list[Value]) -> None:
    """Refuse what cannot be asked of a list of keywords or a text."""
    operators = LISTED if column.kind == "KeywordList" else frozenset(["=", "!="])
    if node.operator not in operators:
        shown = ", ".join(value.shown for value in values)
        shown = f"({shown})" if node.operator in ("in", "not in") else shown
        raise refusal(
            f"invalid expression: operator '{node.operator}' not supported for {column.kind} type "
            f"search attribute in `{column.alias} {node.operator} {shown}`"
        )
    among = " in tuple" if node.operator in ("in", "not in") else ""
    for value in values:
        if not value.is_text:
            raise refusal(
                f"invalid expression: unexpected value type{among} (expected string, got "
                f"{value.shown})"
            )


def _word_test(column: Column, operator: str, values: list[Value]) -> Condition:
    texts = [str(value.scalar) for value in values]
    holds: Condition
    if column.kind == "KeywordList":
        holds = HasWord(column.field, list(dict.fromkeys(folded(text) for text in texts)))
    else:
        words = [word for word in texts[0].split(" ") if word]
        if not words:
            raise refusal(
                "invalid expression: unexpected value for Text type search attribute (no tokens "
                f"found in {values[0].shown})"
            )
        phrases = (tokens_of(word) for word in words)
        holds = HasPhrase(column.field, list(dict.fromkeys(p for p in phrases if p)))
    return Not(holds) if operator in ("!=", "not in") else holds
