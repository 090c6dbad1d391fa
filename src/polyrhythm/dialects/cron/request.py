"""A job for the service: what it starts, and when.

A task is started as a canvas of one step, so that its result, retries and callbacks are part of a
history; a signature as the canvas it is; a workflow as itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from temporalio.api.schedule.v1 import Schedule
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from polyrhythm.api.service import PutJobRequest
from polyrhythm.dialects.canvas import Signature
from polyrhythm.dialects.canvas.plan import Planner
from polyrhythm.dialects.canvas.walker import CANVAS
from polyrhythm.dialects.canvas.wire import pack
from polyrhythm.dialects.cron.settings import JobPlan
from polyrhythm.sdk.client.requests import start_request
from polyrhythm.sdk.client.session import Session, new_id
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.settings import StartOptions
from polyrhythm.sdk.values import encode_message

# What a start and the action of a schedule both say.
_FIELDS = tuple(
    name
    for name in NewWorkflowExecutionInfo.DESCRIPTOR.fields_by_name
    if name in StartWorkflowExecutionRequest.DESCRIPTOR.fields_by_name
    and name not in ("workflow_id_reuse_policy", "cron_schedule")
)
Runnable = Task[Any, Any, Any] | Workflow[Any, Any] | Signature


def check_runnable(what: Any, plan: JobPlan) -> None:
    """Refuse what no job can run. Raises MisuseError."""
    if not isinstance(what, Task | Workflow | Signature):
        raise MisuseError(f"a job runs a task, a workflow or a signature, not {what!r}")
    if plan.callbacks and isinstance(what, Workflow):
        raise MisuseError(
            f"job {plan.job_id!r}: on_success and on_error are of jobs of tasks; a workflow does"
            " such things itself"
        )
    if plan.args and isinstance(what, Signature):
        raise MisuseError(f"job {plan.job_id!r}: a signature has its arguments already")
    if not isinstance(what, Signature):
        try:
            bind(what.definition.signature, what.definition.name, plan.args, {})
        except TypeError as error:
            raise MisuseError(f"job {plan.job_id!r}: {error}") from error


async def put_request(
    session: Session, what: Runnable, plan: JobPlan, only_new: bool = False
) -> PutJobRequest:
    """Return the request to put a job. Raises MisuseError, PayloadError."""
    schedule = _schedule(session, what, plan)
    if session.codec is not None:
        # NOTE: within the request it is bytes, which a codec does not look into.
        await encode_message(session.codec, schedule)
    return _request(session, plan, schedule, only_new)


def plain_request(
    session: Session, what: Runnable, plan: JobPlan, only_new: bool = False
) -> PutJobRequest:
    """The same where no codec is, without a wait."""
    assert session.codec is None
    return _request(session, plan, _schedule(session, what, plan), only_new)


def _schedule(session: Session, what: Runnable, plan: JobPlan) -> Schedule:
    check_runnable(what, plan)
    schedule = Schedule()
    action = schedule.action.start_workflow
    start = _start(session, what, plan)
    for name in _FIELDS:
        value = getattr(start, name)
        if not start.DESCRIPTOR.fields_by_name[name].message_type:
            setattr(action, name, value)
        elif start.HasField(name):  # type: ignore[arg-type]
            getattr(action, name).CopyFrom(value)
    schedule.policies.overlap_policy = plan.overlap  # type: ignore[assignment]
    schedule.policies.pause_on_failure = plan.pause_on_failure
    schedule.state.paused = plan.paused
    return schedule


def _request(session: Session, plan: JobPlan, schedule: Schedule, only_new: bool) -> PutJobRequest:
    return PutJobRequest(
        namespace=session.namespace,
        job_id=plan.job_id,
        job=plan.job,
        schedule=schedule.SerializeToString(deterministic=True),
        only_new=only_new,
        request_id=new_id(),
        identity=session.identity,
    )


def _start(session: Session, what: Runnable, plan: JobPlan) -> StartWorkflowExecutionRequest:
    if isinstance(what, Workflow):
        definition = what.definition
        values = bind(definition.signature, definition.name, plan.args, {})
        options = replace(what.settings, id=plan.job_id)
        if plan.job.summary:
            options = replace(options, summary=plan.job.summary)
        request = start_request(session, definition, options, values)
    else:
        signature: Signature = what if isinstance(what, Signature) else what.s(*plan.args)
        signature = signature.on_success(*plan.callbacks.get("on_success", ()))
        signature = signature.on_error(*plan.callbacks.get("on_error", ()))
        canvas = pack(Planner(session.converter).plan(signature, ()))
        options = StartOptions(id=plan.job_id, summary=plan.job.summary or repr(signature)[:200])
        request = start_request(session, CANVAS, options, [canvas])
    session.fill_header(request.header)
    return request
