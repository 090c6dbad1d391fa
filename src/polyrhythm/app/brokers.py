"""Names the brokers: from a url and settings to a ledger that is not open yet.

A broker's folder is imported when a url asks for it, since its client is an extra.
"""

from __future__ import annotations

import os
import secrets
from importlib import import_module
from typing import Any

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.brokers.joined import JoinedLedger
from polyrhythm.brokers.port import Broker, Ledger, Results
from polyrhythm.sdk.errors import MisuseError

# Which folder speaks a scheme, and the extra that has its client.
SPEAKERS = {
    "redis": "redis",
    "rediss": "redis",
    "redis+socket": "redis",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
}


def make_ledger(url: str, results_url: str, settings: dict[str, Any]) -> Ledger:
    """Return a broker and its results. Raises InvalidArgument, and MisuseError without its extra.

    `settings` are those of `MachinerySettings`; each broker takes what it knows.
    """
    worker = f"{os.getpid()}-{secrets.token_hex(6)}"
    speaker = _speaker(url)
    broker: Broker = speaker.make_broker(url, settings, worker)
    if results_url == url:
        ledger: Ledger | None = speaker.make_ledger(broker, settings)
        if ledger is not None:
            return ledger
    results: Results = _speaker(results_url).make_results(results_url, settings)
    return JoinedLedger(broker, results)


def _speaker(url: str) -> Any:
    scheme = url.partition("://")[0]
    folder = SPEAKERS.get(scheme)
    if folder is None:
        known = "://, ".join(SPEAKERS)
        raise InvalidArgument(f"{scheme!r} is not a broker that is spoken here: {known}://")
    try:
        return import_module(f"polyrhythm.brokers.{folder}.parts")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("polyrhythm"):
            raise
        raise MisuseError(
            f"{scheme}:// needs the extra {folder!r}: pip install 'polyrhythm[{folder}]'"
        ) from error
