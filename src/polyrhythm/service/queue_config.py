"""Settings of task queues: what UpdateTaskQueueConfig and UpdateKeyLimits may set.

Rates are of activities alone: a workflow task that waits holds up its own signals and timers.
Checks, their order and their texts are the Temporal server's; those of our own call follow them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.workflowservice.v1 import (
    ListTaskQueuePartitionsRequest,
    ListTaskQueuePartitionsResponse,
    UpdateTaskQueueConfigRequest,
)

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import FAIRNESS_KEY_BYTES_MAX, FAIRNESS_OVERRIDES_MAX
from polyrhythm.engine.reply import Reply
from polyrhythm.service.queue_names import RESERVED_PREFIX, check_queue
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.texts import check_length

REASON_BYTES_MAX = 1000
RATE_MAX = 1e9
_WORKFLOW = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


def handle_update_queue_config(
    service: Service,
    scope: NamespaceScope,
    request: UpdateTaskQueueConfigRequest,
    deadline_ns: int,
) -> Reply:
    """Change a queue's limits and weights. Reply: UpdateTaskQueueConfigResponse."""
    for name, what, update in (
        ("UpdateQueueRateLimit", "rate limit", request.update_queue_rate_limit),
        (
            "UpdateFairnessKeyRateLimitDefault",
            "fairness key rate limit",
            request.update_fairness_key_rate_limit_default,
        ),
    ):
        if not update.HasField("rate_limit"):
            continue
        if request.task_queue_type == _WORKFLOW:
            raise InvalidArgument(f"Setting {what} on workflow task queues is not allowed.")
        # Negated, so that a NaN is refused too.
        if not update.rate_limit.requests_per_second >= 0:
            raise InvalidArgument(f"RequestsPerSecond for {name} rate limit must be non-negative.")
        _check_text(f"{name}.Reason", update.reason, REASON_BYTES_MAX)
    _check_text("Identity", request.identity, service.limits.id_bytes_max)
    given = request.set_fairness_weight_overrides
    unset = request.unset_fairness_weight_overrides
    total = len(given) + len(unset)
    if total > FAIRNESS_OVERRIDES_MAX:
        raise InvalidArgument(
            f"too many fairness weight overrides in request: got {total}, maximum "
            f"{FAIRNESS_OVERRIDES_MAX}"
        )
    _check_keys(given)
    for key, weight in given.items():
        if not weight > 0:
            raise InvalidArgument(
                f'invalid fairness weight weight for key "{key}": must be greater than zero'
            )
    _check_keys(unset)
    for key in unset:
        if key in given:
            raise InvalidArgument(
                f'fairness weight override key "{key}" present in both set and unset lists'
            )
    _check_family(request.task_queue)
    return service.submit(scope, request, deadline_ns)


def handle_update_key_limits(
    service: Service, scope: NamespaceScope, request: api.UpdateKeyLimitsRequest, deadline_ns: int
) -> Reply:
    """Set rates of single fairness keys. Reply: UpdateKeyLimitsResponse."""
    if not request.task_queue:
        raise InvalidArgument("missing task queue name")
    check_length(request.task_queue, service.limits.id_bytes_max, "taskQueue length exceeds limit")
    _check_family(request.task_queue)
    if request.task_queue_type != _ACTIVITY:
        raise InvalidArgument("rates of keys are of activity task queues alone")
    _check_keys(request.set)
    _check_keys(request.unset)
    for key, rate in request.set.items():
        if not (math.isfinite(rate) and 0 <= rate <= RATE_MAX):
            raise InvalidArgument(f'the rate of key "{key}" must be 0 to {RATE_MAX:.0f} a second')
    return service.submit(scope, request, deadline_ns)


def handle_list_partitions(
    service: Service,
    scope: NamespaceScope,
    request: ListTaskQueuePartitionsRequest,
    deadline_ns: int,
) -> Reply:
    """Name a queue's partitions: a queue is one here. Reply: ListTaskQueuePartitionsResponse."""
    check_queue(request, service.limits)
    answer = ListTaskQueuePartitionsResponse()
    answer.activity_task_queue_partitions.add().key = request.task_queue.name
    answer.workflow_task_queue_partitions.add().key = request.task_queue.name
    return Reply.of(answer)


def _check_text(name: str, text: str, bytes_max: int) -> None:
    if len(text.encode()) > bytes_max:
        raise InvalidArgument(f"{name} field too long (max {bytes_max} characters).")


def _check_keys(keys: Iterable[str]) -> None:
    for key in keys:
        if not key:
            raise InvalidArgument("fairness weight override key must not be empty")
        check_length(key, FAIRNESS_KEY_BYTES_MAX, "fairness key length exceeds limit")


def _check_family(name: str) -> None:
    if name.startswith(RESERVED_PREFIX):
        raise InvalidArgument(f"task queue family name cannot have prefix /_sys/ {name}")
