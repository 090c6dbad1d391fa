"""Methods of workflow classes that answer messages: @wf.signal, @wf.query, @wf.update.

Inside the class a marked method stays a method. On the class it is the message itself, which a
sender passes on: `run.update(Account.cls.deposit, 5)`. An update may have a validator, which
refuses by raising and must not change anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from polyrhythm.sdk.declare.signature import bind, signature_of
from polyrhythm.sdk.definitions import HandlerDefinition, HandlerKind, Signature
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.messages import SignalCall, UpdateCall

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")


class SignalMethod(Generic[S, P]):
    """A method that takes a signal."""

    __slots__ = ("definition",)

    def __init__(self, definition: HandlerDefinition) -> None:
        self.definition = definition

    @overload
    def __get__(self, instance: None, owner: type[S]) -> SignalMethod[S, P]: ...

    @overload
    def __get__(self, instance: S, owner: type[S]) -> Callable[P, Any]: ...

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else _bound(self.definition, instance, owner)

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.definition.name

    @property
    def signature(self) -> Signature:
        """What is sent."""
        return self.definition.signature

    def of(self, *args: P.args, **kwargs: P.kwargs) -> SignalCall:
        """Return the signal with its values, for `workflow.options(signal=...)`."""
        values = bind(self.signature, self.name, args, kwargs)
        return SignalCall(self.name, self.signature, tuple(values))


class QueryMethod(Generic[S, P, R]):
    """A method that answers a query."""

    __slots__ = ("definition",)

    def __init__(self, definition: HandlerDefinition) -> None:
        self.definition = definition

    @overload
    def __get__(self, instance: None, owner: type[S]) -> QueryMethod[S, P, R]: ...

    @overload
    def __get__(self, instance: S, owner: type[S]) -> Callable[P, R]: ...

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else _bound(self.definition, instance, owner)

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.definition.name

    @property
    def signature(self) -> Signature:
        """What is sent, and what is answered."""
        return self.definition.signature


class UpdateMethod(Generic[S, P, R]):
    """A method that answers an update."""

    __slots__ = ("definition",)

    def __init__(self, definition: HandlerDefinition) -> None:
        self.definition = definition

    @overload
    def __get__(self, instance: None, owner: type[S]) -> UpdateMethod[S, P, R]: ...

    @overload
    def __get__(self, instance: S, owner: type[S]) -> Callable[P, Awaitable[R]]: ...

    def __get__(self, instance: Any, owner: Any) -> Any:
        return self if instance is None else _bound(self.definition, instance, owner)

    @property
    def name(self) -> str:
        """The name on the wire."""
        return self.definition.name

    @property
    def signature(self) -> Signature:
        """What is sent, and what is answered."""
        return self.definition.signature

    def of(self, *args: P.args, **kwargs: P.kwargs) -> UpdateCall[R]:
        """Return the update with its values, to be made with a start."""
        values = bind(self.signature, self.name, args, kwargs)
        return UpdateCall(self.name, self.signature, tuple(values))

    def validator(
        self, function: Callable[Concatenate[S, P], None]
    ) -> Callable[Concatenate[S, P], None]:
        """Have this method refuse an update, by raising, before it is accepted."""
        if asyncio.iscoroutinefunction(function):
            raise MisuseError(f"the validator of {self.name!r} is async: it may only look")
        self.definition.validator = function
        return function


class SignalMark:
    """`@wf.signal` or `@wf.signal(name="...")`: the method takes a signal of its name."""

    @overload
    def __call__(self, function: Callable[Concatenate[S, P], Any], /) -> SignalMethod[S, P]: ...

    @overload
    def __call__(
        self, *, name: str = ..., description: str = ...
    ) -> Callable[[Callable[Concatenate[S, P], Any]], SignalMethod[S, P]]: ...

    def __call__(self, function: Any = None, *, name: str = "", description: str = "") -> Any:
        """Mark a method."""

        def mark(function: Any) -> Any:
            return SignalMethod(_define(HandlerKind.SIGNAL, function, name, description))

        return mark if function is None else mark(function)


class QueryMark:
    """`@wf.query`: the method answers a query; it must not change anything."""

    @overload
    def __call__(self, function: Callable[Concatenate[S, P], R], /) -> QueryMethod[S, P, R]: ...

    @overload
    def __call__(
        self, *, name: str = ..., description: str = ...
    ) -> Callable[[Callable[Concatenate[S, P], R]], QueryMethod[S, P, R]]: ...

    def __call__(self, function: Any = None, *, name: str = "", description: str = "") -> Any:
        """Mark a method."""

        def mark(function: Any) -> Any:
            if asyncio.iscoroutinefunction(function):
                raise MisuseError(f"query {function.__name__!r} is async: a query cannot wait")
            return QueryMethod(_define(HandlerKind.QUERY, function, name, description))

        return mark if function is None else mark(function)


class UpdateMark:
    """`@wf.update`: the method answers an update; `@deposit.validator` marks what may refuse it."""

    @overload
    def __call__(
        self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, R]], /
    ) -> UpdateMethod[S, P, R]: ...

    @overload
    def __call__(self, function: Callable[Concatenate[S, P], R], /) -> UpdateMethod[S, P, R]: ...

    @overload
    def __call__(
        self, *, name: str = ..., description: str = ...
    ) -> Callable[[Callable[Concatenate[S, P], Coroutine[Any, Any, R]]], UpdateMethod[S, P, R]]: ...

    def __call__(self, function: Any = None, *, name: str = "", description: str = "") -> Any:
        """Mark a method."""

        def mark(function: Any) -> Any:
            return UpdateMethod(_define(HandlerKind.UPDATE, function, name, description))

        return mark if function is None else mark(function)


def handlers_of(cls: type) -> dict[tuple[HandlerKind, str], HandlerDefinition]:
    """Return what the marked methods of a class answer, inherited ones included."""
    found: dict[tuple[HandlerKind, str], HandlerDefinition] = {}
    for base in reversed(cls.__mro__):
        for value in vars(base).values():
            if isinstance(value, SignalMethod | QueryMethod | UpdateMethod):
                definition = value.definition
                found[definition.kind, definition.name] = definition
    return found


def _define(kind: HandlerKind, function: Any, name: str, description: str) -> HandlerDefinition:
    if not callable(function):
        raise MisuseError(f"@wf.{kind.value} marks a method, not {function!r}")
    text = description or (function.__doc__ or "").strip().partition("\n")[0]
    signature = signature_of(function, method=True)
    return HandlerDefinition(name or function.__name__, kind, function, signature, None, text)


def _bound(definition: HandlerDefinition, instance: object, owner: type) -> Any:
    return definition.function.__get__(instance, owner)
