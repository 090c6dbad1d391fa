"""A worker: the tasks and workflows of one application at one queue of a service.

Gets its work by polls, or stands inside the service where the link's traits say so; which of the
two may change while it runs, what it has in hand stays. It ends in order: nothing new, what is in
hand may finish for `stop_s`, then it is asked to stop, then it is left to its timeouts.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, ShutdownWorkerRequest

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk.definitions import TaskDefinition, TaskKind, WorkflowDefinition
from polyrhythm.sdk.link import WORKFLOW_SERVICE, Hosting, Link
from polyrhythm.sdk.loop import LoopSettings
from polyrhythm.sdk.needs import check_task
from polyrhythm.sdk.values import encode_message
from polyrhythm.sdk.worker.alarms import Alarms
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempts import Attempts
from polyrhythm.sdk.worker.pollers import Pollers
from polyrhythm.sdk.worker.processes import check_importable
from polyrhythm.sdk.worker.resident import ResidentWorker
from polyrhythm.sdk.worker.runner import Place, WorkflowRunner
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.workflow_tasks import WorkflowTasks

CALL_S = 5.0
FAILED = "RespondWorkflowTaskFailed"


@dataclass(slots=True)
class WorkerPlan:
    """What a worker runs and where."""

    namespace: str
    queue: str
    tasks: Mapping[str, TaskDefinition] = field(default_factory=dict)
    workflows: Mapping[str, WorkflowDefinition] = field(default_factory=dict)
    settings: WorkerSettings = field(default_factory=WorkerSettings)
    loop_settings: LoopSettings = field(default_factory=LoopSettings)


class Worker:
    """One worker; used on one running loop."""

    def __init__(self, link: Link, plan: WorkerPlan) -> None:
        settings = plan.settings
        self._link = link
        self._plan = plan
        sticky = f"{settings.identity}-{uuid.uuid4()}" if settings.cached_runs_max else ""
        self._place = Place(plan.namespace, plan.queue, sticky)
        loop_settings = plan.loop_settings
        loop_settings.namespace, loop_settings.queue = plan.namespace, plan.queue
        loop_settings.converter = settings.converter
        self._answers = Answers(link, settings.answer_s)
        self.tasks = WorkflowTasks(plan.workflows, loop_settings, settings)
        alarms = Alarms(
            self._answers, (plan.namespace, plan.queue), (plan.tasks, plan.workflows), settings
        )
        self.attempts = Attempts(plan.tasks, self._answers, settings, plan.namespace)
        self.attempts.alarms = alarms
        self.runner = WorkflowRunner(
            self._place, self.tasks, self.attempts, self._answers, settings
        )
        self.runner.alarms = alarms
        self._resident = ResidentWorker(
            plan.queue, self.tasks, self.attempts, self.runner, settings
        )
        for definition in plan.tasks.values():
            if definition.kind is TaskKind.PROCESS:
                check_importable(definition)

    @property
    def busy(self) -> bool:
        """Whether an attempt or a workflow task is in hand."""
        return self.attempts.progress.at_work > 0 or self.runner.busy

    def check(self, link: Link) -> None:
        """Refuse what the service cannot do. Raises MisuseError."""
        for definition in self._plan.tasks.values():
            check_task(definition, link.traits)

    def move_in(self, service: Hosting) -> None:
        """Stand inside a service of this process from now on."""
        self.attempts.on_room = service.nudge
        service.host(self._plan.namespace, self._plan.queue, self._resident)

    def move_out(self, service: Hosting) -> None:
        """Take nothing more from inside the service."""
        self.attempts.on_room = _nobody
        service.dismiss(self._plan.namespace, self._plan.queue)

    async def poll(self) -> None:
        """Take tasks by polls until cancelled.

        Raises an error of `base.errors` that asking again would not mend.
        """
        plan, settings = self._plan, self._plan.settings
        pollers = Pollers(self._link, self._place, settings)
        polls = []
        if plan.workflows:
            kinds = [False] * settings.workflow_polls
            kinds += [True] * settings.workflow_polls if self._place.sticky else []
            polls += [pollers.poll_workflows(self.runner, sticky) for sticky in kinds]
        if plan.tasks:
            polls += [pollers.poll_tasks(self.attempts) for _ in range(settings.task_polls)]
        running = [asyncio.ensure_future(one) for one in polls]
        if not running:
            raise ValueError("there is nothing to work on: declare a task or a workflow")
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in running:
                one.cancel()
            await asyncio.wait(running)

    async def find_namespace(self) -> None:
        """Ask for the namespace. Raises NamespaceNotFound, or why it cannot be asked for."""
        request = DescribeNamespaceRequest(namespace=self._plan.namespace)
        await self._link.call(WORKFLOW_SERVICE + "DescribeNamespace", request, CALL_S)

    async def stop(self) -> None:
        """End in order; takes at most `stop_s` and a little more."""
        if self._place.sticky and self._plan.workflows:
            await self._leave_sticky_queue()
        settings = self._plan.settings
        await asyncio.gather(self.attempts.stop(), self.runner.stop(settings.cleanup_s))
        await self._say_failures()
        self.tasks.close()

    async def _say_failures(self) -> None:
        """Give back the workflow tasks whose failure was not told, for code that may be right."""
        unsaid = list(self.tasks.unsaid.values())
        self.tasks.unsaid.clear()
        codec = self._plan.settings.codec
        if codec is not None:
            for request in unsaid:
                await encode_message(codec, request)
        calls = [self._answers.send(FAILED, request) for request in unsaid]
        try:
            async with asyncio.timeout(self._plan.settings.cleanup_s):
                await asyncio.gather(*calls, return_exceptions=True)
        except TimeoutError:
            LOG.debug("failures of workflow tasks were not told in time: they time out")

    async def _leave_sticky_queue(self) -> None:
        """Have tasks of the runs kept here go to other workers at once, not after a timeout."""
        request = ShutdownWorkerRequest(
            namespace=self._plan.namespace,
            sticky_task_queue=self._place.sticky,
            identity=self._plan.settings.identity,
            reason="the worker is stopping",
        )
        try:
            await self._link.call(WORKFLOW_SERVICE + "ShutdownWorker", request, CALL_S)
        except PolyrhythmError as error:
            LOG.debug("the sticky queue was not given up: %s", error)


def _nobody() -> None:
    return None
