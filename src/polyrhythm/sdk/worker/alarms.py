"""Starts the durable run of an alert before the failure that it tells of is answered.

So no failure that has an alert becomes known without it: a process that dies in between makes the
attempt, or the workflow task, again. The id of the run is made of the failure, and is refused for a
second one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import Failure as FailureMessage
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.base.errors import AlreadyStarted, PolyrhythmError
from polyrhythm.sdk.alerts.alert import Alert, AlertFacts
from polyrhythm.sdk.alerts.courier import ALERT_WORKFLOW
from polyrhythm.sdk.definitions import IdReuse, TaskDefinition, WorkflowDefinition
from polyrhythm.sdk.values import encode_message
from polyrhythm.sdk.worker.answers import LOG, Answers
from polyrhythm.sdk.worker.attempt import TaskInfo
from polyrhythm.sdk.worker.settings import WorkerSettings

FAIL = CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION
MESSAGE_CHARACTERS_MAX = 2000
KEY_CHARACTERS = 32


def is_final(failure: FailureMessage, policy: RetryPolicy, attempt: int) -> bool:
    """Whether no further attempt follows a failure, as far as a worker can know."""
    info = failure.application_failure_info
    if info.non_retryable or info.type in policy.non_retryable_error_types:
        return True
    return 0 < policy.maximum_attempts <= attempt


def run_failure(answer: object) -> FailureMessage | None:
    """Return the failure that the answer to a workflow task ends its run with."""
    if isinstance(answer, RespondWorkflowTaskCompletedRequest) and answer.commands:
        last = answer.commands[-1]
        if last.command_type == FAIL:
            return last.fail_workflow_execution_command_attributes.failure
    return None


class Alarms:
    """The alerts of one worker."""

    def __init__(
        self,
        answers: Answers,
        place: tuple[str, str],
        definitions: tuple[Mapping[str, TaskDefinition], Mapping[str, WorkflowDefinition]],
        settings: WorkerSettings,
    ) -> None:
        self._answers = answers
        self._namespace, self._queue = place
        self._tasks, self._workflows = definitions
        self._settings = settings

    def watches(self, workflow: str) -> bool:
        """Whether runs of a workflow have an alert."""
        definition = self._workflows.get(workflow)
        return definition is not None and definition.options.alert is not None

    async def task_failed(
        self, info: TaskInfo, failure: FailureMessage, policy: RetryPolicy
    ) -> None:
        """Raise the alert of a task whose attempt has failed, if that was the last one."""
        definition = self._tasks.get(info.task)
        alert = definition.options.alert if definition is not None else None
        if alert is None or not is_final(failure, policy, info.attempt):
            return
        facts = self._facts("task", info.task, failure, alert, (info.run_id, info.task_id))
        facts.workflow, facts.workflow_id, facts.run_id = (
            info.workflow,
            info.workflow_id,
            info.run_id,
        )
        facts.task_id, facts.attempt = info.task_id, info.attempt
        await self._start(facts)

    async def run_failed(
        self, task: PollWorkflowTaskQueueResponse, answer: object, policy: RetryPolicy, attempt: int
    ) -> None:
        """Raise the alert of a run that fails with this answer, if it is not to be retried."""
        name, execution = task.workflow_type.name, task.workflow_execution
        failure = run_failure(answer)
        if failure is None or not self.watches(name):
            return
        retried = policy.ByteSize() > 0 and not is_final(failure, policy, attempt)
        alert = self._workflows[name].options.alert
        if retried or alert is None:
            return
        facts = self._facts("workflow", name, failure, alert, (execution.run_id, ""))
        facts.workflow, facts.workflow_id = name, execution.workflow_id
        facts.run_id, facts.attempt = execution.run_id, attempt
        await self._start(facts)

    def _facts(
        self,
        kind: str,
        name: str,
        failure: FailureMessage,
        alert: Alert,
        where: tuple[str, str],
    ) -> AlertFacts:
        error, message = _words(failure)
        sort = (self._namespace, self._queue, kind, name, error)
        return AlertFacts(
            key=_digest(*sort, *where),
            fingerprint=_digest(*sort),
            app=self._queue,
            kind=kind,
            name=name,
            error=error,
            message=message[:MESSAGE_CHARACTERS_MAX],
            namespace=self._namespace,
            workflow="",
            workflow_id="",
            run_id="",
            task_id="",
            attempt=1,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            channels=alert.channels,
        )

    async def _start(self, facts: AlertFacts) -> None:
        request = StartWorkflowExecutionRequest(namespace=self._namespace)
        request.workflow_id = f"alert-{facts.key}"
        request.request_id = facts.key
        request.workflow_type.name = ALERT_WORKFLOW
        request.task_queue.name = self._queue
        request.identity = self._settings.identity
        request.workflow_id_reuse_policy = IdReuse.REJECT.value  # type: ignore[assignment]
        request.input.CopyFrom(self._settings.converter.encode_values([facts]))
        summary = self._settings.converter.encode(facts.text[:200])
        request.user_metadata.summary.CopyFrom(summary)
        try:
            if self._settings.codec is not None:
                await encode_message(self._settings.codec, request)
            await self._answers.send("StartWorkflowExecution", request)
        except AlreadyStarted:
            LOG.debug("the alert %s was raised before", facts.key)
        except PolyrhythmError as error:
            LOG.error("an alert could not be raised: %s: %s", facts.text, error)


def _words(failure: FailureMessage) -> tuple[str, str]:
    """The type and message of what went wrong at the bottom of a failure."""
    while failure.HasField("cause") and not failure.HasField("application_failure_info"):
        failure = failure.cause
    kind = failure.WhichOneof("failure_info") or "failure"
    error = failure.application_failure_info.type or kind.removesuffix("_info")
    return error, failure.message


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode()
    return hashlib.sha256(text).hexdigest()[:KEY_CHARACTERS]
