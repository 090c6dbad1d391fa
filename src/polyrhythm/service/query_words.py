"""The words of a visibility query: a tokenizer for the WHERE clause of MySQL's dialect.

Strings are quoted once or twice and know backslashes and doubled quotes; names may be quoted with
backticks; words of the language are recognised in any case; comments are passed over. Positions
count bytes from the start of the statement that the server would build around the query, since its
messages name them. What is no word becomes one of kind BROKEN, which no grammar takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from polyrhythm.base.errors import InvalidArgument

# Words that cannot be names unless they are quoted.
RESERVED = frozenset(
    """add and as asc auto_increment between binary by case collate convert create cross
    current_date current_time current_timestamp substr substring database databases default delete
    desc describe distinct div drop else end escape exists explain false for force from group
    having if ignore in index inner insert interval into is join key left like limit localtime
    localtimestamp lock match maxvalue mod natural next not null on or order outer regexp rlike
    rename replace right schema select separator set show starts_with straight_join table tables
    then to true union unique update use using utc_date utc_time utc_timestamp values when where
    _binary""".split()
)
# Words of the language that may be names; they are lower case then, and quoted in messages.
UNRESERVED = frozenset(
    """against begin bigint bit blob bool boolean char character charset comment commit committed
    date datetime decimal double duplicate enum expansion float foreign fulltext geometry
    geometrycollection global int integer isolation json key_block_size keys language
    last_insert_id less level linestring longblob longtext mediumblob mediumint mediumtext mode
    multilinestring multipoint multipolygon names nchar numeric offset only optimize partition
    point polygon primary procedure query read real reorganize repair repeatable rollback session
    serializable share signed smallint spatial start status text than time timestamp tinyblob
    tinyint tinytext transaction trigger truncate uncommitted unsigned varbinary varchar variables
    view vindex vindexes vitess_keyspaces vitess_shards vitess_tablets vschema_tables with write
    year zerofill call condition cursor range usage key_blocks interval_unit""".split()
)
# What the server puts in front before it parses.
STATEMENT = "select * from table1 "

_WORD = re.compile(
    r"""
    (?P<space>[ \t\r\n]+ | (?:--|\#|//)[^\n]*\n? | /\*.*?\*/)
    | (?P<hex>[xX]'(?P<hexed>(?:[0-9a-fA-F]{2})*)')
    | (?P<bits>[bB]'(?P<bitted>[01]*)')
    | (?P<name>[A-Za-z_@][A-Za-z0-9_@]*)
    | (?P<hexnum>0[xX][0-9a-fA-F]*)
    | (?P<float>\d+\.\d*(?:[eE][+-]?\d*)?|\d+[eE][+-]?\d*|\.\d+(?:[eE][+-]?\d*)?)
    | (?P<whole>\d+)
    | `(?P<quoted>(?:[^`]|``)+)`
    | '(?P<single>(?:[^'\\]|\\.|'')*)'(?!')
    | "(?P<double>(?:[^"\\]|\\.|"")*)"(?!")
    | (?P<variable>\?|::?[A-Za-z_@][A-Za-z0-9_@.]*)
    | (?P<sign><=>|<=|>=|<<|>>|!=|<>|&&|\|\||->>|->|[=<>(),;.*+/%^~&|!-])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}
_SAME = {"<>": "!=", "&&": "and", "||": "or"}
_NUMBERS = ("hexnum", "float", "whole")


class Kind(Enum):
    """What a word is."""

    NAME = "name"
    KEYWORD = "keyword"
    STRING = "string"
    WHOLE = "whole"
    FLOAT = "float"
    HEX = "hex"
    HEXNUM = "hexnum"
    BITS = "bits"
    VARIABLE = "variable"
    SIGN = "sign"
    BROKEN = "broken"
    END = "end"


@dataclass(slots=True)
class Word:
    """One word. Keywords are lower case; `position` is where it ends in the statement."""

    kind: Kind
    text: str
    position: int


def syntax_error(word: Word) -> InvalidArgument:
    """Return the refusal of a query that breaks off at a word; signs are not named."""
    shown = word.text if word.kind is not Kind.SIGN else ""
    near = f" near '{shown}'" if shown else ""
    return refusal(f"malformed SQL query: syntax error at position {word.position}{near}")


def refusal(message: str) -> InvalidArgument:
    """Return the refusal of a query."""
    return InvalidArgument(f"invalid query: {message}")


def printed_name(name: str) -> str:
    """Return a name as the server prints it: quoted where it has to be."""
    plain = re.fullmatch(r"[A-Za-z_@][A-Za-z0-9_@]*", name, re.ASCII) is not None
    if plain and name.lower() not in RESERVED and name.lower() not in UNRESERVED:
        return name
    return f"`{name.replace('`', '``')}`"


def parse_words(query: str, offset: int) -> list[Word]:
    """Return a query's words with an END behind them. `offset`: length of what stands before it."""
    # One character a byte, as positions count.
    text = query.encode("utf-8", "replace").decode("latin-1")
    words = list(_scan(text, offset))
    words.append(Word(Kind.END, "", offset + len(text) + 1))
    return words


def _scan(text: str, offset: int) -> Iterator[Word]:
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            yield _broken(text, at, offset)
            return
        at = found.end()
        name = found.lastgroup or ""
        if name == "space":
            continue
        word = _word(found, name, offset + at + 1)
        if name in _NUMBERS and at < len(text) and re.match(r"[A-Za-z_@]", text[at]):
            word.kind = Kind.BROKEN
        yield word
        if word.kind is Kind.BROKEN:
            return


def _word(found: re.Match[str], name: str, position: int) -> Word:
    text = found[name]
    match name:
        case "name":
            lowered = text.lower()
            if lowered in RESERVED:
                keyword = "regexp" if lowered == "rlike" else lowered
                return Word(Kind.KEYWORD, keyword, position)
            return Word(Kind.NAME, lowered if lowered in UNRESERVED else text, position)
        case "quoted":
            return Word(Kind.NAME, _decoded(text.replace("``", "`")), position)
        case "single" | "double":
            quote = "'" if name == "single" else '"'
            return Word(Kind.STRING, _decoded(_unescaped(text, quote)), position)
        case "hex" | "hexed":
            return Word(Kind.HEX, found["hexed"], position)
        case "bits" | "bitted":
            return Word(Kind.BITS, found["bitted"], position)
        case "sign":
            same = _SAME.get(text, text)
            return Word(Kind.KEYWORD if same.isalpha() else Kind.SIGN, same, position)
    kinds = {"hexnum": Kind.HEXNUM, "float": Kind.FLOAT, "whole": Kind.WHOLE}
    return Word(kinds.get(name, Kind.VARIABLE), text, position)


def _broken(text: str, at: int, offset: int) -> Word:
    """What cannot be a word: the rest of it when its closing quote is missing."""
    first = text[at]
    if first in "'\"`":
        rest = text[at + 1 :]
        shown = rest if first == "`" else _unescaped(rest, first)
        return Word(Kind.BROKEN, _decoded(shown), offset + len(text) + 1)
    if text.startswith("/*", at):
        return Word(Kind.BROKEN, _decoded(text[at:]), offset + len(text) + 1)
    return Word(Kind.BROKEN, _decoded(first), offset + at + 2)


def _decoded(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")


def _unescaped(text: str, quote: str) -> str:
    return re.sub(
        rf"\\(.)|{quote}{quote}",
        lambda found: _ESCAPES.get(found[1], found[1]) if found[1] else quote,
        text,
        flags=re.DOTALL,
    )
