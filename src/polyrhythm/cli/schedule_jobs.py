"""`poly schedule list`, `pause`, `resume`, `run`, `remove`: jobs of a file or of a service.

Works on a file with or without an owner at work, and on a Polyrhythm server; it brings no code
along, so what is run waits for a worker. A list is lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from typing import Any

from polyrhythm.app.application import App
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.schedule_flags import JobFlags, JobsFlags
from polyrhythm.dialects.cron import Jobs
from polyrhythm.sdk.errors import MisuseError


def run_list(flags: JobsFlags) -> int:
    """Print the jobs and return the exit code."""

    async def work(jobs: Jobs) -> None:
        for job in await jobs.list(tag=flags.tag):
            print(json.dumps(asdict(job), default=_plain))

    return _run("list", flags, work)


def run_verb(verb: str, flags: JobFlags) -> int:
    """Change jobs, print their ids and return the exit code."""
    if bool(flags.job_id) == bool(flags.tag):
        print(f"poly schedule {verb}: name jobs, or a --tag", file=sys.stderr)
        return ExitCode.USAGE
    ids = flags.job_id or []

    async def work(jobs: Jobs) -> None:
        if verb == "pause":
            done = await jobs.pause(*ids, tag=flags.tag, reason=flags.reason)
        elif verb == "resume":
            done = await jobs.resume(*ids, tag=flags.tag, reason=flags.reason)
        elif verb == "run":
            done = await jobs.run(*ids, tag=flags.tag)
        else:
            done = await jobs.remove(*ids, tag=flags.tag)
        for job_id in done:
            print(job_id)

    return _run(verb, flags, work)


def _run(verb: str, flags: JobsFlags | JobFlags, work: Callable[[Jobs], Awaitable[None]]) -> int:
    if "://" not in flags.url and not os.path.exists(flags.url):
        print(f"poly schedule {verb}: there is no file {flags.url}", file=sys.stderr)
        return ExitCode.FAILED
    try:
        asyncio.run(_open(flags, work))
    except (PolyrhythmError, MisuseError, OSError) as error:
        print(f"poly schedule {verb}: {error}", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK


async def _open(flags: JobsFlags | JobFlags, work: Callable[[Jobs], Awaitable[None]]) -> None:
    async with App("poly", url=flags.url, works=False, namespace=flags.namespace) as app:
        await work(app.jobs.aio)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.name if isinstance(value, Enum) else str(value)
