"""Settings of task queues: rates, fairness weights, and what is refused."""
from golden_lib import tq, ws
from temporalio.api.enums.v1.task_queue_pb2 import RATE_LIMIT_SOURCE_SYSTEM
from temporalio.api.taskqueue.v1 import RateLimit

ACTIVITY, WORKFLOW = "TASK_QUEUE_TYPE_ACTIVITY", "TASK_QUEUE_TYPE_WORKFLOW"
Update = ws.UpdateTaskQueueConfigRequest.RateLimitUpdate


def _set(ctx, kind=ACTIVITY, **kw):
    return ctx.svc.UpdateTaskQueueConfig(ws.UpdateTaskQueueConfigRequest(
        namespace=ctx.namespace, identity="raw-client", task_queue=ctx.queue, task_queue_type=kind, **kw), timeout=10)


async def _told(ctx, label, kind=ACTIVITY):
    told = await ctx.svc.DescribeTaskQueue(ws.DescribeTaskQueueRequest(
        namespace=ctx.namespace, task_queue=tq(ctx.queue), task_queue_type=kind, report_config=True), timeout=10)
    effective = told.effective_rate_limit
    # The system's own rate is a setting of each server.
    set_by_somebody = effective.rate_limit_source != RATE_LIMIT_SOURCE_SYSTEM
    ctx.record(label, {"config": told.config, "effective": effective if set_by_somebody else "the system's"})


def _rate(value, reason="why"):
    return Update(rate_limit=RateLimit(requests_per_second=value), reason=reason)


async def rates(ctx):
    """The queue's rate and that of its keys, set, changed and taken away."""
    await _told(ctx, "at first")
    await ctx.call("queue", _set(ctx, update_queue_rate_limit=_rate(5)))
    await _told(ctx, "queue told")
    await ctx.call("keys", _set(ctx, update_fairness_key_rate_limit_default=_rate(2.5, "fair")))
    await _told(ctx, "keys told")
    await ctx.call("both", _set(ctx, update_queue_rate_limit=_rate(0, ""), update_fairness_key_rate_limit_default=_rate(9)))
    await _told(ctx, "both told")
    await ctx.call("unset", _set(ctx, update_queue_rate_limit=Update(reason="free"), update_fairness_key_rate_limit_default=Update()))
    await _told(ctx, "unset told")


async def weights(ctx):
    """Weights of single fairness keys: set, changed, taken away; on workflow queues too."""
    await ctx.call("set", _set(ctx, set_fairness_weight_overrides={"a": 2, "b": 0.5}))
    await _told(ctx, "set told")
    await ctx.call("change", _set(ctx, set_fairness_weight_overrides={"b": 3}, unset_fairness_weight_overrides=["a", "nobody"]))
    await _told(ctx, "change told")
    await ctx.call("workflow", _set(ctx, WORKFLOW, set_fairness_weight_overrides={"c": 4}))
    await _told(ctx, "workflow told", WORKFLOW)
    await ctx.call("huge", _set(ctx, set_fairness_weight_overrides={"d": 1e9, "e": 1e-9}))
    await _told(ctx, "huge told")
    await ctx.call("clear", _set(ctx, unset_fairness_weight_overrides=["b", "d", "e"]))
    await _told(ctx, "clear told")


async def refused(ctx):
    """What a queue's settings may not be."""
    for label, request in (
        ("negative", {"update_queue_rate_limit": _rate(-1)}),
        ("negative keys", {"update_fairness_key_rate_limit_default": _rate(-1)}),
        ("long reason", {"update_queue_rate_limit": _rate(1, "x" * 1001)}),
        ("workflow rate", {"kind": WORKFLOW, "update_queue_rate_limit": _rate(1)}),
        ("workflow keys", {"kind": WORKFLOW, "update_fairness_key_rate_limit_default": _rate(1)}),
        ("weight zero", {"set_fairness_weight_overrides": {"a": 0}}),
        ("weight negative", {"set_fairness_weight_overrides": {"a": -1}}),
        ("empty key", {"set_fairness_weight_overrides": {"": 1}}),
        ("empty unset", {"unset_fairness_weight_overrides": [""]}),
        ("long key", {"set_fairness_weight_overrides": {"k" * 65: 1}}),
        ("both lists", {"set_fairness_weight_overrides": {"a": 1}, "unset_fairness_weight_overrides": ["a"]}),
        ("too many", {"set_fairness_weight_overrides": {f"k{n}": 1 for n in range(1001)}}),
        ("nothing", {}),
        ("no type", {"kind": "TASK_QUEUE_TYPE_UNSPECIFIED", "update_queue_rate_limit": _rate(1)}),
    ):
        await ctx.call(label, _set(ctx, **request))
    await ctx.call("no queue", ctx.svc.UpdateTaskQueueConfig(ws.UpdateTaskQueueConfigRequest(
        namespace=ctx.namespace, task_queue_type=ACTIVITY, update_queue_rate_limit=_rate(1)), timeout=10))
    await _told(ctx, "told")
