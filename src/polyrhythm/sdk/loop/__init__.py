"""The deterministic loop: histories in, commands out, and the verbs' side of it. Without a clock,
threads or a link: whoever hands it tasks decides where and when it runs.
"""

from polyrhythm.sdk.loop.closing import Continuation, ContinueAsNew, Evicted
from polyrhythm.sdk.loop.context import Context, current
from polyrhythm.sdk.loop.external import Target
from polyrhythm.sdk.loop.handlers import Handler
from polyrhythm.sdk.loop.instance import HistoryNeeded, Instance
from polyrhythm.sdk.loop.local import LocalResult, LocalTask
from polyrhythm.sdk.loop.settings import Activation, LoopSettings

__all__ = [
    "Activation",
    "Context",
    "Continuation",
    "ContinueAsNew",
    "Evicted",
    "Handler",
    "HistoryNeeded",
    "Instance",
    "LocalResult",
    "LocalTask",
    "LoopSettings",
    "Target",
    "current",
]
