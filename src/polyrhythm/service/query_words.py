"""The words of a visibility query: a tokenizer for the WHERE clause of MySQL's dialect.

Strings are quoted once or twice and know backslashes and doubled quotes; names may be quoted with
backticks; words of the language are recognised in any case. Positions count from the start of
the statement that the server would build around the query, since its messages name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from polyrhythm.base.errors import InvalidArgument

KEYWORDS = frozenset(
    """and or not in between is null true false like starts_with order group by limit asc desc
    regexp rlike exists case when select from where having union div mod interval match""".split()
)
# What the server puts in front before it parses.
STATEMENT = "select * from table1 "

_WORD = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_@][A-Za-z0-9_@]*)
    | `(?P<quoted>(?:[^`]|``)+)`
    | '(?P<single>(?:[^'\\]|\\.|'')*)'
    | "(?P<double>(?:[^"\\]|\\.|"")*)"
    | (?P<sign><=>|<=|>=|!=|<>|[=<>(),.*+/%-])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Kind(Enum):
    """What a word is."""

    NAME = "name"
    KEYWORD = "keyword"
    STRING = "string"
    NUMBER = "number"
    SIGN = "sign"
    END = "end"


@dataclass(slots=True)
class Word:
    """One word. Keywords are lower case; `position` is where it ends in the statement."""

    kind: Kind
    text: str
    position: int


def syntax_error(word: Word) -> InvalidArgument:
    """Return the refusal of a query that breaks off at a word."""
    near = f" near '{word.text}'" if word.text else ""
    return refusal(f"malformed SQL query: syntax error at position {word.position}{near}")


def refusal(message: str) -> InvalidArgument:
    """Return the refusal of a query."""
    return InvalidArgument(f"invalid query: {message}")


def parse_words(query: str, offset: int) -> list[Word]:
    """Return a query's words with an END behind them. `offset`: length of what stands before it.

    Raises InvalidArgument for what is no word.
    """
    words = list(_scan(query, offset))
    words.append(Word(Kind.END, "", offset + len(query) + 1))
    return words


def _scan(query: str, offset: int) -> Iterator[Word]:
    at = 0
    while at < len(query):
        found = _WORD.match(query, at)
        if found is None:
            raise syntax_error(Word(Kind.SIGN, query[at], offset + at + 1))
        at = found.end()
        kind, text = found.lastgroup or "", found.group(found.lastgroup or 0)
        position = offset + at + 1
        if kind == "number":
            if at < len(query) and (query[at].isalpha() or query[at] == "_"):
                raise syntax_error(Word(Kind.NUMBER, text, position))
            yield Word(Kind.NUMBER, text, position)
        elif kind == "name":
            keyword = text.lower() in KEYWORDS
            yield (
                Word(Kind.KEYWORD, text.lower(), position)
                if keyword
                else Word(Kind.NAME, text, position)
            )
        elif kind == "quoted":
            yield Word(Kind.NAME, text.replace("``", "`"), position)
        elif kind == "single":
            yield Word(Kind.STRING, _unescaped(text.replace("''", "'")), position)
        elif kind == "double":
            yield Word(Kind.STRING, _unescaped(text.replace('""', '"')), position)
        elif kind == "sign":
            yield Word(Kind.SIGN, "!=" if text == "<>" else text, position)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)
