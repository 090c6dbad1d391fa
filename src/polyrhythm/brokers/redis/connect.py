"""Makes the client that an address needs, and turns its errors into ours.

No command is repeated by the client: a push that was made and not answered would be made twice.
Those who call decide what may be asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from redis import exceptions
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.redis.address import RedisAddress, Tls

# Of a connection being made, and of an answer that does not come; longer than a blocking take.
CONNECT_S = 5.0
ANSWER_S = 15.0
PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ClusterDownError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
    OSError,
)
FINAL = (exceptions.AuthenticationError, exceptions.NoPermissionError)


@dataclass(slots=True)
class RedisSettings:
    """Where a Redis is and how it is used. Times in seconds; keys as the Go peers have them."""

    address: RedisAddress
    tls: Tls = field(default_factory=Tls)
    sentinel_password: str = ""
    queue: str = "machinery_tasks"
    delayed_key: str = "delayed_tasks"
    results_s: int = 3600
    # A worker that says nothing for so long loses what it has in hand to others.
    lease_s: float = 30.0


def make_client(settings: RedisSettings) -> Any:
    """Return a client; nothing is connected yet."""
    address = settings.address
    given: dict[str, Any] = {
        "username": address.username or None,
        "password": address.password or None,
        "socket_connect_timeout": CONNECT_S,
        "socket_timeout": ANSWER_S,
    }
    if address.tls:
        tls = settings.tls
        given |= {
            "ssl": True,
            "ssl_ca_certs": tls.ca or None,
            "ssl_certfile": tls.cert or None,
            "ssl_keyfile": tls.key or None,
        }
    if address.cluster:
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        return RedisCluster(startup_nodes=nodes, **given)
    given |= {"db": address.db, "retry": Retry(NoBackoff(), 0)}
    if address.socket:
        return Redis(unix_socket_path=address.socket, **given)
    if address.master:
        keys = ("socket_connect_timeout", "socket_timeout", *(k for k in given if "ssl" in k))
        options = {key: given[key] for key in keys}
        if settings.sentinel_password:
            options["password"] = settings.sentinel_password
        sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
            address.hosts, sentinel_kwargs=options, **given
        )
        return sentinel.master_for(address.master)
    host, port = address.hosts[0]
    return Redis(host=host, port=port, **given)


async def open_client(settings: RedisSettings) -> Any:
    """Return a client that was answered; one that was not is let go. Raises BrokerDown."""
    client, answered = make_client(settings), False
    try:
        with mapped("answer"):
            await client.ping()
        answered = True
    finally:
        if not answered:
            await close_client(client)
    return client


async def close_client(client: Any) -> None:
    """Let a client's connections go, those to sentinels too, which the client forgets."""
    await client.aclose()
    pool = getattr(client, "connection_pool", None)
    for sentinel in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
        await sentinel.aclose()


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn errors of the client into ours: BrokerDown for what passes, else FailedPrecondition."""
    try:
        yield
    except FINAL as error:
        raise FailedPrecondition(f"Redis refuses to {what}: {error}") from error
    except PASSING as error:
        raise BrokerDown(f"Redis cannot {what}: {error}") from error
    except exceptions.RedisError as error:
        if str(error).startswith(("LOADING", "MASTERDOWN", "OOM", "MISCONF", "NOREPLICAS")):
            raise BrokerDown(f"Redis cannot {what} now: {error}") from error
        raise FailedPrecondition(f"Redis does not {what}: {error}") from error
