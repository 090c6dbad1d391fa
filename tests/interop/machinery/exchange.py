"""Our workers and producers beside a Go program with Machinery's own library, on real brokers.

    python exchange.py PROGRAM [DRIVER ...]       drivers: redigo goredis amqp

Both sides serve a queue and send to the other's: every type of argument at the ends of its range,
several results, failures, retries, ETA, callbacks, groups, chains and chords with members and
callbacks on either side, and a queue that both serve. `make programs` builds the program and runs
this. The exit code is 1 when anything comes back otherwise than it should.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from polyrhythm import App, Machinery
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.brokers.machinery.kinds import KINDS, RANGES
from polyrhythm.dialects.machinery import CallFailed, State, call, typed
from rabbit_servers import rabbit_server
from redis_servers import redis_server

DRIVERS = ("redigo", "goredis", "amqp")
WAIT_S = 30
GO, PYTHON = "go_tasks", "py_tasks"
FLOAT32 = (0.5, -3.4028234663852886e38, 1.0)
SCALARS: dict[str, tuple[Any, ...]] = {
    "bool": (True, False),
    "string": ("", '<b>&\u2028 "\\ \x00 \u00fc \u6f22 \U0001f600'),
    "float32": FLOAT32,
    "float64": (0.1, -1.7976931348623157e308, 5e-324, 1.0, 1e21),
    **RANGES,
}
TYPES: dict[str, Any] = {"bool": bool, "string": str, "float32": float, "float64": float}
SHARED = 60


def values_of(kind: str) -> tuple[Any, ...]:
    """Return values of a type at the ends of its range."""
    if kind in ("[]byte", "[]uint8"):
        return (b"\x00\x01\xfe\xff", b"")
    if kind.startswith("[]"):
        return (list(SCALARS[kind[2:]]), [])
    return SCALARS[kind]


def type_of(kind: str) -> Any:
    """Return the annotation of a parameter of a type."""
    if kind in ("[]byte", "[]uint8"):
        return bytes
    if kind.startswith("[]"):
        return list[TYPES.get(kind[2:], int)]
    return TYPES.get(kind, int)


def make_app(url: str) -> tuple[App, Machinery, Machinery, list[str]]:
    """Return an App, its two queues, and the list of names that `whose` was called by."""
    app = App("exchange", durability="memory")
    work = Machinery(url, app=app, queue=PYTHON)
    shared = Machinery(url, app=app, queue="shared")
    tried: set[str] = set()
    mine: list[str] = []

    def total(values: list[int]) -> int:
        return sum(values)

    def add(a: int, b: int) -> int:
        return a + b

    def fail(text: str) -> int:
        raise ValueError(text)

    def several(n: int) -> tuple[int, str, bytes]:
        return n, str(n), bytes([n])

    def flaky(name: str) -> str:
        if name not in tried:
            tried.add(name)
            raise ValueError("not yet")
        return f"at last {name}"

    def join(a: str, b: str) -> str:
        return f"{a}+{b}"

    def whose(n: int) -> str:
        mine.append(str(n))
        return "python"

    def py_only(n: int) -> int:
        return n + 1

    for function in (add, fail, several, flaky, join):
        work.serve(app.task(function))
    work.serve(app.task(total), collect=True)
    shared.serve(app.task(whose))
    shared.serve(app.task(py_only))
    for kind in KINDS:
        work.serve(_echo(app, kind), kinds=(kind,))
    return app, work, shared, mine


def _echo(app: App, kind: str) -> Any:
    def echo(value):  # type: ignore[no-untyped-def]
        return value

    echo.__annotations__ = {"value": type_of(kind), "return": type_of(kind)}
    return app.task(name=f"echo_{kind}")(echo)


class Checks:
    """What came back, beside what should have."""

    def __init__(self, driver: str) -> None:
        self._driver = driver
        self.failed = 0

    async def equal(self, name: str, found: Awaitable[Any], wanted: Any) -> None:
        """Compare a result; an error is one too."""
        try:
            value = await found
        except (PolyrhythmError, TimeoutError) as error:
            value = error
        good = type(value) is type(wanted) and value == wanted
        self.failed += not good
        end = "" if good else f": {value!r}; wanted {wanted!r}"
        print(f"{'ok  ' if good else 'FAIL'} python: {name}{end}", flush=True)

    async def fails(self, name: str, found: Awaitable[Any], text: str) -> None:
        """Compare an error's text."""

        async def message() -> str:
            try:
                return f"no error but {await found!r}"
            except CallFailed as error:
                return error.message

        await self.equal(name, message(), text)


async def check_types(work: Machinery, checks: Checks) -> None:
    """Every type there and back."""
    for kind in KINDS:
        for number, value in enumerate(values_of(kind)):
            reply = await work.send(call(f"echo_{kind}", typed(value, kind), queue=GO))
            await checks.equal(f"{kind} {number}", reply.result(timeout=WAIT_S), value)


async def check_calls(work: Machinery, checks: Checks) -> None:
    """Results, failures, retries, ETA, callbacks."""

    async def sent(signature: Any) -> Any:
        return await (await work.send(signature)).result(timeout=WAIT_S)

    await checks.equal("several results", sent(call("several", 7, queue=GO)), (7, "7", b"\x07"))
    await checks.equal("no result", sent(call("nothing", queue=GO)), None)
    await checks.fails("failure", sent(call("fail", "as told", queue=GO)), "as told")
    await checks.fails("panic", sent(call("panics", queue=GO)), "out of order")
    flaky = call("flaky", "from python", queue=GO, retries=2)
    await checks.equal("retry", sent(flaky), "at last from python")
    await checks.equal("retry later", sent(call("later", "x", queue=GO)), "later x")
    at_ns = time.time_ns() + 700_000_000
    await checks.equal("ETA", sent(call("add", 1, 2, queue=GO, eta_ns=at_ns)), 3)
    assert time.time_ns() >= at_ns, "an ETA came early"
    note = call("join", "noted", queue=PYTHON, uuid=f"task_note_{at_ns}")
    failing = call("fail", "bad", queue=GO, on_error=[note])
    await checks.fails("failure with callback", sent(failing), "bad")
    noted = work.reply(note.uuid).result(timeout=WAIT_S)
    await checks.equal("error callback in Python", noted, "bad+noted")
    once = call("add", 1, 2, queue=GO, immutable=True, on_success=[])
    after = call("add", 5, 6, queue=PYTHON)
    immutable = await work.send_chain(once, after)
    await checks.equal("immutable chain", immutable.result(timeout=WAIT_S), 11)


async def check_workflows(work: Machinery, checks: Checks) -> None:
    """Chains, groups and chords that cross."""
    chain = await work.send_chain(
        call("add", 1, 2, queue=GO),
        call("add", 10, queue=PYTHON),
        call("add", 100, queue=GO),
        call("add", 1000, queue=PYTHON),
    )
    await checks.equal("chain go, py, go, py", chain.result(timeout=WAIT_S), 1113)
    queues = (GO, PYTHON, GO)
    group = await work.send_group(*(call("add", n, 1, queue=q) for n, q in enumerate(queues)))
    await checks.equal("group", group.results(timeout=WAIT_S), [1, 2, 3])
    members = ((GO, GO, GO), (PYTHON, PYTHON), (GO, PYTHON, GO, PYTHON), (GO,))
    for callback, asked in itertools.product((GO, PYTHON), members):
        chord = await work.send_chord(
            call("total", 100, queue=callback),
            *(call("add", n, 1, queue=queue) for n, queue in enumerate(asked)),
        )
        wanted = 100 + sum(range(1, len(asked) + 1))
        name = f"chord of {', '.join(asked)} to {callback}"
        await checks.equal(name, chord.result(timeout=WAIT_S), wanted)
    # Ended by a worker of ours, so that the callback fails; one of theirs would say nothing.
    eta_ns = time.time_ns() + 1_000_000_000
    failing = call("fail", "no", queue=PYTHON, eta_ns=eta_ns)
    chord = await work.send_chord(call("total", queue=GO), call("add", 1, 2, queue=GO), failing)
    callback = work.reply(chord.uuid)
    await checks.equal("callback of a chord that failed", _ended(callback), State.FAILURE)


async def _ended(reply: Any) -> State | None:
    try:
        await reply.result(timeout=WAIT_S)
    except CallFailed:
        return State.FAILURE
    return State.SUCCESS


async def check_shared(shared: Machinery, mine: list[str], checks: Checks) -> None:
    """A queue that both serve: each message is done once, and finds who has its task."""
    group = await shared.send_group(*(call("whose", n, queue="shared") for n in range(SHARED)))
    done = Counter(await group.results(timeout=WAIT_S))

    async def everything() -> list[bool]:
        return [sum(done.values()) == SHARED, len(mine) == len(set(mine)) == done["python"]]

    await checks.equal(f"shared queue, {dict(done)}", everything(), [True, True])
    for name in ("py_only", "go_only"):
        reply = await shared.send(call(name, 1, queue="shared"))
        await checks.equal(f"{name} on the shared queue", reply.result(timeout=WAIT_S), 2)


@asynccontextmanager
async def go_worker(program: str, driver: str, address: str) -> AsyncIterator[None]:
    """The Go program at work."""
    command = (program, "work", driver, address)
    worker = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        assert worker.stdout is not None
        line = await worker.stdout.readline()
        assert line == b"at work\n", line
        yield
    finally:
        worker.kill()
        await worker.wait()


async def exchange(program: str, driver: str, url: str) -> int:
    """Run all checks of both sides with one driver; return how many failed."""
    address = url if driver == "amqp" else url.removeprefix("redis://")
    app, work, shared, mine = make_app(url)
    checks = Checks(driver)
    async with app, go_worker(program, driver, address):
        theirs = await asyncio.create_subprocess_exec(program, "drive", driver, address)
        await check_types(work, checks)
        await check_calls(work, checks)
        await check_workflows(work, checks)
        await check_shared(shared, mine, checks)
        failed = checks.failed + (await theirs.wait() != 0)
        dead = [one.reason for one in await work.dead_messages()]
        if dead:
            print("FAIL python: dead messages", dead)
    return failed + len(dead)


def main(arguments: list[str]) -> int:
    """Run the drivers that were named, or all."""
    program, *names = arguments
    names = [name for name in names if name in DRIVERS] or list(DRIVERS)
    os.environ["SERVERS_REQUIRED"] = "1"
    failed = 0
    for name in names:
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        with rabbit_server() if name == "amqp" else redis_server() as server:
            failed += asyncio.run(exchange(program, name, server.url))
        print(f"== {name}: {time.monotonic() - begun:.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
