"""Signatures, chains, groups and chords under Celery's names, around those of the canvas.

A signature here may be changed in place by `link`, `link_error` and `set`, as Celery's may; what it
was put into before does not see that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polyrhythm.dialects.canvas import signature as canvas
from polyrhythm.dialects.canvas.signature import Signature
from polyrhythm.dialects.canvas.wire import Kind
from polyrhythm.sdk.errors import MisuseError

if TYPE_CHECKING:
    from polyrhythm.dialects.canvas.celery.front import CeleryFront
    from polyrhythm.dialects.canvas.celery.results import AsyncResult, EagerResult

# What Celery says of its messages and brokers, which means nothing here.
IGNORED = frozenset(
    """serializer compression retry retry_policy exchange headers ignore_result shadow producer
    connection add_to_parent routing_key delivery_mode argsrepr kwargsrepr group_id""".split()
)
SAME = frozenset(("queue", "expires", "eta"))
# Celery's priorities over RabbitMQ go from 0 to 9, the most urgent; those here from 5 to 1.
PRIORITIES = 10


class CelerySignature:
    """A call that is written down, or several put together."""

    __slots__ = ("app", "value")

    def __init__(self, app: CeleryFront, value: Signature) -> None:
        self.app = app
        self.value = value

    def __repr__(self) -> str:
        """The pieces by their names."""
        return repr(self.value)

    def __or__(self, other: CelerySignature) -> CelerySignature:
        """Return a chain."""
        return CelerySignature(self.app, self.value | other.value)

    def __call__(self, *args: Any) -> Any:
        """Send a chain or a group, give a chord its body, call a task here and now."""
        if self.value.kind is Kind.TASK:
            return self.eagerly(args).get()
        return self.apply_async(args)

    def set(self, immutable: bool | None = None, **options: Any) -> CelerySignature:
        """Set options of `apply_async`; return the signature."""
        if immutable is not None:
            self.value = replace(self.value, immutable=immutable)
        self.value = with_options(self.value, options, self.app)
        return self

    def clone(self, args: Iterable[Any] = (), kwargs: Any = None) -> CelerySignature:
        """Return a copy, with further arguments."""
        value = self.value.with_args(*args, **(kwargs or {})) if args or kwargs else self.value
        return CelerySignature(self.app, value)

    def link(self, callback: CelerySignature) -> CelerySignature:
        """Have a callback begun with the result; return the callback."""
        self.value = self.value.on_success(callback.value)
        return callback

    def link_error(self, callback: CelerySignature) -> CelerySignature:
        """Have a callback begun when there is no result; return the callback."""
        self.value = self.value.on_error(self.app.error_callback(callback))
        return callback

    def on_error(self, callback: CelerySignature) -> CelerySignature:
        """Do what `link_error` does; return this signature."""
        self.link_error(callback)
        return self

    def delay(self, *args: Any, **kwargs: Any) -> AsyncResult | EagerResult:
        """Send it, with further arguments."""
        return self.apply_async(args, kwargs)

    def apply_async(
        self, args: Iterable[Any] = (), kwargs: Mapping[str, Any] | None = None, **options: Any
    ) -> AsyncResult | EagerResult:
        """Send it, with options; it is durable when this returns."""
        given = tuple(args or ())
        value = with_options(self.value, options, self.app)
        if kwargs:
            value = value.with_args(**kwargs)
        if self.app.conf.task_always_eager:
            return self.app.run_eagerly(CelerySignature(self.app, value), given)
        return self.app.send(value, given)

    def eagerly(self, args: Iterable[Any] = (), kwargs: Any = None) -> EagerResult:
        """Run it here and now."""
        value = self.value.with_args(**kwargs) if kwargs else self.value
        return self.app.run_eagerly(CelerySignature(self.app, value), tuple(args))

    # Celery's name for it.
    apply = eagerly


def with_options(value: Signature, options: Mapping[str, Any], app: CeleryFront) -> Signature:
    """Return a signature with options of `apply_async`. Raises MisuseError for unknown ones."""
    changes: dict[str, Any] = {}
    for name, given in options.items():
        if given is None or name in IGNORED:
            continue
        if name in SAME:
            changes[name] = _with_zone(given)
        elif name == "countdown":
            changes["delay"] = float(given)
        elif name == "task_id":
            changes["id"] = given
        elif name == "priority":
            changes["priority"] = 5 - round(min(9, max(0, given)) * 4 / (PRIORITIES - 1))
        elif name == "time_limit":
            changes["timeout"] = float(given)
        elif name in ("link", "link_error"):
            for callback in given if isinstance(given, list | tuple) else [given]:
                failed = name == "link_error"
                if failed:
                    value = value.on_error(app.error_callback(callback))
                else:
                    value = value.on_success(callback.value)
        else:
            raise MisuseError(f"apply_async has no option {name!r} here; see docs/celery.md")
    return value.options(**changes) if changes else value


def chain(*steps: Any) -> CelerySignature:
    """Return steps one after another."""
    parts = _flat(steps)
    return CelerySignature(parts[0].app, canvas.chain(*[one.value for one in parts]))


def group(*members: Any) -> CelerySignature:
    """Return members side by side."""
    parts = _flat(members)
    if not parts:
        raise MisuseError("a group of Celery's has a task or more: an empty one has no application")
    return CelerySignature(parts[0].app, canvas.group(*[one.value for one in parts]))


def chord(header: Any, body: CelerySignature | None = None) -> Any:
    """Return members and what gets their results; `chord(header)(body)` sends it at once."""
    parts = _flat((header,))
    if body is None:
        return lambda callback: chord(parts, callback).apply_async()
    members = [one.value for one in parts]
    if len(members) == 1 and members[0].kind is Kind.GROUP:
        return CelerySignature(body.app, canvas.chord(members[0], body.value))
    return CelerySignature(body.app, canvas.chord(members, body.value))


def _flat(given: Iterable[Any]) -> list[CelerySignature]:
    found: list[CelerySignature] = []
    for one in given:
        if isinstance(one, CelerySignature):
            found.append(one)
        elif isinstance(one, Iterable) and not isinstance(one, str | bytes):
            found += _flat(one)
        else:
            raise MisuseError(f"a signature is wanted here, not {type(one).__name__} {one!r:.80}")
    return found


def _with_zone(given: Any) -> Any:
    # Celery reads a time without a zone as UTC, unless told otherwise.
    if isinstance(given, datetime) and given.tzinfo is None:
        return given.replace(tzinfo=UTC)
    return given
