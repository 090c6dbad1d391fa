"""One connection to RabbitMQ, made again when it is lost, and its errors as ours.

A url may name several servers, `amqp://a,amqp://b`, of which the first that answers is taken. An
error closes a channel with all that is on it, so what may be refused gets a channel of its own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import aio_pika
from aio_pika import exceptions
from aio_pika.abc import AbstractChannel, AbstractConnection

from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.brokers.errors import BrokerDown

CONNECT_S = 5.0
SCHEMES = ("amqp://", "amqps://")
FINAL = (
    exceptions.ProbableAuthenticationError,
    exceptions.AuthenticationError,
    exceptions.ChannelPreconditionFailed,
    exceptions.PublishError,
    ssl.SSLCertVerificationError,
)
PASSING = (exceptions.AMQPError, exceptions.DeliveryError, OSError, RuntimeError)


@dataclass(slots=True)
class RabbitSettings:
    """Where RabbitMQ is, and the Go config's names. No `binding_key`: the queue's name."""

    url: str
    queue: str = "machinery_tasks"
    exchange: str = "machinery_exchange"
    exchange_type: str = "direct"
    binding_key: str = ""
    prefetch: int = 8
    results_s: int = 3600
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    @property
    def binding(self) -> str:
        """What the queue is bound to the exchange by."""
        return self.binding_key or self.queue

    @property
    def is_direct(self) -> bool:
        """Whether a routing key names the one binding that it goes to."""
        return self.exchange_type == "direct"


class RabbitConnection:
    """Channels of one connection."""

    def __init__(self, settings: RabbitSettings) -> None:
        self._settings = settings
        self._connection: AbstractConnection | None = None
        self._making = asyncio.Lock()

    async def open_channel(self) -> AbstractChannel:
        """Return a new channel, on a new connection if there is none. Raises BrokerDown."""
        async with self._making:
            connection = self._connection
            if connection is None or not self.is_live:
                await self.close()
                connection = self._connection = await self._connect()
        return await connection.channel(on_return_raises=True)

    @property
    def is_live(self) -> bool:
        """Whether there is a connection, as far as is known."""
        # Not `is_closed`, which is about ours to close: it is false when the server is gone.
        return self._connection is not None and self._connection.connected.is_set()

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel for a while; what was got on it and not settled goes back."""
        channel = await self.open_channel()
        try:
            yield channel
        finally:
            with suppress(*PASSING):
                await channel.close()

    async def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*PASSING):
                await connection.close()

    async def _connect(self) -> AbstractConnection:
        settings, urls = self._settings, self._settings.url.split(",")
        context = None
        if any(url.startswith("amqps") for url in urls):
            context = ssl.create_default_context(cafile=settings.tls_ca or None)
            if settings.tls_cert:
                context.load_cert_chain(settings.tls_cert, settings.tls_key or None)
        for url in urls[:-1]:
            with suppress(*PASSING):
                return await aio_pika.connect(url, timeout=CONNECT_S, ssl_context=context)
        return await aio_pika.connect(urls[-1], timeout=CONNECT_S, ssl_context=context)


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn errors of the client into ours: BrokerDown for what passes, else FailedPrecondition."""
    try:
        yield
    except FINAL as error:
        raise FailedPrecondition(f"RabbitMQ refuses to {what}: {error}") from error
    except PASSING as error:
        raise BrokerDown(f"RabbitMQ cannot {what}: {str(error) or type(error).__name__}") from error
