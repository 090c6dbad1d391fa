"""Resets: what is left behind, what is changed with them, what they do to callers and children."""
import asyncio
import uuid

from golden_lib import activity, app_failure, cmd, complete, dur, etype, pl, retry, timer, tq, ws, wtype
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import Priority
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.workflow.v1 import PostResetOperation, VersioningOverride, WorkflowExecutionOptions


def _req(ctx, event_id, run_id="", wid="wf", **kw):
    kw.setdefault("request_id", str(uuid.uuid4()))
    return ws.ResetWorkflowExecutionRequest(namespace=ctx.namespace, workflow_execution=ctx.exec(wid, run_id),
                                            reason="redo", workflow_task_finish_event_id=event_id, **kw)


async def _reset(ctx, label, *a, name="", **kw):
    r = await ctx.call(label, ctx.svc.ResetWorkflowExecution(_req(ctx, *a, **kw), timeout=10), keep=False)
    if r is not None:
        ctx.norm.name(r.run_id, f"run:{name or label}")
        return r.run_id
    return ""


def _options(paths, **kw):
    operation = PostResetOperation()
    operation.update_workflow_options.update_mask.paths.extend(paths)
    operation.update_workflow_options.workflow_execution_options.CopyFrom(WorkflowExecutionOptions(**kw))
    return operation


async def priority_afterwards(ctx):
    """A priority that is set with a reset: its event, the description, the task."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.signal()
    await _reset(ctx, "priority", 4, post_reset_operations=[_options(["priority"], priority=Priority(priority_key=2))])
    await ctx.history()
    ctx.record("described", (await ctx.describe_raw()).workflow_execution_info.priority)
    t = await w.wft()
    await w.done(t, activity("a", ctx.queue + "-a"))
    ctx.record("given", (await w.act(queue=ctx.queue + "-a")).priority)
    await ctx.terminate()


async def several_operations(ctx):
    """Two operations, parts of a priority, an empty mask, a field that is none."""
    w = ctx.raw()
    await ctx.start(priority=Priority(priority_key=3, fairness_key="f"))
    await w.step(timer("t", 1000))
    for label, operations in [
        ("twice", [_options(["priority"], priority=Priority(priority_key=2)), _options(["priority"], priority=Priority(priority_key=4))]),
        ("a part", [_options(["priority.priority_key"], priority=Priority(priority_key=5))]),
        ("unset", [_options(["priority"])]),
        ("empty mask", [_options([], priority=Priority(priority_key=1))]),
        ("unknown field", [_options(["nope"])]),
        ("bad priority", [_options(["priority"], priority=Priority(priority_key=-1))]),
        ("signal", [_signal("s")]),
    ]:
        run = await _reset(ctx, label, 4, post_reset_operations=operations)
        if run:
            ctx.record(label + ": events", (await ctx.events("wf", run))[4:])
            ctx.record(label + ": priority", (await ctx.describe_raw("wf", run)).workflow_execution_info.priority)
    await ctx.terminate()


def _signal(name):
    operation = PostResetOperation()
    operation.signal_workflow.signal_name = name
    return operation


async def excluded_kinds(ctx):
    """Signals, cancel requests and both left behind, of an open and of a closed run."""
    for closed in (False, True):
        wid, w = f"w{int(closed)}", ctx.raw(f"{ctx.queue}-{int(closed)}")
        run = await ctx.start(wid, queue=w.queue)
        await w.step(timer("t", 1000))
        await ctx.signal(wid, "one")
        await ctx.cancel(wid)
        if closed:
            await w.step(complete())
        for kinds in ([], [1], [4], [1, 4], [1, 2, 3, 4]):
            new = await _reset(ctx, f"{closed} {kinds}", 4, run, wid, name=f"{wid}-{kinds}", reset_reapply_exclude_types=kinds)
            ctx.record(f"{closed} {kinds}: events", [etype(e) for e in await ctx.events(wid, new)][4:])
            d = await ctx.describe_raw(wid, new)
            ctx.record(f"{closed} {kinds}: cancel requested", d.workflow_extended_info.cancel_requested)
        await ctx.terminate(wid)


async def described(ctx):
    """What base and new run say of each other, also after a second reset."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 1000))
    await w.ctx.signal()
    await w.step(complete())
    ctx.norm.keep.add("last_reset_time")
    first = await _reset(ctx, "first", 4, run)
    await ctx.describe("wf", run, "base")
    await ctx.describe("wf", first, "first")
    second = await _reset(ctx, "second", 4, run)
    await ctx.describe("wf", run, "base, again")
    await ctx.describe("wf", first, "first, again")
    await ctx.describe("wf", second, "second")
    await ctx.terminate()


async def of_a_terminated_run(ctx):
    """A terminated run, one that timed out under a task, and one that failed under a retry policy."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.signal()
    await w.wft()
    await ctx.terminate()
    await _reset(ctx, "terminated", 4, run)
    await ctx.history("wf", label="terminated, anew")
    await ctx.terminate()
    run = await ctx.start("w2", queue=ctx.queue + "-2", retry_policy=retry(60))
    await ctx.raw(ctx.queue + "-2").step(cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")))
    await _reset(ctx, "failed", 4, run, "w2")
    await ctx.history("w2", label="failed, anew")
    d = await ctx.describe_raw("w2", run)
    ctx.record("base", d.workflow_execution_info.status)
    await ctx.terminate("w2")


async def under_a_task(ctx):
    """An open run under a worker's hands: its answer afterwards is refused."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(activity("a", ctx.queue + "-a"), timer("t", 1000))
    a = await w.act(queue=ctx.queue + "-a")
    await ctx.signal()
    t = await w.wft()
    await _reset(ctx, "reset", 4)
    await ctx.call("answer", w.done(t, complete()))
    await ctx.call("activity answer", w.act_done(a))
    await ctx.history("wf", run, "base")
    await ctx.history("wf", label="new")
    await ctx.terminate()


async def bad_points(ctx):
    """Event ids that are none, ids of other events, runs that are not there."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 1000))
    for label, a in [("zero", (0,)), ("one", (1,)), ("negative", (-1,)), ("scheduled", (2,)), ("started", (3,)), ("timer", (5,)),
                     ("far", (50,)), ("unknown run", (4, "11111111-2222-4333-8444-555555555555")), ("bad run", (4, "x")),
                     ("unknown workflow", (4, "", "none"))]:
        await _reset(ctx, label, *a)
    await ctx.call("no request id", ctx.svc.ResetWorkflowExecution(_req(ctx, 4, request_id=""), timeout=10), keep=False)
    await ctx.terminate()
