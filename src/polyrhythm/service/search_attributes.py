"""Search attributes at the service: the check of those a start sets, their types on the wire.

What there is and what fits is core's; here its verdict becomes an error, and its words for types
the protocol's numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import IndexedValueType

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.decide.attributes import names_problem, size_problem

_NUMBERS: dict[str, IndexedValueType.ValueType] = {
    "Bool": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    "Datetime": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    "Double": IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
    "Text": IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
}
_WORDS = {int(number): word for word, number in _NUMBERS.items()}


def check_search_attributes(attributes: SearchAttributes, namespace: NamespaceInfo) -> None:
    """Refuse attributes that do not exist, cannot be set, or whose value does not fit."""
    problem = names_problem(attributes, namespace) or size_problem(attributes)
    if problem:
        raise InvalidArgument(problem)


def encode_kinds(kinds: Mapping[str, str]) -> dict[str, IndexedValueType.ValueType]:
    """Return types as the protocol numbers them."""
    return {name: _NUMBERS[kind] for name, kind in kinds.items()}


def kind_of_number(number: int) -> str:
    """Return a type as the server prints it: Unspecified and unknown ones too."""
    return _WORDS.get(number, str(number) if number else "Unspecified")


def is_kind_number(number: int) -> bool:
    """Return whether the protocol has a type of this number."""
    return number in IndexedValueType.values()


def number_of_kind(kind: str) -> IndexedValueType.ValueType:
    """Return a type's number, its word in any case. Raises InvalidArgument for no type."""
    for word, number in _NUMBERS.items():
        if word.lower() == kind.lower().replace("_", ""):
            return number
    raise InvalidArgument(f"{kind!r} is no type of search attributes: {', '.join(_NUMBERS)}")
