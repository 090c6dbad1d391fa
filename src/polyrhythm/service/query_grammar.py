"""The grammar of a visibility query: words to a tree of conditions.

    query      = [ condition ] [ GROUP BY name, ... ] [ ORDER BY ... ] [ LIMIT ... ]
    condition  = conjunction { OR conjunction }
    conjunction = negation { AND negation }
    negation   = NOT negation | ( condition ) | test
    test       = name ( sign value | [NOT] IN (value, ...) | [NOT] BETWEEN value AND value
                      | IS [NOT] NULL | [NOT] STARTS_WITH value | [NOT] LIKE value )

Knows the language only; which names there are and what can be done with them is `query_filter`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from polyrhythm.service.query_words import (
    STATEMENT,
    Kind,
    Word,
    parse_words,
    refusal,
    syntax_error,
)

# Deeper nesting is nobody's query; it bounds the parser's own recursion.
DEPTH_MAX = 100
COMPARISONS = frozenset(["=", "!=", "<", "<=", ">", ">=", "<=>"])


@dataclass(slots=True)
class Value:
    """A literal: a text, a number (its digits) or a truth value; `name` set for a column."""

    text: str | None = None
    number: str | None = None
    truth: bool | None = None
    name: str | None = None


@dataclass(slots=True)
class Test:
    """One comparison. Operators are lower case: the signs, `in`, `not in`, `between`,
    `not between`, `is null`, `is not null`, `starts_with`, `not starts_with`, `like`..."""

    # Not a test case, whatever pytest thinks of the name.
    __test__ = False

    name: str
    operator: str
    values: list[Value] = field(default_factory=list)


@dataclass(slots=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(slots=True)
class Both:
    """Two conditions that must hold."""

    left: Condition
    right: Condition


@dataclass(slots=True)
class Either:
    """Two conditions of which one must hold."""

    left: Condition
    right: Condition


Condition = Test | Not | Both | Either


@dataclass(slots=True)
class Query:
    """A whole query. Clauses that are never built are only remembered to have been there."""

    condition: Condition | None = None
    group_by: list[str] = field(default_factory=list)
    has_order: bool = False
    has_limit: bool = False


def parse_query(text: str) -> Query:
    """Return a query's tree. Raises InvalidArgument where it is no query."""
    text = text.strip()
    bare = not text or text.lower().startswith(("order by", "group by"))
    offset = len(STATEMENT) + (0 if bare else len("where "))
    return _Parser(parse_words(text, offset)).query()


class _Parser:
    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    def query(self) -> Query:
        query = Query()
        if self._peek().kind is not Kind.END and not self._is_keyword("group", "order", "limit"):
            query.condition = self._condition()
        if self._skip_keyword("group"):
            self._expect_keyword("by")
            query.group_by.append(self._name())
            while self._skip_sign(","):
                query.group_by.append(self._name())
        if self._skip_keyword("order"):
            self._expect_keyword("by")
            query.has_order = True
            self._order()
            while self._skip_sign(","):
                self._order()
        if self._skip_keyword("limit"):
            query.has_limit = True
            self._value()
        if self._peek().kind is not Kind.END:
            raise syntax_error(self._peek())
        return query

    def _order(self) -> None:
        self._name()
        if not self._skip_keyword("asc"):
            self._skip_keyword("desc")

    def _condition(self) -> Condition:
        left = self._conjunction()
        while self._skip_keyword("or"):
            left = Either(left, self._conjunction())
        return left

    def _conjunction(self) -> Condition:
        left = self._negation()
        while self._skip_keyword("and"):
            left = Both(left, self._negation())
        return left

    def _negation(self) -> Condition:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise refusal(f"nested deeper than {DEPTH_MAX}")
        if self._skip_keyword("not"):
            condition: Condition = Not(self._negation())
        elif self._skip_sign("("):
            condition = self._condition()
            self._expect_sign(")")
        else:
            condition = self._test()
        self._depth -= 1
        return condition

    def _test(self) -> Condition:
        if self._peek().kind in (Kind.STRING, Kind.NUMBER):
            self._next()
            raise refusal("operation is not supported: expression of type *sqlparser.SQLVal")
        name = self._name()
        if self._is_sign("("):
            raise refusal("operation is not supported: function expression")
        word = self._peek()
        if word.kind is Kind.SIGN and word.text in COMPARISONS:
            self._next()
            return Test(name, word.text, [self._value()])
        if self._skip_keyword("is"):
            negated = self._skip_keyword("not")
            if not self._skip_keyword("null"):
                return self._is_other()
            return Test(name, "is not null" if negated else "is null")
        prefix = "not " if self._skip_keyword("not") else ""
        for operator in ("in", "between", "starts_with", "like", "regexp"):
            if self._skip_keyword(operator):
                return Test(name, prefix + operator, self._operands(operator))
        if prefix:
            raise syntax_error(self._peek())
        if word.kind is Kind.END or word.text in (")", "and", "or", "group", "order", "limit"):
            raise refusal("invalid expression: incomplete expression")
        raise syntax_error(word)

    def _is_other(self) -> Condition:
        if not (self._skip_keyword("true") or self._skip_keyword("false")):
            raise syntax_error(self._peek())
        raise refusal(
            "invalid expression: 'IS' operator can only be used with 'NULL' or 'NOT NULL'"
        )

    def _operands(self, operator: str) -> list[Value]:
        if operator == "between":
            low = self._value()
            self._expect_keyword("and")
            return [low, self._value()]
        if operator != "in":
            return [self._value()]
        self._expect_sign("(")
        values = [self._value()]
        while self._skip_sign(","):
            values.append(self._value())
        self._expect_sign(")")
        return values

    def _value(self) -> Value:
        sign = "-" if self._skip_sign("-") else ""
        word = self._next()
        if word.kind is Kind.NUMBER:
            return Value(number=sign + word.text)
        if sign:
            raise syntax_error(word)
        if word.kind is Kind.STRING:
            return Value(text=word.text)
        if word.kind is Kind.KEYWORD and word.text in ("true", "false"):
            return Value(truth=word.text == "true")
        if word.kind is Kind.NAME:
            if self._is_sign("("):
                raise refusal("operation is not supported: nested func")
            return Value(name=word.text)
        raise syntax_error(word)

    def _name(self) -> str:
        word = self._next()
        if word.kind is not Kind.NAME:
            raise syntax_error(word)
        name = word.text
        while self._skip_sign("."):
            part = self._next()
            if part.kind is not Kind.NAME:
                raise syntax_error(part)
            name = f"{name}.{part.text}"
        return name

    def _peek(self) -> Word:
        return self._words[self._at]

    def _next(self) -> Word:
        word = self._words[self._at]
        if word.kind is not Kind.END:
            self._at += 1
        return word

    def _is_keyword(self, *texts: str) -> bool:
        word = self._peek()
        return word.kind is Kind.KEYWORD and word.text in texts

    def _skip_keyword(self, text: str) -> bool:
        found = self._is_keyword(text)
        self._at += found
        return found

    def _is_sign(self, text: str) -> bool:
        word = self._peek()
        return word.kind is Kind.SIGN and word.text == text

    def _skip_sign(self, text: str) -> bool:
        found = self._is_sign(text)
        self._at += found
        return found

    def _expect_keyword(self, text: str) -> None:
        if not self._skip_keyword(text):
            raise syntax_error(self._peek())

    def _expect_sign(self, text: str) -> None:
        if not self._skip_sign(text):
            raise syntax_error(self._peek())
