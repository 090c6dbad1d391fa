"""Values cross to payloads and back, and the official SDK's converter reads and writes the same."""

import datetime as dt
import enum
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import pydantic
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload, WorkflowType
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultPayloadConverter

from polyrhythm.sdk.errors import PayloadError
from polyrhythm.sdk.values import Converter, Custom

T = TypeVar("T")
OFFICIAL = DefaultPayloadConverter()
PYDANTIC = pydantic_data_converter.payload_converter


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    ON = "on"


class Odd(enum.Enum):
    NUMBER = 1
    TEXT = "x"
    PAIR = (1, 2)


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass(frozen=True)
class Order:
    id: uuid.UUID
    at: dt.datetime
    lines: list[Line]
    level: Level = Level.LOW
    note: str | None = None
    tags: frozenset[str] = frozenset()
    by_day: dict[int, float] = field(default_factory=dict)
    parent: "Order | None" = None


@dataclass
class Box(Generic[T]):
    value: T
    more: list[T] = field(default_factory=list)


@dataclass
class Cat:
    name: str


@dataclass
class Dog:
    name: str
    breed: str


@dataclass
class Late:
    a: int
    total: int = field(init=False, default=0)


@dataclass
class Pets:
    pets: list[Cat | Dog]


class Point(NamedTuple):
    x: int
    y: int


class Row(TypedDict):
    id: int
    name: str


Customer = pydantic.create_model(
    "Customer", __module__=__name__, name=str, born=dt.date, scores=(dict[str, Decimal], {})
)


@dataclass
class Account:
    customer: Customer
    data: bytes = b""


UserId = NewType("UserId", int)

ORDER = Order(
    id=uuid.UUID(int=7),
    at=dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC),
    lines=[Line("a"), Line("b", 3)],
    level=Level.HIGH,
    tags=frozenset({"x"}),
    by_day={1: 0.5, 2: 2.0},
    parent=Order(uuid.UUID(int=1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), []),
)
CUSTOMER = Customer(name="Ada", born=dt.date(1815, 12, 10), scores={"a": Decimal("1.50")})

ROUND_TRIPS = [
    (None, Any),
    (None, int | None),
    (b"\x00\xff", bytes),
    (bytearray(b"ab"), bytearray),
    (True, bool),
    (2**80, int),
    (-(2**70), int),
    (0.1, float),
    ("grüße \U0001f600", str),
    ([1, "a", None], list[Any]),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ({1, 2}, set[int]),
    (deque([1, 2]), deque[int]),
    (OrderedDict(a=1), OrderedDict[str, int]),
    (defaultdict(None, {1: Line("a")}), defaultdict[int, Line]),
    (Counter("aab"), Counter[str]),
    ({"a": {"b": [1.5]}}, dict[str, dict[str, list[float]]]),
    ({Color.RED: 1}, dict[Color, int]),
    ({uuid.UUID(int=3): 1}, dict[uuid.UUID, int]),
    ([Color.RED, Color.BLUE], list[Color]),
    (Level.HIGH, Level),
    (Mode.ON, Mode),
    ([Odd.NUMBER, Odd.TEXT, Odd.PAIR], list[Odd]),
    (Odd.PAIR, Odd),
    (ORDER, Order),
    (Box(Line("a"), [Line("b")]), Box[Line]),
    (Box(1, [2]), Box[int]),
    (Box([Cat("c"), Dog("d", "e")]), Box[list[Cat | Dog]]),
    (Pets([Cat("tom"), Dog("rex", "lab")]), Pets),
    ([Dog("a", "b"), Cat("c"), None], list[Cat | Dog | None]),
    ({"pet": Dog("a", "b")}, dict[str, Cat | Dog]),
    ((Dog("a", "b"), 1), tuple[Cat | Dog, int]),
    (uuid.UUID(int=5), uuid.UUID | str),
    ("no uuid", uuid.UUID | str),
    (dt.datetime(2026, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), dt.datetime),
    (dt.datetime(2026, 1, 2, 3, 4, 5, 6), dt.datetime),  # noqa: DTZ001 - naive stays naive
    (dt.date(2026, 1, 2), dt.date),
    (dt.timedelta(days=2, microseconds=5), dt.timedelta),
    (Decimal("1.10"), Decimal),
    (uuid.UUID(int=9), uuid.UUID),
    (Point(1, 2), Point),
    ({"id": 1, "name": "a"}, Row),
    (UserId(4), UserId),
    ("a", Literal["a", "b"]),
    (3, Annotated[int, "unused", {"un": "hashable"}]),
    (PurePosixPath("/a/b"), PurePosixPath),
    (CUSTOMER, Customer),
    ([CUSTOMER], list[Customer]),
    (Account(CUSTOMER, b"\x01\x02"), Account),
    ({"a": CUSTOMER}, dict[str, Customer | None]),
    (WorkflowType(name="x"), WorkflowType),
    ([Duration(seconds=3)], list[Duration]),
    (Late(1), Late),
]


@pytest.mark.parametrize(("value", "kind"), ROUND_TRIPS, ids=lambda v: str(v)[:30])
def test_a_value_comes_back_as_it_went(value, kind):
    converter = Converter()
    back = converter.decode(Payload.FromString(converter.encode(value).SerializeToString()), kind)
    assert back == value
    assert type(back) is type(value)


# Values that the official converter's JSON knows; it reads ours and we read its.
SHARED = [
    (None, type(None)),
    (b"\x00\xff", bytes),
    (2**80, int),
    (1.5, float),
    ("a", str),
    ([1, 2], list[int]),
    ({"a": 1}, dict[str, int]),
    ({1: "a"}, dict[int, str]),
    ({1, 2}, set[int]),
    ((1, "a"), tuple[int, str]),
    (Level.HIGH, Level),
    (Mode.ON, Mode),
    ([Line("a", 2)], list[Line]),
    (Late(3), Late),
    (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime),
    (uuid.UUID(int=5), uuid.UUID),
    (ORDER, Order),
    (Pets([Dog("rex", "lab")]), Pets),
    (WorkflowType(name="x"), WorkflowType),
    ({"id": 1, "name": "a"}, Row),
]


@pytest.mark.parametrize(("value", "kind"), SHARED, ids=lambda v: str(v)[:30])
def test_the_official_converter_reads_and_writes_the_same(value, kind):
    ours = Converter()
    (theirs,) = OFFICIAL.to_payloads([value])
    payload = ours.encode(value)
    assert dict(payload.metadata) == dict(theirs.metadata)
    assert ours.decode(theirs, kind) == value
    if value != Pets([Dog("rex", "lab")]):  # it takes the first member of a union that fits
        assert OFFICIAL.from_payloads([payload], [kind]) == [value]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (CUSTOMER, Customer),
        ([CUSTOMER], list[Customer]),
        (ORDER, Order),
        ([Color.RED], list[Color]),
        (dt.timedelta(seconds=90), dt.timedelta),
        (Decimal("1.1"), Decimal),
        (dt.date(2026, 1, 2), dt.date),
        (dt.time(3, 4, 5), dt.time),
    ],
    ids=str,
)
def test_the_official_pydantic_converter_reads_and_writes_the_same(value, kind):
    ours = Converter()
    (theirs,) = PYDANTIC.to_payloads([value])
    assert ours.decode(theirs, kind) == value
    assert PYDANTIC.from_payloads([ours.encode(value)], [kind]) == [value]


def test_liberties_of_other_writers_are_read():
    def json(data):
        return Payload(metadata={"encoding": b"json/plain"}, data=data)

    ours = Converter()
    customer = b'{"name":"a","born":"2020-01-01"}'
    assert ours.decode(json(b'{"customer":%b,"data":[1,2]}' % customer), Account).data == b"\1\2"
    assert ours.decode(json(b"2.0"), int) == 2
    assert ours.decode(json(b'{"sku":"a","count":3.0}'), Line) == Line("a", 3)
    assert ours.decode(json(b'{"sku":"a","added_later":1}'), Line) == Line("a")
    assert ours.decode(Payload(), int) is None
    binary = Payload(
        metadata={
            "encoding": b"binary/protobuf",
            "messageType": b"temporal.api.common.v1.WorkflowType",
        },
        data=WorkflowType(name="x").SerializeToString(),
    )
    assert ours.decode(binary) == WorkflowType(name="x")


class Secret:
    """A class that nobody told how to write."""


@dataclass
class Holder:
    inner: Any


def endless() -> list[Any]:
    values: list[Any] = []
    values.append(values)
    return values


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "JSON has no nan, at $"),
        (Holder([None, {"a": float("inf")}]), "JSON has no inf, at $.inner[1]['a']"),
        (Secret(), "type Secret cannot be written as JSON, at $"),
        (Holder([1, Secret()]), "type Secret cannot be written as JSON, at $.inner[1]"),
        (Holder({"k": (1, object())}), "type object cannot be written as JSON, at $.inner['k'][1]"),
        (endless(), "holds itself, or is nested too deeply"),
        ((n for n in [1]), "type generator cannot be written"),
        (
            Holder({(1, 2): 3}),
            "type dict, at $.inner, cannot be written: a tuple cannot be the key",
        ),
        ("\ud800", "surrogates"),
        (1j, "type complex cannot be written"),
        (ValueError("x"), "type ValueError cannot be written"),
    ],
    ids=lambda v: str(v)[:25] if isinstance(v, str) else type(v).__name__,
)
def test_what_cannot_be_written_is_named_with_its_place(value, words):
    with pytest.raises(PayloadError) as caught:
        Converter().encode(value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b'{"sku":1}', Line, "not a Line: Expected `str`, got `int` - at `$.sku`"),
        (b'{"count":1}', Line, "missing required field `sku`"),
        (b'{"pets":[{"breed":1}]}', Pets, ".pets[0]: no member of the union reads dict"),
        (b'"x"', int, "not a int: Expected `int`, got `str`"),
        (b"[NaN]", list[float], "JSON has no NaN"),
        (b"{", Any, "not JSON"),
        (b'{"name":1}', Customer, "not a Customer"),
        (b'"red"', Level, "not a Level"),
        (b"1", Secret, "Secret is no type that JSON can be read as"),
        (b"[1,2]", tuple[Cat | Dog, int], "[0]: no member"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_told_with_type_and_place(data, kind, words):
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    with pytest.raises(PayloadError) as caught:
        Converter().decode(payload, kind)
    assert words in str(caught.value)


def test_unknown_encodings_and_messages_are_refused():
    converter = Converter()
    with pytest.raises(PayloadError, match="'binary/encrypted' is not known here"):
        converter.decode(Payload(metadata={"encoding": b"binary/encrypted"}, data=b"x"), int)
    with pytest.raises(PayloadError, match=r"'a\.b\.C' is not imported"):
        converter.decode(
            Payload(metadata={"encoding": b"json/protobuf", "messageType": b"a.b.C"}, data=b"{}")
        )
    pickled = Payload(metadata={"encoding": b"python/pickle"}, data=b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(PayloadError, match="'python/pickle' is not known"):
        converter.decode(pickled)


class Money:
    def __init__(self, cents: int, currency: str) -> None:
        self.cents, self.currency = cents, currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and vars(self) == vars(other)

    __hash__ = None


@dataclass
class Bill:
    total: Money


def test_a_type_of_the_users_own_is_taken_apart_and_put_together():
    custom = Custom(lambda money: [money.cents, money.currency], lambda parts: Money(*parts))
    converter = Converter({Money: custom})
    bill = Bill(Money(5, "EUR"))
    payload = converter.encode(bill)
    assert payload.data == b'{"total":[5,"EUR"]}'
    assert converter.decode(payload, Bill) == bill
    assert converter.decode(converter.encode(bill.total), Money) == bill.total
