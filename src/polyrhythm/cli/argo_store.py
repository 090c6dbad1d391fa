"""`poly argo list|get|logs|stop|terminate|suspend|resume|set|delete|resubmit` on a store file.

What a command tells a workflow is kept in the file: an engine that is at work on it hears it at
once, else the next one does. The nodes of an open workflow are known to its engine only.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    DeleteWorkflowExecutionResponse,
)

from polyrhythm.app.application import App
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.argo_engine import NAME, files_of, open_engine
from polyrhythm.cli.argo_store_flags import (
    GetFlags,
    ListFlags,
    LogsFlags,
    ResubmitFlags,
    SetFlags,
    TellFlags,
)
from polyrhythm.cli.argo_submit import SUCCEEDED, UsageError, read_pairs, show
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.pods import Places
from polyrhythm.dialects.argo.pods.logs import read_lines
from polyrhythm.dialects.argo.program import WORKFLOW
from polyrhythm.dialects.argo.submitting import SubmitOptions, prepare
from polyrhythm.dialects.argo.walk.workflow import CONTROL, STATUS, Submission
from polyrhythm.sdk.client.run import Run
from polyrhythm.sdk.client.views import RunStatus, RunSummary

ANSWER_S = 5.0
Work = Callable[[App], Awaitable[int]]


def run_list(flags: ListFlags) -> int:
    """Print a line for each workflow of the file."""

    async def work(app: App) -> int:
        phases = {phase for phase in flags.status.split(",") if phase}
        trees = [
            await _fetch(app, summary)
            async for summary in app.aio.list(f"WorkflowType = '{WORKFLOW}'")
            if summary.workflow_id.startswith(flags.prefix)
        ]
        show([each for each in trees if not phases or _phase(each) in phases], flags.output)
        return ExitCode.OK

    return _do("list", flags.db, work)


def run_get(flags: GetFlags) -> int:
    """Print workflows in full."""

    async def work(app: App) -> int:
        found = [await _find(app, name) for name in flags.names]
        show([await _fetch(app, each) for each in found], flags.output)
        return ExitCode.OK

    return _do("get", flags.db, work)


def run_logs(flags: LogsFlags) -> int:
    """Print the logs of a workflow's pods that are kept."""

    async def work(app: App) -> int:
        summary = await _find(app, flags.name)
        folder = Places(files_of(flags.db)).logs(summary.run_id, "x").parent
        for file in await asyncio.to_thread(_files, folder):
            if flags.node and file.parent.name != flags.node:
                continue
            if flags.container and file.stem != flags.container:
                continue
            lines = read_lines(file, timestamps=flags.timestamps)
            lines = [line for line in lines if flags.grep in line]
            for line in lines[-flags.tail :] if flags.tail >= 0 else lines:
                print(f"{file.parent.name}: {line}")
        return ExitCode.OK

    return _do("logs", flags.db, work)


def run_tell(verb: str, flags: TellFlags) -> int:
    """Tell workflows to stop, terminate, suspend or resume; or delete them."""

    async def work(app: App) -> int:
        for name in flags.names:
            summary = await _find(app, name)
            if verb == "delete":
                await _delete(app, summary)
                print(f"Workflow '{name}' deleted")
                continue
            asked = {"verb": verb, "selector": flags.selector, "message": flags.message}
            await app.aio.run(name).send(CONTROL, asked)
            print(f"workflow {name}: {verb} is asked for")
        return ExitCode.OK

    return _do(verb, flags.db, work)


def run_set(flags: SetFlags) -> int:
    """Let suspended nodes go on, with outputs, a message or a phase."""

    async def work(app: App) -> int:
        asked: dict[str, Any] = {"verb": "set", "selector": flags.selector}
        asked["parameters"] = read_pairs(flags.parameters, "--output-parameter")
        if flags.message:
            asked["message"] = flags.message
        if flags.phase:
            asked["phase"] = flags.phase
        await app.aio.run(flags.name).send(CONTROL, asked)
        print("workflow values set")
        return ExitCode.OK

    return _do("set", flags.db, work)


def run_resubmit(flags: ResubmitFlags) -> int:
    """Run a workflow again under a new name, to its end."""

    async def work(app: App) -> int:
        submission = await _submission(app.aio.run(flags.name), app)
        values = read_pairs(flags.parameters, "-p")
        metadata = submission.workflow["metadata"]
        base = metadata.get("generateName") or f"{metadata['name']}-"
        options = SubmitOptions(parameters=values, generate_name=base)
        again.append(Submission(prepare(submission.workflow, options), submission.objects))
        return ExitCode.OK

    again: list[Submission] = []
    code = _do("resubmit", flags.db, work)
    if code != ExitCode.OK:
        return code
    done = asyncio.run(_run_again(flags, again[0]))
    show([done], flags.output)
    return ExitCode.OK if _phase(done) == SUCCEEDED else ExitCode.FAILED


async def _run_again(flags: ResubmitFlags, submission: Submission) -> Tree:
    async with open_engine(flags.db, flags.executor) as engine:
        run = await engine.start(submission)
        return await run.result()


async def _submission(run: Run[Any], app: App) -> Submission:
    """What a run was started with."""
    first = (await run.history()).events[0]
    payload = first.workflow_execution_started_event_attributes.input.payloads[0]
    made: Submission = app.session.converter.decode(payload, Submission)
    return made


def _do(verb: str, db: str, work: Work) -> int:
    if not Path(db).exists():
        print(f"poly argo {verb}: there is no file {db}", file=sys.stderr)
        return ExitCode.USAGE
    try:
        return asyncio.run(_with_app(db, work))
    except UsageError as error:
        print(f"poly argo {verb}: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except (PolyrhythmError, OSError) as error:
        print(f"poly argo {verb}: {error}", file=sys.stderr)
        return ExitCode.FAILED


async def _with_app(db: str, work: Work) -> int:
    async with _open(db) as app:
        return await work(app)


@asynccontextmanager
async def _open(db: str) -> AsyncIterator[App]:
    async with App(NAME, db, works=False) as app:
        yield app


async def _find(app: App, name: str) -> RunSummary:
    """The newest run of a name. Raises NotFound."""
    return (await app.aio.run(name).describe()).summary


async def _delete(app: App, summary: RunSummary) -> None:
    """Delete a run and its history; an open one is terminated by that."""
    request = DeleteWorkflowExecutionRequest(namespace=app.session.namespace)
    request.workflow_execution.workflow_id = summary.workflow_id
    request.workflow_execution.run_id = summary.run_id
    answer = DeleteWorkflowExecutionResponse
    await app.session.call("DeleteWorkflowExecution", request, answer)


async def _fetch(app: App, summary: RunSummary) -> Tree:
    """The object of a workflow; of an open one as its engine shows it, or as it was submitted."""
    run = app.aio.run(summary.workflow_id, summary.run_id)
    if summary.status is RunStatus.COMPLETED:
        made: Tree = await run.result()
        return made
    if summary.status is RunStatus.RUNNING:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await run.query(STATUS)
        except (TimeoutError, PolyrhythmError):
            status = {"phase": "Running", "message": "no engine is at work on it"}
    else:
        status = {"phase": "Error", "message": f"the run is {summary.status.name.lower()}"}
    return {**(await _submission(run, app)).workflow, "status": status}


def _phase(tree: Tree) -> str:
    return str((tree.get("status") or {}).get("phase") or "")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.log"), key=lambda file: file.stat().st_ctime_ns)
