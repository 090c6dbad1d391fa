"""Other workflows: children of this run, and runs that are somebody else's.

receipt = await wf.child(checkout, order)                       # start, wait, result
child = wf.child(checkout.options(id="order-7"), order)         # runs beside this code
await child.started
await child.send(REFUND, Refund(3))
await wf.external("order-7").cancel()
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.loop.children import ChildRun
from polyrhythm.sdk.loop.external import Target
from polyrhythm.sdk.wf.inside import inside

if TYPE_CHECKING:
    from polyrhythm.sdk.declare.workflow import Workflow
    from polyrhythm.sdk.messages import Signal

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Child(Generic[R]):
    """A child workflow: await it for its result, or `started` for its run id alone."""

    __slots__ = ("_run",)

    def __init__(self, run: ChildRun) -> None:
        self._run = run

    def __await__(self) -> Generator[Any, None, R]:
        """Wait for the result. Raises a ChildError."""
        return self._run.result.__await__()

    @property
    def id(self) -> str:
        """The child's workflow id."""
        return self._run.id

    @property
    def started(self) -> Awaitable[str]:
        """Wait for the child to be started; its run id. Raises ChildFailed."""
        return self._run.started

    def send(self, signal: Signal[T], value: T) -> Awaitable[None]:
        """Signal the child; await it to know that the signal was taken."""
        return _send(Target(self.id, child=True), signal, value)

    def cancel(self) -> None:
        """Ask the child to end; awaiting it raises `asyncio.CancelledError`."""
        self._run.result.cancel()


class External:
    """Any workflow of this namespace, by its id."""

    __slots__ = ("_target",)

    def __init__(self, target: Target) -> None:
        self._target = target

    def send(self, signal: Signal[T], value: T) -> Awaitable[None]:
        """Signal it; await it to know that the signal was taken. Raises Failure."""
        return _send(self._target, signal, value)

    def cancel(self, reason: str = "") -> Awaitable[None]:
        """Ask it to end; await it to know that it was told. Raises Failure."""
        return inside("cancelling a workflow").cancel_external(self._target, reason)


def child(workflow: Workflow[P, R], *args: P.args, **kwargs: P.kwargs) -> Child[R]:
    """Start a child workflow; it runs beside this code until it is awaited."""
    context = inside("wf.child()")
    definition = workflow.definition
    values = bind(definition.signature, definition.name, args, kwargs)
    return Child(context.start_child(definition, workflow.child_options, values))


def external(workflow_id: str, run_id: str = "") -> External:
    """Return a handle to another workflow; with a run id, to that run alone."""
    inside("wf.external()")
    return External(Target(workflow_id, run_id))


def _send(target: Target, signal: Any, value: Any) -> Awaitable[None]:
    signature: Signature = signal.signature
    values = (value,) if signature.names else ()
    context = inside(f"sending {signal!r}")
    return context.signal_external(target, signal.name, values, signature)
