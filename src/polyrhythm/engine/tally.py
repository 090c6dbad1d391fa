"""A lane's tally: what it was asked, and what it refused, since this process owns its file.

Two additions to a dict a call; figures that can be counted when somebody asks are not kept.
"""

from __future__ import annotations

from polyrhythm.base.errors import PolyrhythmError


class Tally:
    """Counts of calls by method, and of refusals by method and class of error."""

    __slots__ = ("refusals", "requests")

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        self.refusals: dict[tuple[str, str], int] = {}

    def count(self, method: str) -> None:
        """Note a call."""
        self.requests[method] = self.requests.get(method, 0) + 1

    def refuse(self, method: str, error: PolyrhythmError) -> None:
        """Note that one was refused."""
        key = (method, type(error).__name__)
        self.refusals[key] = self.refusals.get(key, 0) + 1
