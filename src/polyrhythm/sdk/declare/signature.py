"""The parameters of a user's function as they travel: positional, typed, resolved at once.

What cannot travel is refused here, with the parameter's name: keyword-only parameters, `*args`,
`**kwargs`. Annotations are resolved with the names that were visible where the function was
declared, so that a wrong one fails at import; a parameter without one takes what JSON gives.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, get_type_hints

from polyrhythm.sdk.definitions import Signature
from polyrhythm.sdk.errors import MisuseError

PACKAGE = __name__.partition(".")[0] + "."
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def signature_of(function: Callable[..., Any], *, method: bool = False) -> Signature:
    """Return the signature of a function, of a method without its self. Raises MisuseError."""
    parameters = list(inspect.signature(function).parameters.values())[1 if method else 0 :]
    hints = _resolve(function)
    for parameter in parameters:
        if parameter.kind not in POSITIONAL:
            raise MisuseError(
                f"{_place(function)}: parameter {parameter.name!r} cannot travel; arguments are"
                " sent by position, so write it as a plain parameter"
            )
    empty = inspect.Parameter.empty
    return Signature(
        names=tuple(p.name for p in parameters),
        types=tuple(hints.get(p.name, Any) for p in parameters),
        defaults=tuple(p.default for p in parameters if p.default is not empty),
        result=hints.get("return", Any),
    )


def bind(signature: Signature, name: str, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Return the arguments of a call by position. Raises TypeError as Python would."""
    names = signature.names
    given = len(args)
    if not named:
        if len(names) - len(signature.defaults) <= given <= len(names):
            return args
        raise TypeError(f"{name}() takes {_wanted(signature)} arguments, {given} were given")
    values = list(args)
    left = dict(named)
    first_default = len(names) - len(signature.defaults)
    last = max((names.index(n) for n in left if n in names), default=-1)
    for index in range(given, last + 1):
        if names[index] in left:
            values.append(left.pop(names[index]))
        elif index >= first_default:
            values.append(signature.defaults[index - first_default])
        else:
            raise TypeError(f"{name}() misses its argument {names[index]!r}")
    if left:
        raise TypeError(f"{name}() got an unexpected argument {next(iter(left))!r}")
    return bind(signature, name, values, {})


def _wanted(signature: Signature) -> str:
    most = len(signature.names)
    least = most - len(signature.defaults)
    return f"{most}" if least == most else f"{least} to {most}"


def _resolve(function: Callable[..., Any]) -> dict[str, Any]:
    target = inspect.unwrap(function)
    target = getattr(target, "__func__", target)
    if not hasattr(target, "__annotations__"):
        target = type(target).__call__
    try:
        hints = get_type_hints(target, localns=_visible_names(), include_extras=True)
    except NameError as error:
        raise MisuseError(
            f"{_place(function)}: an annotation cannot be resolved: {error}. Types of tasks and"
            " workflows are needed at run time: import them outside of TYPE_CHECKING, and declare"
            " them above the function"
        ) from error
    if hints.get("return") is type(None):
        hints["return"] = None
    return hints


def _visible_names() -> dict[str, Any] | None:
    """The local names of whoever declares, for functions declared inside a function."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and f"{frame.f_globals.get('__name__')}.".startswith(PACKAGE):
        frame = frame.f_back
    names: dict[str, Any] = {}
    while frame is not None and frame.f_locals is not frame.f_globals:
        names = {**frame.f_locals, **names}
        frame = frame.f_back if frame.f_code.co_flags & inspect.CO_NESTED else None
    return names or None


def _place(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    name = getattr(function, "__qualname__", repr(function))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name
