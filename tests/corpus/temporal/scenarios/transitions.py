"""StateTransitionCount along runs."""
import asyncio

from golden_lib import RetryPolicy, activity, app_failure, complete, dur, timer, ws


async def _count(ctx, label, wid="wf"):
    told = await ctx.svc.DescribeWorkflowExecution(ws.DescribeWorkflowExecutionRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid)), timeout=10)
    ctx.record(label, told.workflow_execution_info.state_transition_count)


async def activities_and_timers(ctx):
    """A run with an activity, a signal under a task and a timer."""
    w = ctx.raw()
    await ctx.start()
    await _count(ctx, "started")
    t = await w.wft()
    await _count(ctx, "task taken")
    await w.done(t, activity("a", ctx.queue))
    await _count(ctx, "task done")
    a = await w.act()
    await _count(ctx, "activity taken")
    await w.act_done(a, 1)
    await _count(ctx, "activity done")
    t = await w.wft()
    await ctx.signal()
    await _count(ctx, "signal under a task")
    await w.done(t, timer("t", 1))
    await _count(ctx, "second task done")
    t = await w.wft()
    await w.done(t)
    await _count(ctx, "third task done")
    t = await w.wft(20)
    await _count(ctx, "timer's task taken")
    await w.done(t, complete("x"))
    await asyncio.sleep(0.5)
    await _count(ctx, "complete")


async def waiting_polls(ctx):
    """A poll that waits: what it gets is counted as well."""
    w = ctx.raw()
    poll = asyncio.create_task(w.wft())
    await asyncio.sleep(0.3)
    await ctx.start()
    t = await poll
    await _count(ctx, "started and taken")
    poll = asyncio.create_task(w.act())
    await asyncio.sleep(0.3)
    await w.done(t, activity("a", ctx.queue))
    a = await poll
    await _count(ctx, "done and taken")
    poll = asyncio.create_task(w.wft())
    await asyncio.sleep(0.3)
    await w.act_done(a, 1)
    t = await poll
    await _count(ctx, "activity done and taken")
    await ctx.signal()
    await ctx.signal()
    await _count(ctx, "signals")
    await w.fail_wft(t)
    await _count(ctx, "failed")
    t = await w.wft()
    await _count(ctx, "again")
    await w.done(t, complete("x"))
    await asyncio.sleep(0.5)
    await _count(ctx, "complete")


async def terminated(ctx):
    """Requests of callers."""
    await ctx.start()
    await ctx.signal()
    await _count(ctx, "signalled")
    await ctx.svc.RequestCancelWorkflowExecution(ws.RequestCancelWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec()), timeout=10)
    await _count(ctx, "cancel requested")
    await ctx.svc.TerminateWorkflowExecution(ws.TerminateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec()), timeout=10)
    await asyncio.sleep(0.5)
    await _count(ctx, "terminated")


async def attempts(ctx):
    """An activity that heartbeats, fails and is retried."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, retry_policy=RetryPolicy(initial_interval=dur(1), maximum_attempts=2)))
    a = await w.act()
    await ctx.svc.RecordActivityTaskHeartbeat(ws.RecordActivityTaskHeartbeatRequest(
        namespace=ctx.namespace, task_token=a.task_token), timeout=10)
    await _count(ctx, "heartbeat")
    await ctx.svc.RespondActivityTaskFailed(ws.RespondActivityTaskFailedRequest(
        namespace=ctx.namespace, task_token=a.task_token, failure=app_failure("no", "No")), timeout=10)
    await _count(ctx, "failed")
    a = await w.act(20)
    await _count(ctx, "second attempt")
    await w.act_done(a, 1)
    await _count(ctx, "done")
