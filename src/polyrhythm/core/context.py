"""What a decision may know of the world: the time, fresh ids, limits and its namespace.

All of it comes from the caller, so a decision is a function of its arguments and the simulator
can repeat it. Whatever is derived from a context is recorded in events or notes; a fold never
sees a context.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from polyrhythm.base.limits import Limits
from polyrhythm.core.state import Version


class IdSource(Protocol):
    """Fresh ids: UUIDv7 strings in production, seeded ones in the simulator."""

    def run_id(self) -> str:
        """Return an id that no run has had."""
        ...


@dataclass(slots=True)
class NamespaceInfo:
    """What a decision needs of the run's namespace. `search_types`: the types of the search
    attributes that it has of its own, by name; `search_fields`: their names by field."""

    key: int
    name: str
    namespace_id: str
    retention_ns: int
    search_types: Mapping[str, str] = field(default_factory=dict)
    search_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """One decision's view of the world. `now_ns` is one instant for the whole turn;
    `other_namespaces` are the names of all namespaces but the run's own, `version_queues` the task
    queues at which workers of a version take workflow tasks. `openings` is for
    decisions to fill: how an event of a type begins at this instant, serialized."""

    now_ns: int
    ids: IdSource
    limits: Limits
    namespace: NamespaceInfo
    other_namespaces: Container[str] = ()
    version_queues: Container[tuple[Version, str]] = ()
    openings: dict[int, bytes] = field(init=False, default_factory=dict)
