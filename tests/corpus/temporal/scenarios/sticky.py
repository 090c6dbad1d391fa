"""Sticky queues: timeouts, resets, which events a worker gets."""
import asyncio

from golden_lib import TaskQueue, activity, complete, dur, etype, pl, retry, timer, tq, ws


def _sticky(ctx, name="st"):
    return TaskQueue(name=f"{ctx.queue}-{name}", kind=2, normal_name=ctx.queue)


async def _listen(ctx, w):
    """Lets the server see a worker on the sticky queue for a moment."""
    poll = asyncio.ensure_future(ctx.svc.PollWorkflowTaskQueue(ws.PollWorkflowTaskQueueRequest(
        namespace=ctx.namespace, task_queue=_sticky(ctx), identity="sticky-worker"), timeout=60))
    await asyncio.sleep(0.3)
    return poll


def _shown(t):
    return {"events": [f"{e.event_id} {etype(e)}" for e in t.history.events], "previous": t.previous_started_event_id,
            "started": t.started_event_id, "attempt": t.attempt}


async def timeout_zero(ctx):
    """A sticky queue without a schedule-to-start timeout: described, and handed over."""
    w = ctx.raw()
    await ctx.start()
    poll = await _listen(ctx, w)
    t = await w.wft()
    await ctx.call("answer", w.done(t, timer("t", 1000), sticky=ctx.queue + "-st", sticky_timeout=0), keep=False)
    await ctx.signal()
    t = await poll
    ctx.record("task", _shown(t))
    await w.done(t, sticky=ctx.queue + "-st", sticky_timeout=0)
    await ctx.signal()
    await asyncio.sleep(1.2)
    await ctx.history()
    await ctx.terminate()


async def times_out(ctx):
    """Nobody takes the task from the sticky queue: a timeout event, then a normal task of attempt 1."""
    w = ctx.raw()
    await ctx.start()
    poll = await _listen(ctx, w)
    await w.step(timer("t", 1000), sticky=ctx.queue + "-st", sticky_timeout=1)
    await ctx.signal()
    t = await poll
    await w.done(t, sticky=ctx.queue + "-st", sticky_timeout=1)
    await ctx.signal()
    await ctx.until("wf", "WORKFLOW_TASK_TIMED_OUT")
    t = await w.wft()
    ctx.record("task", _shown(t))
    await w.done(t, complete())
    await ctx.history()


async def reset_call(ctx):
    """ResetStickyTaskQueue: the next task goes to the normal queue, with the whole history."""
    w = ctx.raw()
    await ctx.start()
    poll = await _listen(ctx, w)
    await w.step(timer("t", 1000), sticky=ctx.queue + "-st")
    await ctx.call("reset", ctx.svc.ResetStickyTaskQueue(ws.ResetStickyTaskQueueRequest(
        namespace=ctx.namespace, execution=ctx.exec()), timeout=10))
    await ctx.signal()
    t = await w.wft()
    ctx.record("task", _shown(t))
    await w.done(t, complete())
    await ctx.call("reset of a closed run", ctx.svc.ResetStickyTaskQueue(ws.ResetStickyTaskQueueRequest(
        namespace=ctx.namespace, execution=ctx.exec()), timeout=10))
    await ctx.call("reset of nothing", ctx.svc.ResetStickyTaskQueue(ws.ResetStickyTaskQueueRequest(
        namespace=ctx.namespace, execution=ctx.exec("none")), timeout=10))
    poll.cancel()


async def failed_on_sticky(ctx):
    """A task that fails on the sticky queue: its retry goes to the normal queue with everything."""
    w = ctx.raw()
    await ctx.start()
    poll = await _listen(ctx, w)
    await w.step(timer("t", 1000), sticky=ctx.queue + "-st")
    await ctx.signal()
    t = await poll
    ctx.record("sticky task", _shown(t))
    await w.fail_wft(t)
    t = await w.wft()
    ctx.record("normal task", _shown(t))
    await w.done(t, complete())
    await ctx.history()


async def answer_without_sticky(ctx):
    """An answer without sticky attributes ends stickiness."""
    w = ctx.raw()
    await ctx.start()
    poll = await _listen(ctx, w)
    await w.step(timer("t", 1000), sticky=ctx.queue + "-st")
    await ctx.signal()
    t = await poll
    await w.done(t)
    await ctx.signal()
    t = await w.wft()
    ctx.record("task", _shown(t))
    await w.done(t, complete())
    ctx.record("last scheduled", [e for e in await ctx.events() if etype(e) == "WORKFLOW_TASK_SCHEDULED"][-1])


async def bad_attributes(ctx):
    """Sticky attributes without a queue, with a negative timeout, of the wrong kind."""
    from golden_lib import StickyExecutionAttributes
    labels = []
    for i, (label, attributes) in enumerate([
        ("empty", StickyExecutionAttributes()),
        ("no name", StickyExecutionAttributes(worker_task_queue=TaskQueue(kind=2), schedule_to_start_timeout=dur(5))),
        ("negative", StickyExecutionAttributes(worker_task_queue=_sticky(ctx), schedule_to_start_timeout=dur(-5))),
        ("normal kind", StickyExecutionAttributes(worker_task_queue=tq(ctx.queue + "-n"), schedule_to_start_timeout=dur(5))),
        ("no normal name", StickyExecutionAttributes(worker_task_queue=TaskQueue(name=ctx.queue + "-n", kind=2), schedule_to_start_timeout=dur(5))),
    ]):
        wid, queue = f"w{i}", f"{ctx.queue}-{i}"
        await ctx.start(wid, queue=queue)
        w = ctx.raw(queue)
        t = await w.wft()
        await ctx.call(label, ctx.svc.RespondWorkflowTaskCompleted(ws.RespondWorkflowTaskCompletedRequest(
            namespace=ctx.namespace, task_token=t.task_token, identity="raw-worker", sticky_attributes=attributes,
            commands=[timer("t", 1000)]), timeout=10), keep=False)
        await ctx.signal(wid)
        labels.append(label)
    await asyncio.sleep(1.5)
    for i, label in enumerate(labels):
        ctx.record(label + ": events", (await ctx.events(f"w{i}"))[3:])
        await ctx.terminate(f"w{i}")
