"""Celery's names: `from polyrhythm.celery import Celery, chain, group, chord`.

    app = Celery("shop", broker="poly://host:7233")     # or no broker: ./shop.db, in this process

A module that was written for Celery runs after this change of its import; docs/celery.md says what
differs. `poly worker MODULE:app` is its worker.
"""

from typing import Any

from polyrhythm.app.application import App
from polyrhythm.app.settings import REMOTE_SCHEMES
from polyrhythm.dialects.canvas.celery.errors import (
    Ignore,
    MaxRetriesExceededError,
    Retry,
    TaskRevokedError,
    TimeLimitExceeded,
    TimeoutError,  # noqa: A004 - the name that Celery modules import
)
from polyrhythm.dialects.canvas.celery.front import CeleryFront
from polyrhythm.dialects.canvas.celery.results import AsyncResult
from polyrhythm.dialects.canvas.celery.signature import chain, chord, group
from polyrhythm.dialects.canvas.softly import SoftTimeLimitExceeded

__all__ = [
    "AsyncResult",
    "Celery",
    "Ignore",
    "MaxRetriesExceededError",
    "Retry",
    "SoftTimeLimitExceeded",
    "TaskRevokedError",
    "TimeLimitExceeded",
    "TimeoutError",
    "chain",
    "chord",
    "group",
]
HOMES = (*REMOTE_SCHEMES, "sqlite")


def Celery(main: str = "", broker: str = "", **settings: Any) -> CeleryFront:  # noqa: N802
    """Return an application under Celery's names.

    A `broker` of poly://, temporal:// or sqlite:// is where its runs live; any other, as Redis, is
    left out: runs live in ./MAIN.db then. `settings` are taken as configuration.
    """
    here = broker.partition("://")[0] in HOMES
    front = CeleryFront(App(main or "celery", url=broker if here else None))
    front.conf.update(settings)
    return front
