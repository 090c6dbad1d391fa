"""A workflow as its user holds it: start it, or hand it to `wf.child` inside another one.

`.options(...)` returns a copy with an id, policies and the like; `.start(...)` blocks until the
service has taken the run, `.aio.start(...)` is the same on an event loop.
"""

from __future__ import annotations

from typing import Any, Generic, ParamSpec, TypeVar

from typing_extensions import Unpack

from polyrhythm.sdk.client import blocking
from polyrhythm.sdk.client.starter import Starter
from polyrhythm.sdk.declare.home import Home
from polyrhythm.sdk.definitions import ChildOptions, WorkflowDefinition
from polyrhythm.sdk.messages import UpdateCall
from polyrhythm.sdk.settings import StartOptions, StartSettings, child_options, start_options

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Workflow(Generic[P, R]):
    """A durable function or class.

    run = checkout.options(id="order-7").start(order)      # Run[Receipt]
    receipt = run.result()
    run = await checkout.aio.start(order)                  # the same on an event loop
    """

    def __init__(
        self, definition: WorkflowDefinition, home: Home, options: StartOptions | None = None
    ) -> None:
        self.definition = definition
        self._home = home
        self._options = options or StartOptions()
        self.__doc__ = (definition.factory or definition.run).__doc__

    def __repr__(self) -> str:
        """The name."""
        return f"<workflow {self.definition.name}>"

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.definition.name

    @property
    def cls(self) -> Any:
        """The class of a class workflow: its marked methods are messages (`cls.deposit`)."""
        return self.definition.factory

    @property
    def fn(self) -> Any:
        """The function as it was written, the method `run` of a class."""
        return self.definition.run

    @property
    def settings(self) -> StartOptions:
        """The options of a start."""
        return self._options

    @property
    def aio(self) -> Starter[P, R]:
        """The starts for an event loop: `await checkout.aio.start(order)`."""
        return Starter(self._home.session, self.definition, self._options)

    @property
    def child_options(self) -> ChildOptions:
        """How this is started as a child. Raises MisuseError for what only a start has."""
        return child_options(self._options)

    def options(self, **changes: Unpack[StartSettings]) -> Workflow[P, R]:
        """Return the same workflow with other options: id, policies, memo, delay, signal ..."""
        return Workflow(self.definition, self._home, start_options(self._options, changes))

    def start(self, *args: P.args, **kwargs: P.kwargs) -> blocking.Run[R]:
        """Start a run; it is durable when this returns. Raises AlreadyStarted."""
        return self._blocking.start(*args, **kwargs)

    def execute(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Start a run and wait for its result. Raises a WorkflowError."""
        return self._blocking.execute(*args, **kwargs)

    def start_update(
        self, update: UpdateCall[T], *args: P.args, **kwargs: P.kwargs
    ) -> blocking.UpdateHandle[T]:
        """Update the open run of the id, started first if there is none."""
        return self._blocking.start_update(update, *args, **kwargs)

    @property
    def _blocking(self) -> blocking.Starter[P, R]:
        return blocking.Starter(self.aio, self._home.portal)
