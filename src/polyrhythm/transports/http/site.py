"""The site: every route of the HTTP wire, put together.

The routes of calls come from the protocol's annotations; beside them stand the few paths that are
no call. `ready` says whether calls are answered now, here or by the owner of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from polyrhythm.transports.http.bindings import all_bindings
from polyrhythm.transports.http.calls import Caller, CallRoute
from polyrhythm.transports.http.changes import CHANGES_PATH, ChangesRoute
from polyrhythm.transports.http.health import Health
from polyrhythm.transports.http.metrics import MetricsRoute
from polyrhythm.transports.http.openapi import OpenApi
from polyrhythm.transports.http.pages import add_pages
from polyrhythm.transports.http.router import Router
from polyrhythm.transports.http.run_events import RUN_EVENTS_PATH, RunEventsRoute
from polyrhythm.transports.http.settings import HttpSettings
from polyrhythm.transports.http.streams import Streams
from polyrhythm.transports.wire import Door, Switch


class Part(Protocol):
    """Routes that stand on calls and are none of them; `paths` says them as OpenAPI."""

    @property
    def paths(self) -> Mapping[str, Any]:
        """Path items, by path."""
        ...

    def add(self, router: Router, caller: Caller) -> None:
        """Add the routes."""
        ...


def build_router(
    switch: Switch,
    door: Door,
    ready: Callable[[], bool],
    settings: HttpSettings,
    parts: Sequence[Part] = (),
) -> Router:
    """Return the routes of a server."""
    router = Router()
    caller = Caller(switch, door)
    for binding in all_bindings():
        router.add(binding.verb, binding.template, CallRoute(binding, caller))
    streams = Streams(settings)
    router.add("GET", RUN_EVENTS_PATH, RunEventsRoute(caller, streams))
    router.add("GET", CHANGES_PATH, ChangesRoute(caller, streams, settings))
    openapi = OpenApi({path: item for part in parts for path, item in part.paths.items()})
    metrics = MetricsRoute(caller, streams)
    for verb in ("GET", "HEAD"):
        router.add(verb, "/healthz", Health(lambda: True))
        router.add(verb, "/readyz", Health(ready))
        router.add(verb, "/metrics", metrics)
        router.add(verb, "/openapi.json", openapi)
    add_pages(router)
    for part in parts:
        part.add(router, caller)
    return router
