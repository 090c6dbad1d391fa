"""Where a Redis is, read from the forms of url that Machinery takes.

    redis://[[user:]password@]host[:port][/db]        rediss:// with TLS
    redis+socket://[[user:]password@]/path[:/db]
    redis://[user:password@]host:port,host:port[/db]  a cluster, or sentinels if `master` is said

As in Go, one word before the @ is the password, credentials stand before the first host and the
database after the last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from polyrhythm.base.errors import InvalidArgument

PORT = 6379
SOCKET = "redis+socket"
SCHEMES = ("redis", "rediss", SOCKET)


@dataclass(slots=True)
class Tls:
    """Files of certificates, PEM; the system's authorities if none are said."""

    ca: str = ""
    cert: str = ""
    key: str = ""


@dataclass(slots=True)
class RedisAddress:
    """One server, a socket, the nodes of a cluster, or sentinels of `master`."""

    hosts: list[tuple[str, int]] = field(default_factory=list)
    socket: str = ""
    username: str = ""
    password: str = ""
    db: int = 0
    tls: bool = False
    cluster: bool = False
    master: str = ""


def parse_address(url: str, *, master: str = "", cluster: bool = False) -> RedisAddress:
    """Read a url. `master`: the hosts are sentinels; `cluster`: one host is of a cluster.

    Raises InvalidArgument, without the password.
    """
    scheme, found, rest = url.partition("://")
    if not found or scheme not in SCHEMES or not rest:
        raise InvalidArgument(f"a Redis is at {'://, '.join(SCHEMES)}://, not at {_hidden(url)!r}")
    credentials, at, place = rest.rpartition("@")
    address = RedisAddress(tls=scheme == "rediss", master=master)
    if at:
        user, colon, password = credentials.partition(":")
        address.username = unquote(user) if colon else ""
        address.password = unquote(password if colon else user)
    if scheme == SOCKET:
        address.socket, _, db = place.partition(":")
        if not address.socket.startswith("/"):
            raise InvalidArgument(f"{_hidden(url)!r} names no path of a socket")
        address.db = _database(db.lstrip("/"), url)
        return address
    names, _, db = place.partition("/")
    address.db = _database(db, url)
    address.hosts = [_host(name, url) for name in names.split(",")]
    address.cluster = (cluster or len(address.hosts) > 1) and not master
    if address.cluster and address.db:
        raise InvalidArgument("a cluster of Redis has no numbered databases")
    return address


def _host(name: str, url: str) -> tuple[str, int]:
    host, colon, port = name.rpartition(":")
    if name.endswith("]") or not colon:
        host, port = name, str(PORT)
    if not host.strip("[]") or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise InvalidArgument(f"{_hidden(url)!r} is not of the form redis://host:port")
    return host.strip("[]"), int(port)


def _database(text: str, url: str) -> int:
    if text and not text.isdecimal():
        raise InvalidArgument(f"{_hidden(url)!r} ends with a database that is no number")
    return int(text or 0)


def _hidden(url: str) -> str:
    """Return a url without its credentials."""
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if found else rest or "no url"
