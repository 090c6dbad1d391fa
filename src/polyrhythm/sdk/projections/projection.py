"""Projections as users declare them: a read model, and one handler a kind of event.

balances = app.projection("balances", of=Account, initial=dict)

@balances.on(Deposited)
def deposited(model: dict[str, int], event: Deposited, meta: events.EventMeta) -> None:
    model[meta.workflow_id] = model.get(meta.workflow_id, 0) + event.amount

balances.read()                 # {"account-7": 12}
balances.rebuild()              # after a change of the handlers
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from polyrhythm.sdk.client import blocking
from polyrhythm.sdk.client.projections import Model
from polyrhythm.sdk.declare.home import Home
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.events.catalogue import type_of
from polyrhythm.sdk.events.meta import EventMeta
from polyrhythm.sdk.projections.fold import ProjectionDefinition
from polyrhythm.sdk.values import Converter

M = TypeVar("M")
E = TypeVar("E")
Of = Workflow[..., Any] | Iterable[Workflow[..., Any]] | None


class Projection(Generic[M]):
    """A read model of recorded events, kept by the application while it is open.

    Every event counts once and in the order of the commits, over restarts, kills and any number of
    processes. The model is JSON, kept as one value of at most 2 MB: what outgrows it belongs in a
    database of your own. Handlers are plain functions that only change the model: they may run
    again on the same event, with the model as it was, until the page is kept. One that raises keeps
    the projection where it is, and is tried again every few seconds.
    """

    def __init__(self, definition: ProjectionDefinition, home: Home) -> None:
        self.definition = definition
        self._home = home

    def __repr__(self) -> str:
        """The name."""
        return f"<projection {self.definition.name}>"

    @property
    def name(self) -> str:
        """The name that the service keeps it under."""
        return self.definition.name

    def on(
        self, kind: type[E]
    ) -> Callable[[Callable[[M, E, EventMeta], M | None]], Callable[[M, E, EventMeta], M | None]]:
        """Have a function take every event of a kind: `(model, event, meta)`. It changes the model
        it is given, or returns the new one. Raises MisuseError for a class that is no event.
        """
        name = type_of(kind).name

        def declare(
            function: Callable[[M, E, EventMeta], M | None],
        ) -> Callable[[M, E, EventMeta], M | None]:
            if name in self.definition.handlers:
                raise MisuseError(f"projection {self.name!r} has a handler of {name!r} already")
            self.definition.handlers[name] = function
            return function

        return declare

    @property
    def aio(self) -> Model[M]:
        """The same for an event loop: `await balances.aio.read()`."""
        return Model(self._home.session, self.definition, self.name)

    def read(self, *, fresh: bool = False) -> M:
        """Return the model: as it was kept last, a moment behind the runs; `fresh`: with everything
        that was committed before this call.
        """
        return self._blocking.read(fresh=fresh)

    def position(self) -> int:
        """Return how far in the log the kept model is."""
        return self._blocking.position()

    def rebuild(self) -> None:
        """Forget the model and make it again from the first event, with the handlers of now."""
        self._blocking.rebuild()

    @property
    def _blocking(self) -> blocking.Model[M]:
        return blocking.Model(self.aio, self._home.portal)


def define_projection(name: str, of: Of, initial: Any, kind: Any) -> ProjectionDefinition:
    """Return the definition of a projection. Raises MisuseError."""
    if not name:
        raise MisuseError("a projection has a name, which its model is kept under")
    workflows = [] if of is None else [of] if isinstance(of, Workflow) else list(of)
    if not all(isinstance(one, Workflow) for one in workflows):
        raise MisuseError(f"projection {name!r}: of= is a workflow, or several")
    if callable(initial):
        factory = initial
    else:
        # A value is copied by way of its JSON, so that no two models share a part.
        converter, payload = Converter(), Converter().encode(initial)

        def factory() -> Any:
            return converter.decode(payload, chosen)

    first = initial() if callable(initial) else initial
    plain = type(first) in (dict, list, int, float, str, bool)
    chosen = kind if kind is not None else Any if plain else type(first)
    names = frozenset(one.name for one in workflows)
    return ProjectionDefinition(name, factory, chosen, names)
