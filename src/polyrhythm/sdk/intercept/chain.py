"""The protocols of interceptors, and all of an application put in order.

The first interceptor of the list is the outermost: it sees a call first and its result last. One
without interceptors of a kind pays one look at an empty tuple.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.intercept.calls import Inbound, Outbound

# Goes on with the call; to be awaited once.
Go = Callable[[], Awaitable[Any]]
C = TypeVar("C", Inbound, Outbound)


@runtime_checkable
class AroundWorkflow(Protocol):
    """Around a run's code, inside the workflow: it is replayed as the code is."""

    async def around_workflow(self, call: Inbound, go: Go) -> Any:
        """Return what the run comes to: `return await go()`."""
        ...


@runtime_checkable
class AroundTask(Protocol):
    """Around an attempt of a task, on the worker's loop."""

    async def around_task(self, call: Inbound, go: Go) -> Any:
        """Return the task's result: `return await go()`."""
        ...


@runtime_checkable
class AroundMessage(Protocol):
    """Around the handler of a signal, a query or an update, inside the workflow. A query's must not
    wait, nor must anything around it."""

    async def around_message(self, call: Inbound, go: Go) -> Any:
        """Return the handler's result: `return await go()`."""
        ...


@runtime_checkable
class AroundSend(Protocol):
    """Around a call of a program outside of workflows: a start, a signal, a query, an update."""

    async def around_send(self, call: Outbound, go: Go) -> Any:
        """Return what the call returns: `return await go()`."""
        ...


@runtime_checkable
class OnCall(Protocol):
    """Before a call leaves a workflow: a task, a child, a signal, the next run."""

    def on_call(self, call: Outbound) -> None:
        """Look at it, change its arguments, add headers; inside the workflow, so replayed."""
        ...


Interceptor = AroundWorkflow | AroundTask | AroundMessage | AroundSend | OnCall


@dataclass(slots=True)
class Chain:
    """Every interceptor of an application, by what it is around."""

    workflows: tuple[Callable[[Inbound, Go], Awaitable[Any]], ...] = ()
    tasks: tuple[Callable[[Inbound, Go], Awaitable[Any]], ...] = ()
    messages: tuple[Callable[[Inbound, Go], Awaitable[Any]], ...] = ()
    sends: tuple[Callable[[Outbound, Go], Awaitable[Any]], ...] = ()
    calls: tuple[Callable[[Outbound], None], ...] = ()


def plan_chain(interceptors: Sequence[Interceptor]) -> Chain:
    """Put interceptors in order. Raises MisuseError for what is none."""
    for one in interceptors:
        if isinstance(one, type) or not isinstance(one, Interceptor):
            raise MisuseError(
                f"{one!r} is no interceptor: give an object with one or more of the methods"
                " around_workflow, around_task, around_message, around_send, on_call"
            )
    return Chain(
        tuple(one.around_workflow for one in interceptors if isinstance(one, AroundWorkflow)),
        tuple(one.around_task for one in interceptors if isinstance(one, AroundTask)),
        tuple(one.around_message for one in interceptors if isinstance(one, AroundMessage)),
        tuple(one.around_send for one in interceptors if isinstance(one, AroundSend)),
        tuple(one.on_call for one in interceptors if isinstance(one, OnCall)),
    )


async def go_through(around: Sequence[Callable[[C, Go], Awaitable[Any]]], call: C, work: Go) -> Any:
    """Run `work` with everything that is around it."""
    for one in reversed(around):
        work = _wrapped(one, call, work)
    return await work()


def _wrapped(one: Callable[[C, Go], Awaitable[Any]], call: C, inner: Go) -> Go:
    return lambda: one(call, inner)
