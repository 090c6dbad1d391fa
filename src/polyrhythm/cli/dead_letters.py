"""`poly dead-letters`: runs that ended badly and that nothing follows: listed, requeued, deleted.

Works on a file, with or without an owner at work, and at any service that an App can live at; it
brings no code along, so what it begins waits for a worker. Lists are lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

from polyrhythm.app.application import App
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import LetterFlags, LettersFlags
from polyrhythm.sdk.client.client import Client
from polyrhythm.sdk.client.letters import DeadLetter


def run_list(flags: LettersFlags) -> int:
    """Print the dead letters, newest first, and return the exit code."""
    return _run("list", flags)


def run_requeue(flags: LetterFlags) -> int:
    """Begin some again, and return the exit code."""
    return _run("requeue", flags)


def run_delete(flags: LetterFlags) -> int:
    """Delete some, and return the exit code."""
    return _run("delete", flags)


def _run(verb: str, flags: LettersFlags | LetterFlags) -> int:
    place = flags.url
    if "://" not in place and not os.path.exists(place):
        print(f"poly dead-letters: there is no file {place}", file=sys.stderr)
        return ExitCode.FAILED
    if isinstance(flags, LetterFlags) and bool(flags.workflow_id) == bool(flags.query):
        print("poly dead-letters: name workflow ids, or runs by --query", file=sys.stderr)
        return ExitCode.USAGE
    try:
        return asyncio.run(_work(verb, flags))
    except (PolyrhythmError, OSError) as error:
        print(f"poly dead-letters: {error}", file=sys.stderr)
        return ExitCode.FAILED


async def _work(verb: str, flags: LettersFlags | LetterFlags) -> int:
    app = App("poly", url=flags.url, works=False, namespace=flags.namespace)
    async with app:
        if isinstance(flags, LettersFlags):
            async for letter in app.aio.dead_letters(flags.query, limit=flags.limit):
                print(json.dumps(_told(letter)))
            return ExitCode.OK
        failed = False
        async for workflow_id in _meant(app.aio, flags):
            try:
                print(await _do(app.aio, verb, workflow_id))
            except PolyrhythmError as error:
                failed = True
                print(f"poly dead-letters: {workflow_id}: {error}", file=sys.stderr)
        return ExitCode.FAILED if failed else ExitCode.OK


async def _meant(client: Client, flags: LetterFlags) -> AsyncIterator[str]:
    if flags.workflow_id:
        for workflow_id in flags.workflow_id:
            yield workflow_id
        return
    # All of them first: what is begun again is no longer in the list.
    letters = [letter async for letter in client.dead_letters(flags.query)]
    for letter in letters:
        yield letter.workflow_id


async def _do(client: Client, verb: str, workflow_id: str) -> str:
    if verb == "requeue":
        run = await client.requeue(workflow_id)
        return f"{workflow_id} begins again as run {run.run_id}"
    await client.discard(workflow_id)
    return f"{workflow_id} is deleted"


def _told(letter: DeadLetter) -> dict[str, Any]:
    summary = letter.summary
    return {
        "workflow_id": letter.workflow_id,
        "run_id": letter.run_id,
        "workflow": summary.workflow,
        "status": summary.status.name,
        "closed": summary.closed.isoformat() if summary.closed else None,
        "task": letter.task,
        "error": str(letter.error),
        "requeued": letter.times,
    }
