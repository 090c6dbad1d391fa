"""Checks of task queues that requests name, and of what workers say of their versions.

A queue's kind is filled in when it is missing. Names under `/_sys/` belong to the server's own
partitions and are refused wherever a whole queue is meant; `temporal-sys-per-ns-tq` is a queue of
the server's own workers, which a user's workflow must not be started on.
"""

from __future__ import annotations

from google.protobuf.message import Message
from temporalio.api.deployment.v1 import WorkerDeploymentOptions
from temporalio.api.enums.v1 import TaskQueueKind, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue

from polyrhythm.base.errors import InvalidArgument, PermissionDenied
from polyrhythm.base.limits import BUILD_ID_BYTES_MAX, Limits
from polyrhythm.service.texts import check_length

RESERVED_PREFIX = "/_sys/"
INTERNAL_QUEUE = "temporal-sys-per-ns-tq"
# Bound once: reading a value from its enum takes 1 us.
_UNSPECIFIED = TaskQueueKind.TASK_QUEUE_KIND_UNSPECIFIED
_NORMAL = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
_STICKY = TaskQueueKind.TASK_QUEUE_KIND_STICKY
# What a version's own workflow id needs beside the deployment's name and the build id.
_VERSION_ID_OVERHEAD_BYTES = len("temporal-sys-worker-deployment-version:")


def check_queue(request: Message, limits: Limits, *, whole: bool = True) -> None:
    """Refuse a missing or malformed `task_queue`; fill its kind. `whole` false: a partition."""
    if not request.HasField("task_queue"):
        raise InvalidArgument("taskQueue is not set")
    queue: TaskQueue = getattr(request, "task_queue")  # noqa: B009 (Message has no such field)
    if queue.kind == _UNSPECIFIED:
        queue.kind = _NORMAL
    if not queue.name:
        raise InvalidArgument("missing task queue name")
    _check_name(queue.name, limits, whole)
    if queue.kind == _STICKY and queue.normal_name:
        _check_name(queue.normal_name, limits, whole=False)


def check_user_queue(request: Message, limits: Limits) -> None:
    """The same for a queue that a workflow is started on: not one of the server's own."""
    check_queue(request, limits)
    name: str = getattr(request, "task_queue").name  # noqa: B009
    if name == INTERNAL_QUEUE:
        raise InvalidArgument(f"cannot use internal per-namespace task queue:{name}")


def _check_name(name: str, limits: Limits, whole: bool) -> None:
    check_length(name, limits.id_bytes_max, "taskQueue length exceeds limit")
    if whole and name.startswith(RESERVED_PREFIX):
        raise InvalidArgument(
            f"task queue name cannot start with reserved prefix {RESERVED_PREFIX}"
        )


def check_versioning(
    use_versioning: bool,
    build_id: str,
    options: WorkerDeploymentOptions | None,
    queue: TaskQueue,
    limits: Limits,
) -> None:
    """Refuse what a worker says of its version when it does not fit together.

    Versioning by build id alone is off, as it is on a server's default settings.
    """
    if use_versioning:
        raise PermissionDenied(
            "Worker versioning in workflow progress APIs is disabled on this namespace."
        )
    sticky = queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY
    if sticky and not queue.normal_name and options is not None:
        raise InvalidArgument(
            "NormalName must be set on sticky queue when UseVersioning is true or "
            "DeploymentOptions are set."
        )
    check_length(
        build_id,
        BUILD_ID_BYTES_MAX,
        "Build ID exceeds configured limit.workerBuildIdSize, use a shorter build ID.",
    )
    if options is not None:
        _check_deployment(options, limits)


def _check_deployment(options: WorkerDeploymentOptions, limits: Limits) -> None:
    versioned = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    if options.worker_versioning_mode != versioned:
        return
    if not options.deployment_name or not options.build_id:
        raise InvalidArgument(
            "Both deployment name and build id must be set when versioning is enabled."
        )
    check_version_part("WorkerDeploymentName", options.deployment_name, limits)
    check_version_part("BuildID", options.build_id, limits)


def check_version_part(field: str, text: str, limits: Limits) -> None:
    """Refuse what is no name of a deployment (field WorkerDeploymentName) or no build id."""
    if not text:
        raise InvalidArgument(f"{field} cannot be empty")
    bytes_max = (limits.id_bytes_max - _VERSION_ID_OVERHEAD_BYTES) // 2
    check_length(text, bytes_max, f"size of {field} larger than the maximum allowed")
    if field == "WorkerDeploymentName":
        for delimiter in ".:":
            if delimiter in text:
                raise InvalidArgument(f"worker deployment name cannot contain '{delimiter}'")
    if text.startswith("__"):
        raise InvalidArgument(f"{field} cannot start with '__'")
