"""HTTP/1.1: Temporal's HTTP API as JSON, this server's own, event streams, metrics, health."""

from polyrhythm.transports.http.calls import Caller
from polyrhythm.transports.http.exchange import Exchange
from polyrhythm.transports.http.guard import LOOPBACK_HOSTS
from polyrhythm.transports.http.router import Router
from polyrhythm.transports.http.server import HttpServer
from polyrhythm.transports.http.settings import HttpSettings
from polyrhythm.transports.http.site import Part, build_router

__all__ = [
    "LOOPBACK_HOSTS",
    "Caller",
    "Exchange",
    "HttpServer",
    "HttpSettings",
    "Part",
    "Router",
    "build_router",
]
