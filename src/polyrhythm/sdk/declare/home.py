"""The application that something was declared in, as declarations see it.

A task or a workflow keeps its home, so that a start needs neither a client nor a connection to be
passed along.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from polyrhythm.sdk.client.portal import Portal
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.values import Converter


class Signatures(Protocol):
    """What makes signatures of tasks: a dialect, which this room knows nothing of."""

    def one(self, task: Any, args: tuple[Any, ...], named: Any) -> Any:
        """Return the signature of one call."""
        ...

    def batch(self, task: Any, items: Iterable[Any], star: bool) -> Any:
        """Return the signature of the calls for many items, as one task."""
        ...

    def chunks(self, task: Any, items: Iterable[Any], size: int) -> Any:
        """Return the signature of a group of such tasks."""
        ...


class Home(Protocol):
    """The application that a task or a workflow was declared in.

    `session` and `portal` raise MisuseError while the application is not open.
    """

    @property
    def converter(self) -> Converter:
        """What turns values into payloads."""
        ...

    @property
    def session(self) -> Session:
        """What calls are made with."""
        ...

    @property
    def portal(self) -> Portal:
        """The way to the loop that calls are made on."""
        ...

    @property
    def signatures(self) -> Signatures:
        """What makes signatures of tasks."""
        ...
