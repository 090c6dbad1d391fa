"""The grammar of a visibility query: words to a tree.

    query      = [ expression ] [ GROUP BY ... ] [ HAVING ... ] [ ORDER BY ... ] [ LIMIT ... ]
    expression = negated { ( AND | OR ) negated }                    AND binds tighter
    negated    = NOT negated | condition { IS [NOT] ( NULL | TRUE | FALSE ) }
    condition  = value [ sign value | [NOT] IN ( tuple ) | [NOT] BETWEEN value AND value
                 | [NOT] ( LIKE | REGEXP | STARTS_WITH ) value ]
    value      = literal | name | call | tuple | sign value | value operator value

Knows the language only; which names there are and what can be done with them is `query_filter`'s.
Arithmetic, calls and subqueries are read as far as it takes to refuse them as the server does.
"""

from __future__ import annotations

from polyrhythm.service.query_tree import (
    Chain,
    Comparison,
    Expression,
    Is,
    Literal,
    Name,
    Negation,
    Other,
    Query,
    Range,
    Truth,
    Tuple,
    printed,
)
from polyrhythm.service.query_words import (
    STATEMENT,
    Kind,
    Word,
    parse_words,
    refusal,
    syntax_error,
)

# Deeper nesting is nobody's query; it bounds the parser's own recursion.
DEPTH_MAX = 60
COMPARISONS = frozenset(["=", "!=", "<", "<=", ">", ">=", "<=>"])
MATCHES = ("like", "regexp", "starts_with")
ARITHMETIC = frozenset("& | ^ + - * / % << >> div mod -> ->>".split())
PREFIXES = {"+": "+", "-": "-", "~": "~", "!": "!", "binary": "binary ", "_binary": "_binary "}
LITERALS = frozenset(
    [
        Kind.STRING,
        Kind.WHOLE,
        Kind.FLOAT,
        Kind.HEX,
        Kind.HEXNUM,
        Kind.BITS,
        Kind.VARIABLE,
    ]
)
# Functions whose names are words of the language; those without arguments need no parentheses.
CALLS = frozenset("left right if database mod replace".split())
CLOCKS = frozenset(
    """current_timestamp utc_timestamp utc_time utc_date localtime localtimestamp current_date
    current_time""".split()
)
# Expressions with a syntax of their own, which end with the parenthesis that they begin with.
FORMS = {
    "convert": "*sqlparser.ConvertExpr",
    "cast": "*sqlparser.ConvertExpr",
    "substr": "*sqlparser.SubstrExpr",
    "substring": "*sqlparser.SubstrExpr",
    "match": "*sqlparser.MatchExpr",
    "group_concat": "*sqlparser.GroupConcatExpr",
    "values": "*sqlparser.ValuesFuncExpr",
    "exists": "*sqlparser.ExistsExpr",
}


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
        if not self._is_clause():
            query.condition = self._expression()
        if self._skip("group"):
            self._expect("by")
            query.group_by = self._list()
        if self._skip("having"):
            self._expression()
        if self._skip("order"):
            self._expect("by")
            query.has_order = True
            self._order()
            while self._skip(","):
                self._order()
        if self._skip("limit"):
            query.has_limit = True
            self._expression()
            if self._skip(",") or self._skip("offset"):
                self._expression()
        self._skip(";")
        if self._peek().kind is not Kind.END:
            raise syntax_error(self._peek())
        return query

    def _is_clause(self) -> bool:
        word = self._peek()
        clauses = ("group", "order", "limit")
        return word.kind is Kind.END or (word.kind is Kind.KEYWORD and word.text in clauses)

    def _order(self) -> None:
        self._expression()
        if not self._skip("asc"):
            self._skip("desc")

    def _list(self) -> list[Expression]:
        items = [self._expression()]
        while self._skip(","):
            items.append(self._expression())
        return items

    def _expression(self) -> Expression:
        alternatives: list[Expression] = []
        while True:
            parts = [self._negated()]
            while self._skip("and"):
                parts.append(self._negated())
            alternatives.append(Chain("and", parts) if len(parts) > 1 else parts[0])
            if not self._skip("or"):
                break
        return Chain("or", alternatives) if len(alternatives) > 1 else alternatives[0]

    def _negated(self) -> Expression:
        negations = 0
        while self._skip("not"):
            negations += 1
        node = self._condition()
        while self._skip("is"):
            negation = "not " if self._skip("not") else ""
            word = self._next()
            if word.kind is not Kind.KEYWORD or word.text not in ("null", "true", "false"):
                raise syntax_error(word)
            node = Is(node, negation + word.text)
        # Two negations are none, three-valued truth or not.
        return Negation(node) if negations % 2 else node

    def _condition(self) -> Expression:
        left = self._value()
        word = self._peek()
        if word.kind is Kind.SIGN and word.text in COMPARISONS:
            self._next()
            return Comparison(left, word.text, self._value())
        negated = self._skip("not")
        prefix = "not " if negated else ""
        if self._skip("in"):
            return Comparison(left, f"{prefix}in", self._choices())
        if self._skip("between"):
            low = self._value()
            self._expect("and")
            return Range(left, negated, low, self._value())
        for operator in MATCHES:
            if self._skip(operator):
                right = self._value()
                if operator == "like" and self._skip("escape"):
                    right = Other("", f"{printed(right)} escape {printed(self._value())}")
                return Comparison(left, prefix + operator, right)
        if negated:
            raise syntax_error(self._peek())
        return left

    def _choices(self) -> Expression:
        word = self._peek()
        if word.kind is Kind.VARIABLE and word.text.startswith("::"):
            self._next()
            return Other("sqlparser.ListArg", word.text)
        if not self._is_sign("("):
            raise syntax_error(word)
        return self._parenthesised()

    def _value(self) -> Expression:
        node = self._operand()
        while True:
            word = self._peek()
            if word.text == "collate" and word.kind is Kind.KEYWORD:
                self._next()
                charset = self._next()
                if charset.kind not in (Kind.NAME, Kind.STRING):
                    raise syntax_error(charset)
                text = f"{printed(node)} collate {charset.text}"
                node = Other("*sqlparser.CollateExpr", text)
            elif word.kind in (Kind.SIGN, Kind.KEYWORD) and word.text in ARITHMETIC:
                self._next()
                text = f"{printed(node)} {word.text} {printed(self._operand())}"
                node = Other("*sqlparser.BinaryExpr", text)
            else:
                return node

    def _operand(self) -> Expression:
        prefixes: list[str] = []
        while self._peek().kind in (Kind.SIGN, Kind.KEYWORD) and self._peek().text in PREFIXES:
            prefixes.append(self._next().text)
        node = self._primary()
        for prefix in reversed(prefixes):
            node = _prefixed(prefix, node)
        return node

    def _primary(self) -> Expression:
        word = self._peek()
        if word.kind in LITERALS:
            self._next()
            return Literal(word.kind, word.text)
        if word.kind is Kind.NAME:
            return self._name()
        if self._is_sign("("):
            return self._parenthesised()
        if word.kind is Kind.KEYWORD:
            return self._keyword(self._next())
        raise syntax_error(word)

    def _keyword(self, word: Word) -> Expression:
        match word.text:
            case "true" | "false":
                return Truth(word.text == "true")
            case "null":
                return Other("*sqlparser.NullVal", "null")
            case "default":
                return Other("*sqlparser.Default", "default")
            case "interval":
                self._value()
                self._name()
                return Other("*sqlparser.IntervalExpr")
            case "case":
                return self._case()
        if word.text in CLOCKS:
            if self._skip("("):
                self._expect(")")
            return Other("*sqlparser.FuncExpr", f"{word.text}()")
        if word.text in CALLS and self._is_sign("("):
            return self._call(word.text)
        if word.text in FORMS and self._is_sign("("):
            self._skip_form()
            return Other(FORMS[word.text], word.text)
        raise syntax_error(word)

    def _case(self) -> Expression:
        if not self._is_keyword("when"):
            self._expression()
        if not self._is_keyword("when"):
            raise syntax_error(self._peek())
        while self._skip("when"):
            self._expression()
            self._expect("then")
            self._expression()
        if self._skip("else"):
            self._expression()
        self._expect("end")
        return Other("*sqlparser.CaseExpr")

    def _name(self) -> Expression:
        word = self._next()
        if word.kind is not Kind.NAME:
            raise syntax_error(word)
        parts = [word.text]
        while len(parts) < 3 and self._skip("."):
            part = self._next()
            if part.kind not in (Kind.NAME, Kind.KEYWORD):
                raise syntax_error(part)
            parts.append(part.text)
        if self._is_sign("("):
            if word.text.lower() in FORMS:
                self._skip_form()
                return Other(FORMS[word.text.lower()], word.text)
            return self._call(".".join(parts))
        return Name(parts)

    def _call(self, name: str) -> Expression:
        self._enter()
        self._expect("(")
        self._skip("distinct")
        shown: list[str] = []
        while not self._is_sign(")"):
            shown.append("*" if self._skip("*") else printed(self._expression()))
            if not self._skip(","):
                break
        self._expect(")")
        self._depth -= 1
        return Other("*sqlparser.FuncExpr", f"{name}({', '.join(shown)})")

    def _parenthesised(self) -> Expression:
        self._enter()
        self._expect("(")
        if self._is_keyword("select"):
            self._skip_rest()
            self._depth -= 1
            return Other("*sqlparser.Subquery", "(select)")
        items = self._list()
        self._expect(")")
        self._depth -= 1
        return Tuple(items)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise refusal(f"nested deeper than {DEPTH_MAX}")

    def _skip_form(self) -> None:
        self._expect("(")
        self._skip_rest()

    def _skip_rest(self) -> None:
        """Pass over everything up to the parenthesis that closes what is open."""
        depth = 1
        while depth:
            word = self._next()
            if word.kind in (Kind.END, Kind.BROKEN):
                raise syntax_error(word)
            if word.kind is Kind.SIGN:
                depth += (word.text == "(") - (word.text == ")")

    def _peek(self) -> Word:
        return self._words[self._at]

    def _next(self) -> Word:
        word = self._words[self._at]
        if word.kind is not Kind.END:
            self._at += 1
        return word

    def _is_keyword(self, text: str) -> bool:
        word = self._peek()
        return word.kind is Kind.KEYWORD and word.text == text

    def _is_sign(self, text: str) -> bool:
        word = self._peek()
        return word.kind is Kind.SIGN and word.text == text

    def _skip(self, text: str) -> bool:
        word = self._peek()
        kinds = (Kind.KEYWORD, Kind.SIGN) if text != "offset" else (Kind.NAME,)
        found = word.kind in kinds and word.text == text
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise syntax_error(self._peek())


def _prefixed(prefix: str, node: Expression) -> Expression:
    if isinstance(node, Literal) and node.kind is Kind.WHOLE and prefix in "+-":
        if prefix == "+":
            return node
        negative = node.text.startswith("-")
        return Literal(Kind.WHOLE, node.text[1:] if negative else f"-{node.text}")
    blank = " " if isinstance(node, Other) and node.go_type == "*sqlparser.UnaryExpr" else ""
    return Other("*sqlparser.UnaryExpr", f"{PREFIXES[prefix]}{blank}{printed(node)}")
