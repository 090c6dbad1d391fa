"""The settings of task queues: limits and weights, stored as objects, in force from their turn on.

A queue's settings are one object, the protocol's TaskQueueConfig and our rates of single keys.
They are read when the queue is first used, and again when a commit that may have changed them has
failed. A change is decided in memory and in the store by one turn, and takes effect at once: who
waits for a limit is looked at again under the new one.
"""

from __future__ import annotations

from temporalio.api.taskqueue.v1 import RateLimitConfig, TaskQueueConfig
from temporalio.api.workflowservice.v1 import (
    UpdateTaskQueueConfigRequest,
    UpdateTaskQueueConfigResponse,
)

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import FAIRNESS_OVERRIDES_MAX
from polyrhythm.core.durations import set_span
from polyrhythm.engine.calls import Call, ServeQueue
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.matching import QueueKind, QueueState
from polyrhythm.stores.port import ObjectKind


def update_queue_config(desk: Desk, call: Call) -> None:
    """Change a queue's limits and weights; what a request does not name stays."""
    request: UpdateTaskQueueConfigRequest = call.request
    queue = _queue_of(desk, call, request.task_queue, request.task_queue_type)
    stored = load_settings(desk, queue)
    config = TaskQueueConfig.FromString(stored.config)
    if request.HasField("update_queue_rate_limit"):
        limit = request.update_queue_rate_limit
        _set_limit(desk, config.queue_rate_limit, limit, request.identity)
    if request.HasField("update_fairness_key_rate_limit_default"):
        limit = request.update_fairness_key_rate_limit_default
        _set_limit(desk, config.fairness_keys_rate_limit_default, limit, request.identity)
    weights = config.fairness_weight_overrides
    for key in request.unset_fairness_weight_overrides:
        weights.pop(key, None)
    weights.update(request.set_fairness_weight_overrides)
    if len(weights) > FAIRNESS_OVERRIDES_MAX:
        raise InvalidArgument(
            "Fairness weight overrides update rejected: would exceed limit of total allowed "
            "overrides"
        )
    stored.config = config.SerializeToString(deterministic=True)
    _store(desk, queue, stored)
    desk.turn.answer(call.reply, UpdateTaskQueueConfigResponse(config=config))


def update_key_limits(desk: Desk, call: Call) -> None:
    """Set or unset the rates of single fairness keys; the answer has all that are set."""
    request: api.UpdateKeyLimitsRequest = call.request
    queue = _queue_of(desk, call, request.task_queue, request.task_queue_type)
    stored = load_settings(desk, queue)
    for key in request.unset:
        stored.key_rates.pop(key, None)
    stored.key_rates.update(request.set)
    if len(stored.key_rates) > FAIRNESS_OVERRIDES_MAX:
        raise InvalidArgument(f"a queue has at most {FAIRNESS_OVERRIDES_MAX} rates of keys")
    _store(desk, queue, stored)
    desk.turn.answer(call.reply, api.UpdateKeyLimitsResponse(key_rates=stored.key_rates))


def load_settings(desk: Desk, queue: QueueState) -> api.QueueSettings:
    """Return a queue's settings as of this moment of the turn."""
    body = desk.turn.read_object(queue.namespace_key, ObjectKind.QUEUE, _name(queue))
    return api.QueueSettings.FromString(body) if body else api.QueueSettings()


def settle(desk: Desk, queue: QueueState) -> None:
    """Put a queue's settings in force."""
    queue.settled = True
    stored = load_settings(desk, queue)
    config = TaskQueueConfig.FromString(stored.config)
    throttle = queue.throttle
    throttle.api_rate = _rate(config.queue_rate_limit)
    throttle.key_rate = _rate(config.fairness_keys_rate_limit_default)
    throttle.key_rates = dict(stored.key_rates)
    queue.weights = dict(config.fairness_weight_overrides)
    throttle.changed(desk.now_ns)
    queue.backlog.call_back()


def set_worker_rate(desk: Desk, queue: QueueState, rate: float | None) -> None:
    """Take the rate that a worker's poll names, or None: the newest poll counts."""
    throttle = queue.throttle
    if throttle.worker_rate != rate:
        throttle.worker_rate = rate
        throttle.changed(desk.now_ns)
        _serve_soon(desk, queue)


def _queue_of(desk: Desk, call: Call, name: str, queue_type: int) -> QueueState:
    kind = QueueKind.ACTIVITY if queue_type == QueueKind.ACTIVITY else QueueKind.WORKFLOW
    return desk.memory.matching.queue(call.namespace.key, name, kind)


def _store(desk: Desk, queue: QueueState, stored: api.QueueSettings) -> None:
    body = stored.SerializeToString(deterministic=True)
    desk.turn.write_object(queue.namespace_key, ObjectKind.QUEUE, _name(queue), body)
    settle(desk, queue)
    _serve_soon(desk, queue)


def _serve_soon(desk: Desk, queue: QueueState) -> None:
    serving = ServeQueue(queue.namespace_key, queue.name, queue.kind)
    desk.memory.inbox.appendleft(Call(desk.memory.registry.first(), serving))


def _name(queue: QueueState) -> str:
    return f"{int(queue.kind)}/{queue.name}"


def _rate(limit: RateLimitConfig) -> float | None:
    if not limit.HasField("rate_limit"):
        return None
    return float(limit.rate_limit.requests_per_second)


def _set_limit(
    desk: Desk,
    limit: RateLimitConfig,
    update: UpdateTaskQueueConfigRequest.RateLimitUpdate,
    identity: str,
) -> None:
    limit.Clear()
    if update.HasField("rate_limit"):
        limit.rate_limit.CopyFrom(update.rate_limit)
    limit.metadata.reason = update.reason
    limit.metadata.update_identity = identity
    set_span(limit.metadata.update_time, desk.now_ns)
