"""The application that something was declared in, as declarations see it.

A task or a workflow keeps its home, so that a start needs neither a client nor a connection to be
passed along.
"""

from __future__ import annotations

from typing import Protocol

from polyrhythm.sdk.client.portal import Portal
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.values import Converter


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
