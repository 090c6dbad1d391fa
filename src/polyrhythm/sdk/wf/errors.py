"""Errors of the verbs inside workflows: the end of a channel, undo steps that failed.

Both are for user code to catch; what it leaves uncaught fails the run like any exception.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyrhythm.base.errors import PolyrhythmError


class ChannelClosed(PolyrhythmError):
    """Nothing more comes through the channel, or can be sent."""

    code = "channel_closed"


class CompensationFailed(PolyrhythmError):
    """Some undo steps of a saga failed; `failures` has them, `__cause__` is why it was undone."""

    code = "compensation_failed"

    def __init__(self, failures: Sequence[BaseException], steps: int) -> None:
        texts = "; ".join(f"{type(one).__name__}: {one}" for one in failures)
        super().__init__(f"{len(failures)} of {steps} undo steps failed: {texts}")
        self.failures = list(failures)
