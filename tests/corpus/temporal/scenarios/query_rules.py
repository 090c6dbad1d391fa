"""Queries: reject conditions, workers that fail, runs in every state."""
import asyncio

from golden_lib import activity, app_failure, cmd, complete, dur, pl, retry, timer, ws
from temporalio.api.query.v1 import WorkflowQuery, WorkflowQueryResult


async def _worker(ctx, w, n):
    """Answers n query tasks."""
    for _ in range(n):
        t = await w.wft()
        await ctx.svc.RespondQueryTaskCompleted(ws.RespondQueryTaskCompletedRequest(
            namespace=ctx.namespace, task_token=t.task_token, completed_type=1, query_result=pl("answer")), timeout=10)


async def reject_conditions(ctx):
    """Runs of every state against every condition."""
    closes = {"completed": complete(), "failed": cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")),
              "canceled": cmd("CANCEL_WORKFLOW_EXECUTION"), "terminated": None, "open": timer("t", 1000)}
    for word, command in closes.items():
        w = ctx.raw(f"{ctx.queue}-{word}")
        await ctx.start(word, queue=w.queue)
        await w.step(*([command] if command else [timer("t", 1000)]))
        if command is None:
            await ctx.terminate(word)
        for condition in (0, 1, 2, 3):
            rejected = word != "open" and (condition == 2 or condition == 3 and word != "completed")
            q = asyncio.ensure_future(ctx.query(word, query_reject_condition=condition))
            if not rejected:
                await _worker(ctx, w, 1)
            await ctx.call(f"{word} {condition}", q)


async def continued_run(ctx):
    """A query without a run id goes to the newest run; with one to the closed run."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"))
    await w.step(timer("t", 1000))
    q = asyncio.ensure_future(ctx.query("wf", query_reject_condition=2))
    await _worker(ctx, w, 1)
    await ctx.call("newest", q)
    await ctx.call("first, not open", ctx.query("wf", run_id=run, query_reject_condition=2))
    q = asyncio.ensure_future(ctx.query("wf", run_id=run))
    await _worker(ctx, w, 1)
    await ctx.call("first", q)
    await ctx.terminate()


async def failing_worker(ctx):
    """Answers that are failures, empty, of no type, and twice."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    for label, kw in [
        ("failed", dict(completed_type=2, error_message="no", failure=app_failure("why", "Q"))),
        ("failed, no failure", dict(completed_type=2, error_message="no")),
        ("failed, nothing", dict(completed_type=2)),
        ("answered, nothing", dict(completed_type=1)),
        ("of no type", dict(completed_type=0, query_result=pl(1))),
        ("failed with a cause", dict(completed_type=2, error_message="no", cause=2)),
    ]:
        q = asyncio.ensure_future(ctx.query("wf", timeout=3))
        t = await w.wft()
        request = ws.RespondQueryTaskCompletedRequest(namespace=ctx.namespace, task_token=t.task_token, **kw)
        await ctx.call(f"{label}: respond", ctx.svc.RespondQueryTaskCompleted(request, timeout=10))
        if kw["completed_type"]:
            await ctx.call(f"{label}: answer", q)
            await ctx.call(f"{label}: respond again", ctx.svc.RespondQueryTaskCompleted(request, timeout=10))
        else:
            q.cancel()
    await ctx.terminate()


async def tokens(ctx):
    """Query answers with tokens of workflow tasks, and workflow answers with tokens of queries."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.call("query answer with a task's token", ctx.svc.RespondQueryTaskCompleted(ws.RespondQueryTaskCompletedRequest(
        namespace=ctx.namespace, task_token=t.task_token, completed_type=1, query_result=pl(1)), timeout=10))
    await ctx.call("garbage", ctx.svc.RespondQueryTaskCompleted(ws.RespondQueryTaskCompletedRequest(
        namespace=ctx.namespace, task_token=b"garbage", completed_type=1), timeout=10))
    await ctx.call("none", ctx.svc.RespondQueryTaskCompleted(ws.RespondQueryTaskCompletedRequest(
        namespace=ctx.namespace, completed_type=1), timeout=10))
    await w.done(t, timer("t", 1000))
    await ctx.terminate()


async def buffered_answers(ctx):
    """Queries with a task: answered, failed, left out; results for queries that are unknown."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    for label, make in [
        ("answered", lambda: WorkflowQueryResult(result_type=1, answer=pl("a"))),
        ("failed", lambda: WorkflowQueryResult(result_type=2, error_message="no", failure=app_failure("why", "Q"))),
    ]:
        await ctx.signal("wf", label)
        q = asyncio.ensure_future(ctx.query("wf", timeout=2))
        await asyncio.sleep(0.3)
        t = await w.wft()
        ctx.record(f"{label}: queries", len(t.queries))
        await ctx.call(f"{label}: respond", w.done(t, query_results={k: make() for k in t.queries}), keep=False)
        await ctx.call(f"{label}: answer", q)
    await ctx.signal()
    t = await w.wft()
    await ctx.call("unknown query", w.done(t, query_results={"unknown": WorkflowQueryResult(result_type=1, answer=pl("a"))}), keep=False)
    await ctx.terminate()


async def closing_with_a_query(ctx):
    """A query that waits with the task that closes the run: its answer, or a direct one afterwards."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.signal()
    q = asyncio.ensure_future(ctx.query("wf"))
    await asyncio.sleep(0.3)
    t = await w.wft()
    ctx.record("queries", len(t.queries))
    await w.done(t, complete(), query_results={k: WorkflowQueryResult(result_type=1, answer=pl("a")) for k in t.queries})
    await ctx.call("answered", q)
    await ctx.start("w2", queue=ctx.queue + "-2")
    w = ctx.raw(ctx.queue + "-2")
    await w.step(timer("t", 1000))
    await ctx.signal("w2")
    q = asyncio.ensure_future(ctx.query("w2"))
    await asyncio.sleep(0.3)
    t = await w.wft()
    await w.done(t, complete())
    await _worker(ctx, w, 1)
    await ctx.call("left out", q)


async def terminated_with_a_query(ctx):
    """A run terminated while a query waits with its task."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.signal()
    q = asyncio.ensure_future(ctx.query("wf", timeout=4))
    await asyncio.sleep(0.3)
    await ctx.terminate()
    await _worker(ctx, w, 1)
    await ctx.call("answer", q)


async def refused(ctx):
    """What is checked."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.call("unknown workflow", ctx.query("none"), keep=False)
    await ctx.call("unknown run", ctx.query("wf", run_id="11111111-2222-4333-8444-555555555555"), keep=False)
    await ctx.call("bad run id", ctx.query("wf", run_id="x"), keep=False)
    await ctx.call("no query", ctx.svc.QueryWorkflow(ws.QueryWorkflowRequest(namespace=ctx.namespace, execution=ctx.exec()), timeout=5), keep=False)
    await ctx.call("no type", ctx.svc.QueryWorkflow(ws.QueryWorkflowRequest(
        namespace=ctx.namespace, execution=ctx.exec(), query=WorkflowQuery()), timeout=1), keep=False)
    await ctx.call("no workflow id", ctx.svc.QueryWorkflow(ws.QueryWorkflowRequest(
        namespace=ctx.namespace, query=WorkflowQuery(query_type="q")), timeout=5), keep=False)
    await ctx.terminate()
