"""What a closed run still shows and how it answers: pending things, activities by id, every mutating call."""
import asyncio
import uuid

from golden_lib import ActivityType, activity, app_failure, cmd, complete, dur, payload, pl, retry, search_attributes, timer, tq, ws, wtype
from google.protobuf.field_mask_pb2 import FieldMask


def _child(ctx, wid, **kw):
    return cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id(wid), workflow_type=wtype("c"), task_queue=tq(ctx.queue + "-c"), **kw)


async def _described(ctx, label, wid="wf", run_id=""):
    d = await ctx.describe_raw(wid, run_id)
    ctx.record(label, {"status": d.workflow_execution_info.status, "length": d.workflow_execution_info.history_length,
                       "activities": sorted(d.pending_activities, key=lambda p: p.activity_id),
                       "children": sorted(d.pending_children, key=lambda p: p.workflow_id),
                       "task": d.pending_workflow_task, "extended": d.workflow_extended_info})


async def _with_everything(ctx, *commands, **kw):
    w = ctx.raw()
    run = await ctx.start(**kw)
    await w.step(activity("scheduled", ctx.queue + "-a"), activity("backoff", ctx.queue + "-b", retry_policy=retry(100)),
                 activity("started", ctx.queue + "-s", heartbeat_timeout=dur(60)), timer("t", 1000),
                 _child(ctx, "child"), *commands)
    s = await w.act(queue=ctx.queue + "-s")
    await w.heartbeat(s, "beat")
    b = await w.act(queue=ctx.queue + "-b")
    await w.act_fail(b, app_failure("once", "F"))
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    return w, run, s


async def describe_terminated(ctx):
    """Terminated with activities in every state, a timer, a child and a scheduled task."""
    w, run, s = await _with_everything(ctx)
    await _described(ctx, "running")
    await ctx.terminate()
    await _described(ctx, "terminated")
    await ctx.call("activity answer", w.act_done(s, 1))
    await ctx.call("heartbeat", w.heartbeat(s))
    await _described(ctx, "terminated, later")


async def describe_completed(ctx):
    """Completed while everything is pending."""
    w, run, s = await _with_everything(ctx)
    await w.step(complete())
    await _described(ctx, "completed")


async def describe_completed_in_one_task(ctx):
    """Scheduled and closed in one task: the child never starts, the activity is never offered."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue + "-a"), timer("t", 1000), complete())
    await _described(ctx, "completed")


async def describe_failed(ctx):
    """Failed without a retry policy."""
    w, run, s = await _with_everything(ctx)
    await w.step(cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")))
    await _described(ctx, "failed")


async def describe_continued(ctx):
    """Continued as new: the old run shows what it left, the new one has none of it."""
    w, run, s = await _with_everything(ctx)
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"))
    await _described(ctx, "old run", run_id=run)
    await _described(ctx, "new run")
    await ctx.terminate()


async def describe_timed_out(ctx):
    """Timed out with a worker on its task."""
    w, run, s = await _with_everything(ctx, workflow_run_timeout=dur(2))
    await w.wft()
    await ctx.until_closed()
    await _described(ctx, "timed out")


async def describe_canceled(ctx):
    """Cancelled, with a cancel request pending at its activity."""
    w, run, s = await _with_everything(ctx)
    await w.step()
    await ctx.cancel()
    await w.step(cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=7))
    await ctx.signal()
    await w.step(cmd("CANCEL_WORKFLOW_EXECUTION", details=pl("d")))
    await _described(ctx, "canceled")


async def describe_terminated_with_task(ctx):
    """Terminated under a started task, with buffered signals and a child that is asked for."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.signal()
    await _described(ctx, "started")
    await ctx.terminate()
    await _described(ctx, "terminated")
    await ctx.history()


async def describe_paused_activity(ctx):
    """A paused activity of a closed run is still described as paused."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue))
    await ctx.svc.PauseActivity(ws.PauseActivityRequest(namespace=ctx.namespace, execution=ctx.exec(), identity="op",
                                                        reason="why", id="a"), timeout=10)
    await ctx.terminate()
    await _described(ctx, "terminated")


async def activity_by_id(ctx):
    """Calls by activity id over a closed run, with and without the run id."""
    w, run, s = await _with_everything(ctx)
    await ctx.terminate()
    for r in ("", run):
        word = "run id" if r else "current"
        base = dict(namespace=ctx.namespace, workflow_id=ctx.id(), run_id=r, activity_id="started")
        await ctx.call(f"complete, {word}", ctx.svc.RespondActivityTaskCompletedById(ws.RespondActivityTaskCompletedByIdRequest(**base), timeout=10))
        await ctx.call(f"fail, {word}", ctx.svc.RespondActivityTaskFailedById(ws.RespondActivityTaskFailedByIdRequest(failure=app_failure("x"), **base), timeout=10))
        await ctx.call(f"cancel, {word}", ctx.svc.RespondActivityTaskCanceledById(ws.RespondActivityTaskCanceledByIdRequest(**base), timeout=10))
        await ctx.call(f"heartbeat, {word}", ctx.svc.RecordActivityTaskHeartbeatById(ws.RecordActivityTaskHeartbeatByIdRequest(**base), timeout=10))


async def activity_operations(ctx):
    """Pause, unpause, reset and options of an activity of a closed run."""
    w, run, s = await _with_everything(ctx)
    await ctx.terminate()
    from temporalio.api.activity.v1 import ActivityOptions
    for name in ("started", "unknown"):
        kw = dict(namespace=ctx.namespace, execution=ctx.exec(), identity="op", id=name)
        await ctx.call(f"pause {name}", ctx.svc.PauseActivity(ws.PauseActivityRequest(**kw), timeout=10))
        await ctx.call(f"unpause {name}", ctx.svc.UnpauseActivity(ws.UnpauseActivityRequest(**kw), timeout=10))
        await ctx.call(f"reset {name}", ctx.svc.ResetActivity(ws.ResetActivityRequest(**kw), timeout=10))
        await ctx.call(f"options {name}", ctx.svc.UpdateActivityOptions(ws.UpdateActivityOptionsRequest(
            activity_options=ActivityOptions(start_to_close_timeout=dur(9)), update_mask=FieldMask(paths=["start_to_close_timeout"]), **kw), timeout=10))
    await _described(ctx, "afterwards")


async def by_id_edges(ctx):
    """Calls by id on activities that no worker has, that wait for a retry, that are paused, that are unknown."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(activity("a", ctx.queue + "-a", retry_policy=retry(100)), activity("p", ctx.queue + "-p"))
    base = dict(namespace=ctx.namespace, workflow_id=ctx.id())

    async def all_calls(label, aid):
        kw = dict(activity_id=aid, **base)
        await ctx.call(f"{label}: heartbeat", ctx.svc.RecordActivityTaskHeartbeatById(ws.RecordActivityTaskHeartbeatByIdRequest(**kw), timeout=10))
        await ctx.call(f"{label}: cancel", ctx.svc.RespondActivityTaskCanceledById(ws.RespondActivityTaskCanceledByIdRequest(**kw), timeout=10))
        await ctx.call(f"{label}: fail", ctx.svc.RespondActivityTaskFailedById(ws.RespondActivityTaskFailedByIdRequest(failure=app_failure("x"), **kw), timeout=10))
    await all_calls("scheduled", "a")
    t = await w.act(queue=ctx.queue + "-a")
    await w.act_fail(t, app_failure("x", "F"))
    await all_calls("backoff", "a")
    await ctx.svc.PauseActivity(ws.PauseActivityRequest(namespace=ctx.namespace, execution=ctx.exec(), identity="op", id="p"), timeout=10)
    await all_calls("paused", "p")
    await all_calls("unknown", "zzz")
    await all_calls("empty", "")
    await ctx.call("complete in backoff", ctx.svc.RespondActivityTaskCompletedById(ws.RespondActivityTaskCompletedByIdRequest(
        activity_id="a", result=pl("by hand"), **base), timeout=10))
    await ctx.call("complete paused", ctx.svc.RespondActivityTaskCompletedById(ws.RespondActivityTaskCompletedByIdRequest(
        activity_id="p", result=pl("by hand"), **base), timeout=10))
    await ctx.call("other run", ctx.svc.RespondActivityTaskCompletedById(ws.RespondActivityTaskCompletedByIdRequest(
        activity_id="a", run_id="11111111-2222-4333-8444-555555555555", **base), timeout=10))
    await ctx.history()
    await ctx.terminate()


async def mutating_calls(ctx):
    """Every call that changes a run, on a closed one."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(complete())
    await ctx.call("signal", ctx.signal(run_id=run))
    await ctx.call("cancel", ctx.cancel(run_id=run))
    await ctx.call("cancel current", ctx.cancel())
    await ctx.call("terminate", ctx.terminate(run_id=run))
    await ctx.call("terminate current", ctx.terminate())
    await ctx.call("terminate other chain", ctx.terminate(first_execution_run_id="11111111-2222-4333-8444-555555555555"))
    await ctx.call("options", ctx.svc.UpdateWorkflowExecutionOptions(ws.UpdateWorkflowExecutionOptionsRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(), update_mask=FieldMask(paths=["priority"])), timeout=10))
    await ctx.history()


async def jittered_unpause(ctx):
    """Unpause with jitter: not offered at once, but within it; reset with jitter likewise."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue), activity("b", ctx.queue + "-b"))
    kw = dict(namespace=ctx.namespace, execution=ctx.exec(), identity="op")
    await ctx.svc.PauseActivity(ws.PauseActivityRequest(id="a", **kw), timeout=10)
    await ctx.call("unpause", ctx.svc.UnpauseActivity(ws.UnpauseActivityRequest(id="a", jitter=dur(1), reset_attempts=True, **kw), timeout=10))
    t = await w.act()
    ctx.record("attempt", t.attempt)
    await ctx.call("negative jitter", ctx.svc.UnpauseActivity(ws.UnpauseActivityRequest(id="a", jitter=dur(-1), **kw), timeout=10))
    await ctx.call("reset with jitter", ctx.svc.ResetActivity(ws.ResetActivityRequest(id="b", jitter=dur(1), **kw), timeout=10))
    t = await w.act(queue=ctx.queue + "-b")
    ctx.record("attempt b", t.attempt)
    await ctx.call("reset with negative jitter", ctx.svc.ResetActivity(ws.ResetActivityRequest(id="b", jitter=dur(-1), **kw), timeout=10))
    await ctx.terminate()


async def describe_unwritten_tasks(ctx):
    """Terminated with a retried workflow task, and with a speculative one, that nobody has."""
    from temporalio.api.update.v1 import Input, Meta, Request
    w = ctx.raw()
    await ctx.start()
    await w.fail_wft(await w.wft())
    await asyncio.sleep(0.1)
    await _described(ctx, "retried task")
    await ctx.terminate()
    await _described(ctx, "retried task, terminated")
    await ctx.history()
    w = ctx.raw(ctx.queue + "-2")
    await ctx.start("w2", queue=ctx.queue + "-2")
    await w.step(timer("t", 1000))
    u = asyncio.ensure_future(ctx.svc.UpdateWorkflowExecution(ws.UpdateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec("w2"),
        request=Request(meta=Meta(update_id="u"), input=Input(name="up"))), timeout=10))
    await asyncio.sleep(0.3)
    await _described(ctx, "speculative task", "w2")
    await ctx.terminate("w2")
    await ctx.call("update", u)
    # Not described: that server shows the task for as long as the run stays in its cache.
    await ctx.history("w2")


async def children_in_one_task(ctx):
    """Children asked for in the task that closes their parent, of every policy."""
    w = ctx.raw()
    await ctx.start()
    await w.step(*[_child(ctx, f"child-{p}", parent_close_policy=p) for p in (1, 2, 3)], complete())
    await _described(ctx, "completed")
    for p in (1, 2, 3):
        await ctx.call(f"child {p}", ctx.describe_raw(f"child-{p}"), keep=False)
