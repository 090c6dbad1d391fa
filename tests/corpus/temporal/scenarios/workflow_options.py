"""UpdateWorkflowExecutionOptions: priority."""
from golden_lib import activity, complete, tq, ws
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions


def _update(ctx, paths, wid="wf", options=None, **kw):
    mask = None if paths is None else FieldMask(paths=paths)
    return ctx.svc.UpdateWorkflowExecutionOptions(ws.UpdateWorkflowExecutionOptionsRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(wid), identity="op", update_mask=mask,
        workflow_execution_options=options, **kw), timeout=10)


def _priority(**kw):
    return WorkflowExecutionOptions(priority=Priority(**kw))


async def priority(ctx):
    """Set, repeated, changed in part, unset; described and given to tasks."""
    w = ctx.raw()
    await ctx.start(priority=Priority(priority_key=3))
    await ctx.call("set", _update(ctx, ["priority"], options=_priority(priority_key=1, fairness_key="f")))
    await ctx.call("again", _update(ctx, ["priority"], options=_priority(priority_key=1, fairness_key="f")))
    await ctx.call("a part", _update(ctx, ["priority.fairness_weight"], options=_priority(priority_key=5, fairness_weight=2)))
    await ctx.call("nothing", _update(ctx, [], options=_priority(priority_key=5)))
    await ctx.describe("wf", label="described")
    await w.step(activity("a", ctx.queue + "-a"), activity("b", ctx.queue + "-b", priority=Priority(priority_key=4)))
    for name in "ab":
        t = await w.act(queue=f"{ctx.queue}-{name}")
        ctx.record(f"activity {t.activity_id}", t.priority)
        await w.act_done(t)
    await ctx.call("unset", _update(ctx, ["priority"], options=WorkflowExecutionOptions()))
    await ctx.call("unset again", _update(ctx, ["priority"], options=WorkflowExecutionOptions()))
    await ctx.describe("wf", label="described after unset")
    await w.step(complete())
    await ctx.history()


async def priority_from_nothing(ctx):
    """A part of a priority that was not there; while a task is started the event waits."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.call("a part", _update(ctx, ["priority.priority_key"], options=WorkflowExecutionOptions()))
    await ctx.call("again", _update(ctx, ["priority.priority_key"], options=WorkflowExecutionOptions()))
    await ctx.describe("wf", label="described")
    await w.done(t)
    await w.step(complete())
    await ctx.history()


async def refused(ctx):
    """Masks that are none, unknown workflows, closed runs."""
    await ctx.start()
    some = _priority(priority_key=2)
    await ctx.call("no mask", _update(ctx, None, options=some))
    await ctx.call("no options", _update(ctx, ["priority"]))
    await ctx.call("unknown field", _update(ctx, ["prio"], options=some))
    await ctx.call("unknown part", _update(ctx, ["priority.key"], options=some))
    await ctx.call("part of a scalar", _update(ctx, ["priority.priority_key.x"], options=some))
    await ctx.call("camel case", _update(ctx, ["priority.priorityKey"], options=some))
    await ctx.call("empty path", _update(ctx, [""], options=some))
    await ctx.call("bad priority", _update(ctx, ["priority"], options=_priority(fairness_weight=-1)))
    await ctx.call("long fairness key", _update(ctx, ["priority"], options=_priority(fairness_key="k" * 65)))
    await ctx.call("unknown workflow", _update(ctx, ["priority"], "nope", options=some))
    await ctx.call("versioning override unset", _update(ctx, ["versioning_override"], options=some))
    half = WorkflowExecutionOptions(versioning_override=VersioningOverride(
        behavior=VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE))
    await ctx.call("half a versioning override", _update(ctx, ["versioning_override.behavior"], options=half))
    await ctx.call("no workflow id", ctx.svc.UpdateWorkflowExecutionOptions(
        ws.UpdateWorkflowExecutionOptionsRequest(namespace=ctx.namespace, update_mask=FieldMask(paths=["priority"]),
                                                 workflow_execution_options=some), timeout=10))
    await ctx.terminate()
    await ctx.call("closed", _update(ctx, ["priority"], options=some))
    await ctx.history()
