"""An engine in this process that runs Argo workflows: an App, an executor, a folder of files.

Without a store file all of it lives as long as the command does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from polyrhythm.app.application import App
from polyrhythm.cli.argo_flags import ExecutorName
from polyrhythm.dialects.argo.pods import Places, PodRunner
from polyrhythm.dialects.argo.program import install
from polyrhythm.dialects.argo.walk.workflow import Submission
from polyrhythm.executors.port import Executor
from polyrhythm.executors.process import ProcessExecutor
from polyrhythm.executors.sandbox import SandboxExecutor
from polyrhythm.sdk.client.run import Run
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.settings import IdConflict

NAME = "argo"
# Attempts at once: pods mostly wait for their commands, and limits of their own hold them back.
PODS_MAX = 500


@dataclass(slots=True)
class Engine:
    """What runs workflows, while it is open."""

    app: App
    places: Places
    workflow: Workflow[[Submission], dict[str, Any]]

    async def start(self, submission: Submission) -> Run[dict[str, Any]]:
        """Start a workflow under its name, or find the one of that name that is open."""
        name = str(submission.workflow["metadata"]["name"])
        chosen = self.workflow.options(id=name, id_conflict=IdConflict.JOIN)
        return await chosen.aio.start(submission)


@contextlib.asynccontextmanager
async def open_engine(db: str, executor: ExecutorName) -> AsyncIterator[Engine]:
    """Open an engine; at the end what it runs is ended, or left for the next one on the file."""
    with contextlib.ExitStack() as stack:
        folder = files_of(db)
        if not folder:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="poly-argo-"))
        places = await asyncio.to_thread(Places, folder)
        runs_steps: Executor
        runs_steps = SandboxExecutor() if executor is ExecutorName.SANDBOX else ProcessExecutor()
        try:
            app = make_app(db)
            workflow = install(app, PodRunner(runs_steps, places))
            async with app:
                yield Engine(app, places, workflow)
        finally:
            await runs_steps.close()


def files_of(db: str) -> str:
    """The folder of logs, artifacts and volumes beside a store file."""
    return f"{os.path.realpath(db)}.files" if db else ""


def make_app(db: str) -> App:
    """The App of Argo workflows on a file, or in memory."""
    if db:
        return App(NAME, db, tasks_max=PODS_MAX, stop=0)
    return App(NAME, durability="memory", tasks_max=PODS_MAX, stop=0)
