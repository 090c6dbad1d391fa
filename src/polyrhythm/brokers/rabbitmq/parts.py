"""Puts together what an application asks for by a url: broker, or results.

Settings come by name, already parsed; what a part does not know is for another broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.brokers.port import Broker, Ledger
from polyrhythm.brokers.rabbitmq.broker import RabbitBroker
from polyrhythm.brokers.rabbitmq.connect import SCHEMES, RabbitSettings
from polyrhythm.brokers.rabbitmq.results import RabbitResults

PLAIN = (
    *("queue", "exchange", "exchange_type", "binding_key", "prefetch", "results_s"),
    *("tls_ca", "tls_cert", "tls_key"),
)


def make_broker(url: str, given: Mapping[str, Any], worker: str) -> RabbitBroker:
    """Return the broker at a url. Raises InvalidArgument."""
    return RabbitBroker(_settings(url, given))


def make_results(url: str, given: Mapping[str, Any]) -> RabbitResults:
    """Return the place for results at a url. Raises InvalidArgument."""
    return RabbitResults(_settings(url, given))


def make_ledger(broker: Broker, given: Mapping[str, Any]) -> Ledger | None:
    """Return None: RabbitMQ has no commit over several queues."""
    return None


def _settings(url: str, given: Mapping[str, Any]) -> RabbitSettings:
    for one in url.split(","):
        if not one.startswith(SCHEMES):
            raise InvalidArgument("RabbitMQ is at amqp://user:password@host:port/vhost or amqps://")
    return RabbitSettings(url, **{name: given[name] for name in PLAIN if name in given})
