"""`poly schedule add`, `import` and `work`: jobs that are commands and calls, without any Python.

`work` is the worker for them, of the queue `jobs`: who may put jobs at that file or service runs
commands with the rights of whoever started it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from polyrhythm.app.application import App
from polyrhythm.base.errors import InvalidArgument, PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import LogFormat, LogLevel
from polyrhythm.cli.logs import set_up_logs
from polyrhythm.cli.schedule_flags import AddFlags, CrontabFlags, WorkFlags
from polyrhythm.dialects.canvas import Signature
from polyrhythm.dialects.cron.commands import Commands
from polyrhythm.dialects.cron.crontab import read_crontab
from polyrhythm.dialects.cron.settings import JobSettings
from polyrhythm.sdk.errors import MisuseError

QUEUE = "jobs"


def run_add(flags: AddFlags) -> int:
    """Add a job and return the exit code."""
    if bool(flags.shell) == bool(flags.http):
        print("poly schedule add: say either --shell or --http", file=sys.stderr)
        return ExitCode.USAGE
    app = App(QUEUE, url=flags.url, works=False, namespace=flags.namespace)
    try:
        signature = _signature(Commands(app), flags)
        settings = _settings(flags)
        asyncio.run(_put(app, flags, signature, settings))
    except (MisuseError, InvalidArgument) as error:
        print(f"poly schedule add: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except (PolyrhythmError, OSError) as error:
        print(f"poly schedule add: {error}", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK


def run_import(flags: CrontabFlags) -> int:
    """Make jobs of a crontab and return the exit code."""
    try:
        from_stdin = flags.crontab == "-"
        text = sys.stdin.read() if from_stdin else Path(flags.crontab).read_text(encoding="utf-8")
        lines = list(read_crontab(text))
    except (OSError, UnicodeDecodeError) as error:
        print(f"poly schedule import: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except InvalidArgument as error:
        print(f"poly schedule import: {error.message}", file=sys.stderr)
        return ExitCode.USAGE
    app = App(QUEUE, url=flags.url, works=False, namespace=flags.namespace)
    commands = Commands(app)

    async def work() -> None:
        async with app:
            jobs = app.jobs.aio
            for line in lines:
                signature = commands.shell(line.command, variables=line.variables)
                tags = [flags.tag]
                await jobs.put(
                    line.job_id, signature, line.spec, tz=line.tz, tags=tags, summary=line.command
                )
                print(line.job_id)
            kept = {line.job_id for line in lines}
            gone = [job.id for job in await jobs.list(tag=flags.tag) if job.id not in kept]
            if gone:
                await jobs.remove(*gone)

    try:
        asyncio.run(work())
    except (PolyrhythmError, MisuseError, OSError) as error:
        print(f"poly schedule import: {error}", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK


def run_work(flags: WorkFlags) -> int:
    """Run jobs until a signal and return the exit code."""
    set_up_logs(LogLevel.INFO, LogFormat.TEXT)
    tasks = flags.concurrency
    app = App(QUEUE, url=flags.url, namespace=flags.namespace, tasks_max=tasks)
    Commands(app)
    try:
        app.run()
    except (PolyrhythmError, OSError) as error:
        print(f"poly schedule work: {error}", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK


def _signature(commands: Commands, flags: AddFlags) -> Signature:
    given: dict[str, Any] = {"retry": flags.retry, "fails_on": flags.fails_on}
    if flags.timeout:
        given["timeout"] = flags.timeout
    if flags.shell:
        return commands.shell(flags.shell, codes=flags.expect or [], **given)
    call: dict[str, Any] = {
        "method": flags.method,
        "body": flags.body,
        "expected": flags.expect or [],
    }
    return commands.http(flags.http, **call, **given)


def _settings(flags: AddFlags) -> JobSettings:
    missed: Any = int(flags.missed) if flags.missed.isdigit() else flags.missed
    overlap: Any = flags.overlap
    settings = JobSettings(overlap=overlap, missed=missed, tags=flags.tag or [])
    if flags.tz:
        settings["tz"] = flags.tz
    if flags.jitter:
        settings["jitter"] = flags.jitter
    if flags.runs:
        settings["runs"] = flags.runs
    return settings


async def _put(app: App, flags: AddFlags, signature: Signature, settings: JobSettings) -> None:
    async with app:
        if flags.replace:
            await app.jobs.aio.put(flags.job_id, signature, flags.spec, **settings)
        else:
            await app.jobs.aio.add(flags.job_id, signature, flags.spec, **settings)
