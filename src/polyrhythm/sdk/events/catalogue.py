"""The events that a program knows: their names, versions, and how old versions become new ones.

A name outlives the class behind it: histories keep name and version, and whoever reads them brings
the values, as plain JSON, through one upcaster a version up to the newest, and only then makes the
class of them. A version that this program does not know yet is an error and never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from typing import Any, TypeVar

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk.declare.registry import place_of
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.values import Converter

T = TypeVar("T")
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class EventError(PolyrhythmError):
    """A recorded event cannot be read by this program: what to deploy or declare is said."""

    code = "event_unreadable"


@dataclass(slots=True)
class EventType:
    """One event: `kind` is its class, None while only an upcaster is declared."""

    name: str
    version: int = 1
    kind: type | None = None
    upcasters: dict[int, Upcaster] = field(default_factory=dict)


@dataclass(slots=True)
class Catalogue:
    """All events of a program."""

    types: dict[str, EventType] = field(default_factory=dict)
    names: dict[type, str] = field(default_factory=dict)

    def of(self, name: str) -> EventType:
        """Return the event of a name, made if it is new."""
        return self.types.setdefault(name, EventType(name))


# One a program: a name in a history means the same to all its applications.
CATALOGUE = Catalogue()


def event(name: str, version: int = 1) -> Callable[[type[T]], type[T]]:
    """Declare a dataclass as the newest version of an event. The name stays for ever; whenever the
    fields change, raise the version and add an upcaster. Raises MisuseError.
    """
    if not name or version < 1:
        raise MisuseError("an event has a name and a version from 1: @events.event('Debited', 2)")

    def declare(kind: type[T]) -> type[T]:
        if not is_dataclass(kind):
            raise MisuseError(f"event {name!r}: put @dataclass under @events.event, on a class")
        known = CATALOGUE.of(name)
        before = known.kind
        if before is not None and _spell(before) != _spell(kind):
            raise MisuseError(
                f"event {name!r} is declared twice, by {_spell(before)} and by {_spell(kind)}"
            )
        if any(old >= version for old in known.upcasters):
            raise MisuseError(f"event {name!r} has an upcaster from its newest version, {version}")
        known.kind, known.version = kind, version
        CATALOGUE.names[kind] = name
        return kind

    return declare


def upcast(name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Declare how the values of a version, as JSON gives them, become those of the next one."""
    if from_version < 1:
        raise MisuseError("versions begin with 1")

    def declare(function: Upcaster) -> Upcaster:
        known = CATALOGUE.of(name)
        before = known.upcasters.get(from_version)
        if before is not None and place_of(before) != place_of(function):
            raise MisuseError(
                f"event {name!r} has two upcasters from version {from_version}: at"
                f" {place_of(before)} and at {place_of(function)}"
            )
        if known.kind is not None and from_version >= known.version:
            raise MisuseError(
                f"event {name!r}: an upcaster from version {from_version} leads beyond the newest,"
                f" {known.version}: raise the version of {_spell(known.kind)}"
            )
        known.upcasters[from_version] = function
        return function

    return declare


def type_of(kind: type) -> EventType:
    """Return the event that a class is. Raises MisuseError for one that was not declared."""
    name = CATALOGUE.names.get(kind)
    if name is None:
        raise MisuseError(
            f"{_spell(kind)} is no event: declare it, as in @events.event({kind.__name__!r})"
        )
    return CATALOGUE.types[name]


def bring_up(known: EventType, version: int, values: Any, converter: Converter) -> Any:
    """Return a recorded event as its class. Raises EventError."""
    assert known.kind is not None
    if version > known.version:
        raise EventError(
            f"event {known.name!r} was recorded in version {version}, this program knows up to"
            f" {known.version}: a newer one wrote it; deploy that here as well"
        )
    for old in range(version, known.version):
        upcaster = known.upcasters.get(old)
        if upcaster is None:
            raise EventError(
                f"event {known.name!r} of version {version} cannot become version {known.version}:"
                f" declare @events.upcast({known.name!r}, from_version={old})"
            )
        values = upcaster(values)
    try:
        return converter.decode(converter.encode(values), known.kind)
    except PolyrhythmError as error:
        raise EventError(
            f"event {known.name!r} of version {version} cannot be read as {_spell(known.kind)}:"
            f" {error}"
        ) from error


def _spell(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
