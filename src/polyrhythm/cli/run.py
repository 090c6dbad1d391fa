"""`poly run` and `poly worker`: a program's App at work, with its progress; or one run of it.

Lines for people go to standard error, the result of `--start` as JSON to standard output. The first
SIGTERM or SIGINT ends it in order, a second one at once.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import Any

import msgspec

from polyrhythm.app.application import App
from polyrhythm.app.finding import find_app
from polyrhythm.app.loops import new_loop
from polyrhythm.app.settings import put_workers
from polyrhythm.base.durations import parse_span
from polyrhythm.base.errors import InvalidArgument, PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import RunFlags
from polyrhythm.cli.logs import set_up_logs
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.settings import IdConflict

PROGRESS_S = 1.0


def run(flags: RunFlags) -> int:
    """Work until a signal, or until the run that was asked for has ended; return the exit code."""
    set_up_logs(flags.log_level, flags.log_format)
    try:
        app = find_app(flags.target)
        if flags.url:
            app.move(flags.url)
        _put_worker(app, flags)
        arguments = [msgspec.json.decode(text) for text in flags.input]
    except (MisuseError, InvalidArgument, msgspec.DecodeError) as error:
        told = f"{error}" if isinstance(error, PolyrhythmError) else f"--input is not JSON: {error}"
        say(told)
        return ExitCode.USAGE
    except Exception:  # noqa: BLE001 - a program may raise anything when it is imported
        traceback.print_exc()
        say(f"{flags.target} could not be imported: its own error is above")
        return ExitCode.FAILED
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_work(app, flags, arguments))
    except (PolyrhythmError, OSError) as error:
        say(_told(error))
        return ExitCode.FAILED


def _put_worker(app: App, flags: RunFlags) -> None:
    """Have the App work as the flags say. Raises MisuseError."""
    plan = app.plan
    if flags.concurrency:
        plan.worker.tasks_max = flags.concurrency
    if flags.drain:
        plan.worker.stop_s = parse_span(flags.drain)
    bounds = None
    if flags.autoscale:
        low, _, high = flags.autoscale.partition("-")
        if not (low.isdigit() and high.isdigit()):
            raise MisuseError(f"--autoscale is MIN-MAX, as in 2-20, not {flags.autoscale!r}")
        bounds = (int(low), int(high))
    queues = [queue.strip() for queue in flags.queues.split(",")] if flags.queues else []
    if queues or bounds or flags.concurrency:
        put_workers(plan, queues or plan.queues, bounds)


def say(text: str) -> None:
    """Tell people."""
    print(f"poly run: {text}", file=sys.stderr, flush=True)


async def _work(app: App, flags: RunFlags, arguments: list[Any]) -> int:
    serving = asyncio.ensure_future(app.serve(say))
    opened = asyncio.ensure_future(app.opened.wait())
    await asyncio.wait([serving, opened], return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    if serving.done():
        serving.result()
        return ExitCode.OK
    queues = ", ".join(app.plan.queues)
    say(f"{_contents(app)} at queue{'s' if len(app.plan.queues) > 1 else ''} {queues}")
    showing = asyncio.ensure_future(_show_progress(app))
    asked = asyncio.ensure_future(_start(app, flags, arguments)) if flags.start else None
    try:
        await asyncio.wait(
            [serving, *([asked] if asked else [])], return_when=asyncio.FIRST_COMPLETED
        )
        code = asked.result() if asked is not None and asked.done() else ExitCode.OK
    finally:
        showing.cancel()
        if asked is not None:
            asked.cancel()
        app.end()
        await serving
    return code


async def _start(app: App, flags: RunFlags, arguments: list[Any]) -> int:
    # The command that a crash has cut short is given again: it waits for the run that is open.
    joins = {"id": flags.id, "id_conflict": IdConflict.JOIN}
    settings: dict[str, Any] = joins if flags.id else {}
    if flags.start not in app.registry.workflows:
        names = ", ".join(sorted(app.registry.workflows)) or "none"
        say(f"there is no workflow {flags.start!r}; there are: {names}")
        return ExitCode.USAGE
    run = await app.aio.workflow(flags.start, **settings).start(*arguments)
    say(f"started {flags.start}, id {run.workflow_id}, run {run.run_id}")
    try:
        result = await run.result()
    except PolyrhythmError as error:
        say(_told(error))
        return ExitCode.FAILED
    print(app.session.converter.encode(result).data.decode() or "null", flush=True)
    return ExitCode.OK


async def _show_progress(app: App) -> None:
    before = ""
    while True:
        await asyncio.sleep(PROGRESS_S)
        now = str(app.progress)
        if now != before:
            before = now
            say(now)


def _contents(app: App) -> str:
    workflows, tasks = len(app.registry.workflows), len(app.registry.tasks)
    return f"{_count(workflows, 'workflow')} and {_count(tasks, 'task')}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _told(error: BaseException | None) -> str:
    """An error and what lies below it, a line each."""
    lines: list[str] = []
    while error is not None and len(lines) < 10:
        lines.append(str(error) or type(error).__name__)
        error = error.__cause__
    return "\n  because ".join(lines)
