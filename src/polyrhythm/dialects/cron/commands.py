"""Jobs without Python: a command of the shell, or a call over HTTP.

    commands = Commands(app)
    app.every("1h", id="backup")(commands.shell("pg_dump shop > shop.sql", timeout="10m"))
    app.jobs.put("ping", commands.http("https://example.com/health"), "@every 1m")

Who may put jobs may then run commands where the application works, with the rights of its process:
so an application has them only if its program says so.
"""

from __future__ import annotations

from typing import Any, Protocol, TypedDict
from urllib.parse import urlsplit

from typing_extensions import Unpack

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.dialects.canvas import Signature
from polyrhythm.dialects.cron.running import HttpCall, ShellCall, make_call, run_command
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.errors import MisuseError

SHELL_TASK, HTTP_TASK = "polyrhythm.cron.shell", "polyrhythm.cron.http"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What an attempt gets beyond its own limit, so that the limit is what is told.
GRACE_S = 30.0
HEARTBEAT_S = 20.0


class ShellSettings(TypedDict, total=False):
    """What a command may be told. `timeout`: an hour if not said; `retry`: how often it is tried,
    once if not said. `folder`: where it runs; `variables`: beside those of the worker. `codes`:
    exit codes that mean success, 0 if not said. `fails_on`: a word that means failure wherever the
    output has it."""

    timeout: Span
    retry: int
    folder: str
    variables: dict[str, str]
    codes: list[int]
    fails_on: str


class HttpSettings(TypedDict, total=False):
    """What a call may be told. `timeout`: 30 s if not said; `retry` as of a command. `expected`:
    statuses that mean success, 200 to 299 if not said. `fails_on`: as of a command, in the body."""

    timeout: Span
    retry: int
    method: str
    headers: dict[str, str]
    body: str
    expected: list[int]
    fails_on: str


class Declares(Protocol):
    """What declares tasks: an App."""

    @property
    def task(self) -> Any:
        """`app.task`."""
        ...


class Commands:
    """Makes signatures of commands and calls, which the application's workers run."""

    __slots__ = ("_http", "_shell")

    def __init__(self, app: Declares) -> None:
        self._shell: Task[..., Any, Any] = app.task(name=SHELL_TASK)(run_command)
        self._http: Task[..., Any, Any] = app.task(name=HTTP_TASK)(make_call)

    def shell(self, command: str, **settings: Unpack[ShellSettings]) -> Signature:
        """Return a command for `/bin/sh -c`; its result is a CommandResult. Raises MisuseError."""
        told: Any = command
        if not isinstance(told, str) or not told.strip() or "\0" in told:
            raise MisuseError(f"a command is a text for a shell, not {command!r}")
        given, retry, limit_s = _common(settings, ShellSettings, "1h")
        call = ShellCall(command, limit_s, **given)
        return _limited(self._shell.s(call), limit_s, retry).options(
            heartbeat=HEARTBEAT_S, summary=command[:200]
        )

    def http(self, url: str, **settings: Unpack[HttpSettings]) -> Signature:
        """Return a call; its result is a CallResult. Redirects are followed. Raises MisuseError."""
        place = urlsplit(url)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise MisuseError(f"a url begins with http:// or https:// and names a host: {url!r}")
        given, retry, limit_s = _common(settings, HttpSettings, "30s")
        call = HttpCall(url, limit_s, **given)
        if call.method not in METHODS:
            raise MisuseError(f"a method is one of {', '.join(METHODS)}, not {call.method!r}")
        called = _limited(self._http.s(call), limit_s, retry)
        return called.options(summary=f"{call.method} {url}"[:200])


def _common(given: Any, known: Any, timeout: Span) -> tuple[dict[str, Any], int, float]:
    """Return the fields of a call, how often it is tried, and its limit in seconds."""
    unknown = sorted(set(given) - set(known.__annotations__))
    if unknown:
        names = ", ".join(known.__annotations__)
        raise MisuseError(f"there is no setting {', '.join(unknown)}; there are: {names}")
    fields = dict(given)
    limit_s = parse_span(fields.pop("timeout", timeout))
    if limit_s <= 0:
        raise MisuseError(f"a timeout is longer than nothing: {given['timeout']!r}")
    return fields, fields.pop("retry", 1), limit_s


def _limited(signature: Signature, limit_s: float, retry: int) -> Signature:
    return signature.options(retry=retry, timeout=limit_s + GRACE_S)
