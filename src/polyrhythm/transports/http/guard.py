"""Which requests of browsers are refused, whoever they are for.

A server on this machine that asks nobody for a key is reached by every page that a browser on this
machine shows. Two ways in are closed. A page of another site whose name was made to point here (DNS
rebinding) names its own host: only the hosts of the settings are answered. A page of another origin
that sends requests without reading the answers (CSRF) is told from the browser's own headers; no
answer carries a header that would let it read one (CORS).
"""

from __future__ import annotations

from collections.abc import Mapping

from polyrhythm.transports.wire import refused

# How a browser says that a request was caused by another site; a link that somebody follows is not.
FOREIGN_SITES = frozenset((b"cross-site", b"same-site"))
LOOPBACK_HOSTS = frozenset(("localhost", "127.0.0.1", "::1"))


def check_browser(method: str, fields: Mapping[bytes, bytes], hosts: frozenset[str] | None) -> None:
    """Raises StatusError for what a page of another site has caused. `hosts` None: any host."""
    host = fields.get(b"host", b"")
    if hosts is not None and not _is_named(host.decode(errors="replace"), hosts):
        raise refused("PERMISSION_DENIED", "Host not allowed")
    origin = fields.get(b"origin")
    if origin is not None and origin.partition(b"://")[2] != host:
        raise refused("PERMISSION_DENIED", "Origin not allowed: pages of this server only")
    if fields.get(b"sec-fetch-site") in FOREIGN_SITES:
        followed = fields.get(b"sec-fetch-mode") == b"navigate" and method in ("GET", "HEAD")
        if not followed:
            raise refused("PERMISSION_DENIED", "Origin not allowed: pages of this server only")


def _is_named(host: str, hosts: frozenset[str]) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host
    return name.lower() in hosts
