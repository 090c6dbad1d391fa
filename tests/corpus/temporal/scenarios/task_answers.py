"""Answers to workflow tasks: every failure cause, tokens of other runs and times, forced tasks."""
import asyncio

from golden_lib import activity, app_failure, cmd, complete, dur, etype, pl, timer, ws
from temporalio.api.enums.v1 import WorkflowTaskFailedCause


async def causes(ctx):
    """Every failure cause a worker can name: what is written, what follows."""
    w = ctx.raw()
    for number in list(range(0, 42)) + [99]:
        wid = f"w{number}"
        await ctx.start(wid)
        t = await w.wft()
        name = WorkflowTaskFailedCause.Name(number) if number in WorkflowTaskFailedCause.values() else str(number)
        await ctx.call(name, ctx.svc.RespondWorkflowTaskFailed(ws.RespondWorkflowTaskFailedRequest(
            namespace=ctx.namespace, task_token=t.task_token, identity="raw-worker", cause=number, failure=app_failure("boom", "B")), timeout=10))
        ctx.record(name + ": events", (await ctx.events(wid))[3:5])
        d = await ctx.describe_raw(wid)
        ctx.record(name + ": state", [d.workflow_execution_info.status, d.pending_workflow_task.attempt])
        if d.workflow_execution_info.status == 1:
            await ctx.terminate(wid)


async def details(ctx):
    """A failure without a failure, with messages, of the second attempt."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.call("nothing", ctx.svc.RespondWorkflowTaskFailed(ws.RespondWorkflowTaskFailedRequest(
        namespace=ctx.namespace, task_token=t.task_token), timeout=10))
    ctx.record("written", (await ctx.events())[-1])
    t = await w.wft()
    await ctx.call("second attempt", w.fail_wft(t, "again"))
    await asyncio.sleep(0.1)
    ctx.record("pending", (await ctx.describe_raw()).pending_workflow_task.attempt)
    await ctx.terminate()
    await ctx.history()


async def tokens(ctx):
    """Tokens of another run of the workflow, of another workflow, of an attempt that is over, garbage."""
    w = ctx.raw()
    first = await ctx.start()
    old = await w.wft()
    await ctx.terminate()
    await ctx.call("complete, run terminated", w.done(old, complete()))
    await ctx.call("fail, run terminated", w.fail_wft(old))
    second = await ctx.start()
    await ctx.call("complete, next run", w.done(old, complete()))
    t = await w.wft()
    await w.fail_wft(t)
    await ctx.call("complete after fail", w.done(t, complete()))
    await ctx.call("fail after fail", w.fail_wft(t))
    again = await w.wft()
    await ctx.call("complete with the old attempt", w.done(t, complete()))
    await ctx.call("garbage", ctx.svc.RespondWorkflowTaskCompleted(ws.RespondWorkflowTaskCompletedRequest(
        namespace=ctx.namespace, task_token=b"garbage"), timeout=10))
    await ctx.call("none", ctx.svc.RespondWorkflowTaskCompleted(ws.RespondWorkflowTaskCompletedRequest(namespace=ctx.namespace), timeout=10))
    await ctx.call("garbage fail", ctx.svc.RespondWorkflowTaskFailed(ws.RespondWorkflowTaskFailedRequest(
        namespace=ctx.namespace, task_token=b"garbage"), timeout=10))
    await w.done(again, activity("a", ctx.queue))
    a = await w.act()
    await ctx.call("an activity's token", w.done(a, complete()))
    await ctx.call("an activity's token, failed", w.fail_wft(a))
    await ctx.history()
    await ctx.terminate()


async def forced(ctx):
    """force_create_new_workflow_task: with commands, with a close, returned inline."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await w.done(t, timer("t", 1000), force_new=True)
    t = await w.wft()
    r = await w.done(t, force_new=True, return_new=True)
    ctx.record("inline", [f"{e.event_id} {etype(e)}" for e in r.workflow_task.history.events])
    r = await w.done(r.workflow_task, return_new=True)
    ctx.record("nothing inline", bool(r.workflow_task.task_token))
    await ctx.signal()
    t = await w.wft()
    r = await w.done(t, complete(), force_new=True, return_new=True)
    ctx.record("closed", bool(r.workflow_task.task_token))
    await ctx.history()


async def pages_of_a_task(ctx):
    """A task with a long history: events of the first page, the rest by its token."""
    w = ctx.raw()
    await ctx.start()
    for i in range(300):
        await ctx.signal("wf", f"s{i}")
    t = await w.wft()
    ids, token = [e.event_id for e in t.history.events], t.next_page_token
    while token:
        r = await ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
            namespace=ctx.namespace, execution=ctx.exec(), next_page_token=token), timeout=10)
        ids += [e.event_id for e in r.history.events]
        token = r.next_page_token
    ctx.record("all", ids == list(range(1, len(ids) + 1)) and len(ids))
    await w.done(t, complete())
