"""Argo workflows as a part of an App: one workflow and one task, on whatever executor is given.

app = App("argo")
argo = install(app, PodRunner(SandboxExecutor(), Places("argo.files")))
run = argo.options(id="hello").start(Submission(workflow=tree))
"""

from __future__ import annotations

from typing import Any, Protocol

from polyrhythm.dialects.argo.pods.containers import Job
from polyrhythm.dialects.argo.pods.runner import Ready
from polyrhythm.dialects.argo.walk.walk import Hands
from polyrhythm.dialects.argo.walk.workflow import CONTROL, Submission, walk_workflow
from polyrhythm.sdk.client.client import Client
from polyrhythm.sdk.declare.verbs import TaskVerb, WorkflowVerb
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.task import TASK as TASK_VERBS

WORKFLOW, TASK, CHORE = "argo.workflow", "argo.pod", "argo.chore"
# A pod runs for as long as it runs: its own deadlines end it, not the task's.
POD_TIMEOUT = "3650d"
CHORE_TIMEOUT = "60s"


class Declares(Protocol):
    """What an App has for declarations."""

    @property
    def task(self) -> TaskVerb:
        """The decorator of tasks."""
        ...

    @property
    def aio(self) -> Client:
        """Calls from a task to its run."""
        ...

    @property
    def workflow(self) -> WorkflowVerb:
        """The decorator of workflows."""
        ...


class RunsPods(Protocol):
    """What a node's task calls: a PodRunner, or a stub of it in a test."""

    async def run(self, job: Job, ready: Ready) -> dict[str, Any]:
        """Run a pod to its end and return how it ended: phase, message, outputs."""
        ...

    async def forget(self, uid: str) -> None:
        """Delete the claims' volumes of a workflow."""
        ...


def install(app: Declares, runner: RunsPods) -> Workflow[[Submission], dict[str, Any]]:
    """Declare the workflow and the task of Argo workflows in an App; return the workflow."""

    @app.task(name=TASK, timeout=POD_TIMEOUT)
    async def run_pod(job: dict[str, Any]) -> dict[str, Any]:
        own = app.aio.run(TASK_VERBS.info().workflow_id)

        async def ready(address: str) -> None:
            await own.send(CONTROL, {"verb": "ready", "node": job["node"], "address": address})

        return await runner.run(Job(**job), ready)

    @app.task(name=CHORE, timeout=CHORE_TIMEOUT)
    async def do_chore(asked: dict[str, Any]) -> dict[str, Any]:
        await runner.forget(str(asked["uid"]))
        return {}

    @app.workflow(name=WORKFLOW)
    async def walk(submission: Submission) -> dict[str, Any]:
        return await walk_workflow(submission, Hands(run_pod, do_chore))

    return walk
