"""Puts together what an application asks for by a url: broker, results, or both as one.

Settings come by name, already parsed; what a part does not know is for another broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyrhythm.brokers.port import Ledger
from polyrhythm.brokers.redis.address import Tls, parse_address
from polyrhythm.brokers.redis.broker import RedisBroker
from polyrhythm.brokers.redis.connect import RedisSettings
from polyrhythm.brokers.redis.ledger import RedisLedger
from polyrhythm.brokers.redis.results import RedisResults

PLAIN = ("queue", "delayed_key", "results_s", "lease_s", "sentinel_password")


def make_broker(url: str, given: Mapping[str, Any], worker: str) -> RedisBroker:
    """Return the broker at a url. Raises InvalidArgument."""
    return RedisBroker(_settings(url, given), worker)


def make_results(url: str, given: Mapping[str, Any]) -> RedisResults:
    """Return the place for results at a url. Raises InvalidArgument."""
    return RedisResults(_settings(url, given))


def make_ledger(broker: RedisBroker, given: Mapping[str, Any]) -> Ledger | None:
    """Return both as one; None in a cluster, which has no commit over several keys."""
    if broker.settings.address.cluster:
        return None
    return RedisLedger(broker, RedisResults(broker.settings))


def _settings(url: str, given: Mapping[str, Any]) -> RedisSettings:
    address = parse_address(
        url, master=given.get("master", ""), cluster=given.get("cluster", False)
    )
    tls = Tls(given.get("tls_ca", ""), given.get("tls_cert", ""), given.get("tls_key", ""))
    plain = {name: given[name] for name in PLAIN if name in given}
    return RedisSettings(address, tls, **plain)
