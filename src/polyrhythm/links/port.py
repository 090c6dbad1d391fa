"""The Link port: what a program needs of a service, however it is reached.

Kept to what is used today, one call that waits. A later SDK asks a link for its traits as well.
"""

from __future__ import annotations

from typing import Protocol

from google.protobuf.message import Message


class Link(Protocol):
    """A way to a service."""

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call a method by its full name (`/package.Service/Method`).

        Raises an error of `base.errors`; DeadlineExceeded when there was no answer in time.
        """
        ...
