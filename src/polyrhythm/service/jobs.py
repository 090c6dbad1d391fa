"""Jobs: put, patch and list; what needs no job to be checked is checked here.

A job is a schedule with times of a dialect (`core/schedule/jobs.py`): whatever speaks to schedules
finds it there too.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError
from temporalio.api.schedule.v1 import Schedule

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import JOB_AFTER_MAX, JOB_TAGS_MAX, SCHEDULE_NOTES_BYTES_MAX
from polyrhythm.core.schedule.jobs import rhythm_of
from polyrhythm.engine.reply import Reply
from polyrhythm.service import start_fields as fields
from polyrhythm.service.schedules import check_action
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_blob, check_length


def handle_put(
    service: Service, scope: NamespaceScope, request: api.PutJobRequest, deadline_ns: int
) -> Reply:
    """Add a job or replace it. Reply: PutJobResponse."""
    limits, job = service.limits, request.job
    fields.check_workflow_id(request.job_id, limits)
    if not request.request_id:
        raise InvalidArgument("RequestId is not set on request.")
    fields.check_request_id(request.request_id, limits)
    _check_list("tags", job.tags, JOB_TAGS_MAX)
    _check_list("jobs to act after", job.after, JOB_AFTER_MAX)
    for name in ("jitter_ns", "missed_max", "grace_ns", "runs_max", "start_ns", "end_ns"):
        if getattr(job, name) < 0:
            raise InvalidArgument(f"{name} of a job is negative")
    if job.end_ns and job.end_ns <= job.start_ns:
        raise InvalidArgument("the window of a job ends before it begins")
    rhythm_of(job)
    try:
        schedule = Schedule.FromString(request.schedule)
    except DecodeError as error:
        raise InvalidArgument("schedule holds no Schedule of Temporal's API") from error
    if not schedule.action.HasField("start_workflow"):
        raise InvalidArgument("a job starts a workflow: its action does not say which")
    schedule.ClearField("spec")
    check_action(service, scope, schedule)
    request.schedule = schedule.SerializeToString(deterministic=True)
    check_blob(request, limits)
    return service.submit(scope, request, deadline_ns)


def handle_patch(
    service: Service, scope: NamespaceScope, request: api.PatchJobsRequest, deadline_ns: int
) -> Reply:
    """Pause, resume, run or remove jobs. Reply: PatchJobsResponse."""
    if request.verb not in api.PatchJobsRequest.Verb.values()[1:]:
        raise InvalidArgument("say what to do with the jobs: pause, resume, run or remove")
    if not (request.job_ids or request.tags or request.owner):
        raise InvalidArgument("say which jobs are meant: by id, by tag or by owner")
    check_length(request.reason, SCHEDULE_NOTES_BYTES_MAX, "Schedule notes exceeds limit.")
    return service.submit(scope, request, deadline_ns)


def handle_list(
    service: Service, scope: NamespaceScope, request: api.ListJobsRequest, deadline_ns: int
) -> Reply:
    """List jobs. Reply: ListJobsResponse."""
    return service.submit(scope, request, deadline_ns)


def _check_list(name: str, texts: object, most: int) -> None:
    found = list(texts)  # type: ignore[call-overload]
    if len(found) > most:
        raise InvalidArgument(f"a job has {most} {name} at most")
    if len(set(found)) < len(found) or not all(found):
        raise InvalidArgument(f"the {name} of a job are texts, each of them once")
