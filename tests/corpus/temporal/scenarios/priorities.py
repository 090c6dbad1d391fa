"""Priorities and fairness keys: what is refused, inherited, told."""
import asyncio

from golden_lib import activity, complete, tq, ws
from temporalio.api.common.v1 import Priority

RICH = Priority(priority_key=2, fairness_key="tenant", fairness_weight=2.5)


async def refused(ctx):
    """Priorities that no start takes, and odd ones that it does."""
    for label, priority in (
        ("negative", Priority(priority_key=-1)), ("sixth", Priority(priority_key=6)), ("long key", Priority(fairness_key="k" * 65)),
        ("longest key", Priority(fairness_key="k" * 64)), ("negative weight", Priority(fairness_weight=-1)),
        ("tiny weight", Priority(fairness_key="a", fairness_weight=1e-6)), ("huge weight", Priority(fairness_key="a", fairness_weight=1e6)),
        ("weight alone", Priority(fairness_weight=3)), ("empty", Priority()),
    ):
        request = ctx.start_request(label.replace(" ", "-"), priority=priority)
        answer = await ctx.call(label, ctx.svc.StartWorkflowExecution(request, timeout=10), keep=False)
        if answer:
            told = await ctx.svc.DescribeWorkflowExecution(ws.DescribeWorkflowExecutionRequest(
                namespace=ctx.namespace, execution=ctx.exec(label.replace(" ", "-"))), timeout=10)
            ctx.record(f"{label} told", told.workflow_execution_info.priority)


async def inherited(ctx):
    """What activities take over of their workflow's priority, field by field."""
    w = ctx.raw()
    await ctx.start(priority=RICH)
    await w.step(activity("none", ctx.queue), activity("key", ctx.queue, priority=Priority(priority_key=4)),
                 activity("fair", ctx.queue, priority=Priority(fairness_key="other")),
                 activity("weight", ctx.queue, priority=Priority(fairness_weight=9)))
    found = {}
    for _ in range(4):
        task = await w.act()
        found[task.activity_id] = task.priority
    for name in sorted(found):
        ctx.record(name, found[name])
    await ctx.history("wf")
    await ctx.terminate("wf")


async def backlog_by_priority(ctx):
    """A queue's backlog, told by priority."""
    for number, key in enumerate((1, 1, 3, 5, 0)):
        await ctx.start(f"w{number}", priority=Priority(priority_key=key))
    await asyncio.sleep(1)
    told = await ctx.svc.DescribeTaskQueue(ws.DescribeTaskQueueRequest(
        namespace=ctx.namespace, task_queue=tq(ctx.queue), task_queue_type="TASK_QUEUE_TYPE_WORKFLOW", report_stats=True), timeout=10)
    ctx.record("total", told.stats.approximate_backlog_count)
    ctx.record("by priority", {str(key): told.stats_by_priority_key[key].approximate_backlog_count
                               for key in sorted(told.stats_by_priority_key)})
    ctx.record("added", told.stats.tasks_add_rate > 0)
    ctx.record("handed out", told.stats.tasks_dispatch_rate)
    for number in range(5):
        await ctx.terminate(f"w{number}")


async def enhanced_rates(ctx):
    """The description by build id has rates too."""
    w = ctx.raw()
    await ctx.start()
    await w.step(complete("x"))
    told = await ctx.svc.DescribeTaskQueue(ws.DescribeTaskQueueRequest(
        namespace=ctx.namespace, task_queue=tq(ctx.queue), api_mode="DESCRIBE_TASK_QUEUE_MODE_ENHANCED", report_stats=True,
        task_queue_types=[1]), timeout=10)
    stats = told.versions_info[""].types_info[1].stats
    ctx.record("rates", [stats.tasks_add_rate > 0, stats.tasks_dispatch_rate > 0, stats.approximate_backlog_count])
