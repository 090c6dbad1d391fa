"""Chains at their ends: news behind a continue-as-new, retries against timeouts, cron with retries, children of every fate."""
import asyncio
import uuid

from golden_lib import Memo, activity, app_failure, cmd, complete, dur, etype, payload, pl, retry, timer, tq, ws, wtype
from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy

CAN = "CONTINUE_AS_NEW_WORKFLOW_EXECUTION"
FAIL = "FAIL_WORKFLOW_EXECUTION"


def _child(ctx, wid="kid", **kw):
    kw.setdefault("task_queue", tq(ctx.queue + "-c"))
    return cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id(wid), workflow_type=wtype("c"), **kw)


async def _types(ctx, label, wid="wf", run_id=""):
    ctx.record(label, [f"{e.event_id} {etype(e)}" for e in await ctx.events(wid, run_id)])


async def _chain(ctx, label, wid, first):
    """Records how every run of a chain began and ended, the open one included."""
    run, shown = first, []
    for _ in range(10):
        events = await ctx.events(wid, run)
        attributes = events[0].workflow_execution_started_event_attributes
        last = events[-1]
        shown.append({"attempt": attributes.attempt, "initiator": attributes.initiator, "cron": attributes.cron_schedule,
                      "continued_failure": attributes.continued_failure.message, "result": attributes.last_completion_result,
                      "run timeout": attributes.workflow_run_timeout, "execution timeout": attributes.workflow_execution_timeout,
                      "end": last if 2 <= last.event_type <= 4 or last.event_type in (21, 27, 28) else etype(last)})
        ended = getattr(last, last.WhichOneof("attributes"))
        run = getattr(ended, "new_execution_run_id", "")
        if not run:
            break
        ctx.norm.name(run, f"run:{wid}-{len(shown) + 1}")
    ctx.record(label, shown)


async def continue_with_an_activity_result(ctx):
    """An activity completes under the task that continues as new: the task fails, the next one sees it."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(activity("a", ctx.queue + "-a"))
    await ctx.signal()
    t = await w.wft()
    a = await w.act(queue=ctx.queue + "-a")
    await w.act_done(a, 1)
    await ctx.call("continue", w.done(t, cmd(CAN)), keep=False)
    await w.step(cmd(CAN))
    await _types(ctx, "first run", run_id=run)
    await _types(ctx, "second run")
    await ctx.terminate()


async def continue_with_pending_things(ctx):
    """Continue-as-new leaves a timer, an activity and a child: nothing of them reaches the next run."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 1), activity("a", ctx.queue + "-a"), _child(ctx, parent_close_policy=2))
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    a = await w.act(queue=ctx.queue + "-a")
    await w.step(cmd(CAN))
    await ctx.call("activity answer", w.act_done(a))
    await ctx.raw(ctx.queue + "-c").step(complete("kid is done"))
    await asyncio.sleep(1.3)
    await _types(ctx, "first run", run_id=run)
    await _types(ctx, "second run")
    await ctx.terminate()


async def continue_after_cancel(ctx):
    """A cancel request under the task that continues as new; and one that the workflow has seen is not carried over."""
    w = ctx.raw()
    run = await ctx.start()
    t = await w.wft()
    await ctx.cancel()
    await ctx.call("continue", w.done(t, cmd(CAN)), keep=False)
    await w.step(cmd(CAN))
    d = await ctx.describe_raw()
    ctx.record("second run canceled", d.workflow_extended_info.cancel_requested)
    await _types(ctx, "first run", run_id=run)
    await ctx.call("cancel again", ctx.cancel())
    await _types(ctx, "second run")
    await ctx.terminate()


async def continue_over_an_update(ctx):
    """An update that is admitted while a task continues the run as new: it goes to the next run when asked again."""
    w = ctx.raw()
    run = await ctx.start()
    t = await w.wft()
    u = asyncio.ensure_future(ctx.svc.UpdateWorkflowExecution(ws.UpdateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(), wait_policy=WaitPolicy(lifecycle_stage=3),
        request=Request(meta=Meta(update_id="u"), input=Input(name="up"))), timeout=10))
    await asyncio.sleep(0.3)
    await ctx.call("continue", w.done(t, cmd(CAN)), keep=False)
    await ctx.call("update", u)
    await _types(ctx, "first run", run_id=run)
    t = await w.wft()
    ctx.record("messages in the second run", [m.protocol_instance_id for m in t.messages])
    await ctx.terminate()


async def retry_against_run_timeout(ctx):
    """Run timeout with a retry policy: every attempt has its own; the last one ends the chain."""
    run = await ctx.start("wf", workflow_run_timeout=dur(1), retry_policy=retry(1, attempts=2))
    ctx.norm.name(run, "run:wf-1")
    for _ in range(60):
        d = await ctx.describe_raw()
        if d.workflow_execution_info.status == 7 and d.workflow_execution_info.execution.run_id != run:
            break
        await asyncio.sleep(0.1)
    await _chain(ctx, "chain", "wf", run)


async def retry_against_execution_timeout(ctx):
    """A retry that would begin past the execution timeout is not made; one before it is."""
    w = ctx.raw()
    run = await ctx.start("wf", workflow_execution_timeout=dur(20), retry_policy=retry(5, coefficient=10))
    await w.step(cmd(FAIL, failure=app_failure("one", "F")))
    await _chain(ctx, "first failure", "wf", run)
    await ctx.terminate()
    run = await ctx.start("w2", queue=ctx.queue + "-2", workflow_execution_timeout=dur(20), retry_policy=retry(25))
    await ctx.raw(ctx.queue + "-2").step(cmd(FAIL, failure=app_failure("one", "F")))
    await _chain(ctx, "too late", "w2", run)


async def retry_after_continue(ctx):
    """A run that continued as new fails: its attempt counts anew, and what it was given comes again."""
    w = ctx.raw()
    run = await ctx.start("wf", "wf", None, "in", retry_policy=retry(1, attempts=3))
    await w.step(cmd(CAN, input=pl("second"), retry_policy=retry(1, attempts=2)))
    await w.step(cmd(FAIL, failure=app_failure("one", "F")))
    await w.step(cmd(FAIL, failure=app_failure("two", "F")))
    await _chain(ctx, "chain", "wf", run)


async def terminated_in_backoff(ctx):
    """A run that waits for its retry: terminated, cancelled, signalled, queried."""
    w = ctx.raw()
    run = await ctx.start("wf", retry_policy=retry(60))
    await w.step(cmd(FAIL, failure=app_failure("one", "F")))
    await ctx.signal()
    await ctx.call("cancel", ctx.cancel())
    await _types(ctx, "waiting run")
    d = await ctx.describe_raw()
    ctx.record("waiting run described", d)
    await ctx.call("query", ctx.query(timeout=2), keep=False)
    await ctx.terminate()
    await _chain(ctx, "chain", "wf", run)


async def cron_and_retries(ctx):
    """Cron with a retry policy: failures are retried first, and a retry that fails for good goes on with the schedule."""
    w = ctx.raw()
    run = await ctx.start("wf", cron_schedule="@every 1s", retry_policy=retry(0.1, attempts=2))
    await w.step(complete("first"))
    await w.step(cmd(FAIL, failure=app_failure("one", "F")))
    await w.step(cmd(FAIL, failure=app_failure("two", "F")))
    await w.step(cmd(FAIL, failure=app_failure("never again", "F", non_retryable=True)))
    await _chain(ctx, "chain", "wf", run)
    await ctx.terminate()


async def cron_cancelled(ctx):
    """A cancelled and a terminated cron workflow end; a timed out one goes on."""
    w = ctx.raw()
    run = await ctx.start("wf", cron_schedule="@every 1s")
    t = await w.wft()
    await ctx.cancel()
    await w.done(t)
    await w.step(cmd("CANCEL_WORKFLOW_EXECUTION"))
    await _chain(ctx, "canceled", "wf", run)


async def children_of_a_terminated_parent(ctx):
    """What children get when their parent is terminated: by policy, with an open task, with children of their own."""
    w = ctx.raw()
    await ctx.start()
    await w.step(*[_child(ctx, f"kid-{p}", task_queue=tq(f"{ctx.queue}-{p}"), parent_close_policy=p) for p in (1, 2, 3)])
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED", count=3)
    held = await ctx.raw(f"{ctx.queue}-3").wft()
    await ctx.terminate()
    for p, wanted in ((1, "WORKFLOW_EXECUTION_TERMINATED"), (3, "WORKFLOW_EXECUTION_STARTED")):
        ctx.record(f"policy {p}", (await ctx.until(f"kid-{p}", wanted))[-1])
    ctx.record("policy 2", [etype(e) for e in await ctx.events("kid-2")])
    r = await ctx.raw(f"{ctx.queue}-3").done(held, return_new=True)
    events = await ctx.until("kid-3", "WORKFLOW_EXECUTION_CANCEL_REQUESTED")
    ctx.record("policy 3", events)
    await ctx.terminate("kid-2")
    await ctx.terminate("kid-3")


async def children_of_a_timed_out_parent(ctx):
    """The same when the parent's time is over, and when it is retried then: the policy is due at every close."""
    w = ctx.raw()
    run = await ctx.start(workflow_run_timeout=dur(2), retry_policy=retry(60))
    await w.step(*[_child(ctx, f"kid-{p}", task_queue=tq(f"{ctx.queue}-{p}"), parent_close_policy=p) for p in (1, 2, 3)])
    await ctx.until_closed("wf", run)
    ctx.record("policy 1", (await ctx.until("kid-1", "WORKFLOW_EXECUTION_TERMINATED"))[-1])
    ctx.record("policy 3", (await ctx.until("kid-3", "WORKFLOW_EXECUTION_CANCEL_REQUESTED"))[-1])
    ctx.record("policy 2", [etype(e) for e in await ctx.events("kid-2")])
    for wid in ("wf", "kid-2", "kid-3"):
        await ctx.terminate(wid)


async def child_that_was_reset(ctx):
    """A child that is reset and then completes: its parent hears the end of the new run."""
    w = ctx.raw()
    await ctx.start()
    await w.step(_child(ctx))
    c = ctx.raw(ctx.queue + "-c")
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await c.step(timer("t", 1000))
    r = await ctx.svc.ResetWorkflowExecution(ws.ResetWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec("kid"), reason="redo", request_id=str(uuid.uuid4()),
        workflow_task_finish_event_id=4), timeout=10)
    ctx.norm.name(r.run_id, "run:kid-reset")
    await c.step(complete("after all"))
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
    ctx.record("parent's last events", [e for e in await ctx.events() if etype(e).startswith("CHILD")])
    await ctx.terminate()


async def child_times_out(ctx):
    """A child whose own timeouts end it, with a retry policy that does not help."""
    w = ctx.raw()
    await ctx.start()
    await w.step(_child(ctx, workflow_execution_timeout=dur(1), retry_policy=retry(5)))
    ev = await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_TIMED_OUT")
    ctx.record("events", [e for e in ev if etype(e).startswith(("CHILD", "START_CHILD"))])
    await ctx.terminate()
