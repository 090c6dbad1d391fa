"""What an App may be told beside its name and url: every setting with its unit and default.

A TypedDict for whoever writes `App("shop", durability="normal")`, and the same as a record for the
library. Durations are "10s" or seconds. What only one backend has says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from temporalio.api.common.v1 import Payload

from polyrhythm.app.compose import LaneHost
from polyrhythm.base.durations import Span, parse_span
from polyrhythm.engine.host_loop import LoopHost
from polyrhythm.engine.lane import Lane
from polyrhythm.sdk.connection import ConnectionSettings, Tls
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.intercept.chain import Interceptor, plan_chain
from polyrhythm.sdk.values import Codec, Converter
from polyrhythm.sdk.worker import WorkerSettings
from polyrhythm.sdk.worker.slots import Bounds, Slots

Durability = Literal["full", "normal", "memory"]
FILE_SCHEMES = ("", "sqlite")
NOT_BUILT = ("postgresql", "postgres")
REMOTE_SCHEMES = ("poly", "temporal")
PORT = 7233


class AppSettings(TypedDict, total=False):
    """The keywords of `App`."""

    # Where runs live: `default` if it is not said; a file makes what is missing.
    namespace: str
    # The task queue; the application's name if it is not said.
    queue: str
    # The queues that this process works at, where tasks are routed to several; `queue` if not said.
    queues: Sequence[str]
    # Between how many attempts at once the worker moves; `tasks_max` is fixed.
    autoscale: tuple[int, int]
    # Of a file: `full` survives a power cut, `normal` a crash of the process, `memory` nothing.
    durability: Durability
    # Whether this process works, or only starts and asks.
    works: bool
    # Who this process is in histories; process id and host if it is not said.
    identity: str
    # Attempts of tasks at once, and child processes for tasks with process=True.
    tasks_max: int
    processes_max: int
    # Runs whose live code is kept between their tasks; 0 replays each time.
    cached_runs_max: int
    # What attempts in hand get to finish when the application is told to stop.
    stop: Span
    # Values to payloads; what is done to payloads on their way; values that travel with calls.
    converter: Converter
    codec: Codec
    header: Callable[[], Mapping[str, Payload]]
    # Code around runs, attempts, messages and calls: see `polyrhythm.intercept`.
    interceptors: Sequence[Interceptor]
    # Of a service on another machine.
    tls: Tls | bool
    api_key: str
    headers: dict[str, str]


@dataclass(slots=True)
class Home:
    """Where an application's runs live, read from its url. One of `file` and `address` is set;
    neither: in memory.
    """

    scheme: str
    file: str = ""
    address: str = ""


@dataclass(slots=True)
class AppPlan:
    """All settings of one application, with their defaults."""

    name: str
    home: Home
    namespace: str = "default"
    queue: str = ""
    queues: list[str] = field(default_factory=list)
    bounds: Bounds | None = None
    durability: Durability = "full"
    works: bool = True
    header: Callable[[], Mapping[str, Payload]] | None = None
    connection: ConnectionSettings = field(default_factory=ConnectionSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    # What drives a lane of this process: a test's has a clock that jumps.
    host: Callable[[Lane], LaneHost] = LoopHost


def plan_app(name: str, url: str | None, given: AppSettings) -> AppPlan:
    """Read an application's settings. Raises MisuseError for what cannot be meant."""
    unknown = sorted(set(given) - set(AppSettings.__annotations__))
    if unknown:
        known = ", ".join(AppSettings.__annotations__)
        raise MisuseError(f"App has no setting {', '.join(unknown)}; there are: {known}")
    if not name or "/" in name:
        raise MisuseError(f"an application's name is its queue and its file's stem, not {name!r}")
    durability = given.get("durability", "full")
    if durability not in ("full", "normal", "memory"):
        raise MisuseError(f"durability is full, normal or memory, not {durability!r}")
    home = read_url(name, url, durability)
    worker = WorkerSettings()
    for key in ("identity", "tasks_max", "processes_max", "cached_runs_max", "converter", "codec"):
        if key in given:
            setattr(worker, key, given[key])
    worker.chain = plan_chain(given.get("interceptors", ()))
    if "stop" in given:
        worker.stop_s = parse_span(given["stop"])
    plan = AppPlan(
        name=name,
        home=home,
        namespace=given.get("namespace", "default"),
        queue=given.get("queue", name),
        durability=durability,
        works=given.get("works", True),
        header=given.get("header"),
        connection=_connection(home, given),
        worker=worker,
    )
    put_workers(plan, list(given.get("queues", [])), given.get("autoscale"))
    return plan


def put_workers(plan: AppPlan, queues: list[str], autoscale: tuple[int, int] | None) -> None:
    """Say at which queues a process works and between how many attempts at once it moves.

    Raises MisuseError for bounds that are none, and for fewer attempts than queues: a queue that is
    asked for work holds a place for it.
    """
    worker = plan.worker
    plan.queues = list(dict.fromkeys(queues)) or [plan.queue]
    if autoscale is not None:
        low, high = autoscale
        if not 1 <= low <= high:
            raise MisuseError(f"autoscale is a lower and an upper bound, not {low}-{high}")
        plan.bounds = Bounds(low, high)
        worker.tasks_max = high
    least = plan.bounds.low if plan.bounds is not None else worker.tasks_max
    if not all(plan.queues) or least < len(plan.queues):
        raise MisuseError(
            f"{least} tasks at once for {len(plan.queues)} queues: give at least one for each"
        )
    if len(plan.queues) > 1 or plan.bounds is not None:
        worker.slots = Slots(least)
        worker.task_polls = max(1, min(worker.task_polls, least // len(plan.queues)))


def read_url(name: str, url: str | None, durability: Durability) -> Home:
    """Return where runs live. Raises MisuseError for a url that leads nowhere."""
    if url is None:
        return Home("sqlite", "" if durability == "memory" else os.path.realpath(f"{name}.db"))
    parts = urlsplit(url)
    if parts.scheme in NOT_BUILT:
        raise MisuseError(
            f"{parts.scheme}:// is not implemented yet: use a file, poly:// or temporal://"
        )
    if parts.scheme in REMOTE_SCHEMES:
        if not parts.hostname or parts.path.strip("/") or parts.query:
            raise MisuseError(f"{url!r} is not of the form {parts.scheme}://host:port")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return Home(parts.scheme, address=f"{host}:{parts.port or PORT}")
    if parts.scheme not in FILE_SCHEMES:
        raise MisuseError(
            f"{url!r}: an application lives in a file (a path), at poly://host:port, or at "
            "temporal://host:port"
        )
    path = (parts.netloc + parts.path) if parts.scheme else url
    return Home("sqlite", "" if durability == "memory" else os.path.realpath(path))


def _connection(home: Home, given: AppSettings) -> ConnectionSettings:
    remote = [key for key in ("tls", "api_key", "headers") if given.get(key)]
    if remote and not home.address:
        raise MisuseError(f"{', '.join(remote)}: only for poly:// and temporal://")
    tls = given.get("tls", bool(given.get("api_key")))
    return ConnectionSettings(
        tls=Tls() if tls is True else tls or None,
        api_key=given.get("api_key", ""),
        headers=given.get("headers", {}),
    )
