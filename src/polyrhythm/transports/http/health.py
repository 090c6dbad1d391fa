"""`/healthz` and `/readyz`: for whoever restarts processes and sends them work.

Nobody is asked who he is. Healthy is a process that answers at all: its loop runs. Ready is one
whose calls are answered.
"""

from __future__ import annotations

from collections.abc import Callable

from polyrhythm.transports.http.exchange import Exchange


class Health:
    """One question with yes or no for an answer."""

    def __init__(self, is_well: Callable[[], bool]) -> None:
        self._is_well = is_well

    def take(self, exchange: Exchange) -> None:
        """Answer 200 or 503."""
        if self._is_well():
            exchange.answer(200, b"text/plain", b"ok\n")
        else:
            exchange.answer(503, b"text/plain", b"not ready: nobody owns the file\n")
