"""Child workflows: every end, every close policy, bad attributes, chains, buffered news."""
import asyncio

from golden_lib import Header, Memo, app_failure, cmd, complete, dur, payload, pl, retry, search_attributes, tq, ws, wtype
from temporalio.api.common.v1 import Priority
from temporalio.api.sdk.v1 import UserMetadata


def _child(ctx, name="child", **kw):
    kw.setdefault("namespace", ctx.namespace)
    kw.setdefault("task_queue", tq(ctx.queue + "-c"))
    return cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id(name), workflow_type=wtype("kid"), **kw)


def _again(ctx, **kw):
    return cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("kid"), task_queue=tq(ctx.queue + "-c"), **kw)


async def _both(ctx, *commands, **start):
    """Parent starts its children and is told that the first one started."""
    p, c = ctx.raw(), ctx.raw(ctx.queue + "-c", "child-worker")
    await ctx.start("parent", **start)
    await p.step(*commands)
    await ctx.until("parent", "CHILD_WORKFLOW_EXECUTION_STARTED")
    return p, c


async def all_options(ctx):
    """What the Initiated event, the child's start event, both describes and the list row show."""
    child = _child(ctx, input=pl("in"), header=Header(fields={"h": payload("v")}), memo=Memo(fields={"k": payload("v"), "no": payload(None)}),
                   workflow_execution_timeout=dur(100), workflow_task_timeout=dur(200), control="ctl", parent_close_policy=3,
                   workflow_id_reuse_policy=2, retry_policy=retry(attempts=2), priority=Priority(fairness_key="blue"),
                   search_attributes=search_attributes(TemporalChangeVersion=["v1"]))
    child.user_metadata.CopyFrom(UserMetadata(summary=payload("sum")))
    await _both(ctx, child, priority=Priority(priority_key=4))
    await ctx.history("parent")
    await ctx.history("child")
    await ctx.describe("parent")
    await ctx.describe("child")
    query = f"WorkflowId = '{ctx.id('child')}'"
    for _ in range(100):
        r = await ctx.svc.ListWorkflowExecutions(ws.ListWorkflowExecutionsRequest(namespace=ctx.namespace, query=query), timeout=10)
        if r.executions:
            break
        await asyncio.sleep(0.05)
    ctx.record("row", r.executions[0])


async def canceled(ctx):
    """A child that cancels itself with details."""
    p, c = await _both(ctx, _child(ctx))
    await p.step()
    await c.step(cmd("CANCEL_WORKFLOW_EXECUTION", details=pl("why")))
    await p.step(complete())
    await ctx.history("parent")


async def terminated(ctx):
    """A child that is terminated by a client."""
    p, c = await _both(ctx, _child(ctx))
    await p.step()
    await ctx.terminate("child", details=["d"])
    await p.step(complete())
    await ctx.history("parent")


async def timed_out(ctx):
    """A child whose run timeout passes."""
    p, c = await _both(ctx, _child(ctx, workflow_run_timeout=dur(1)))
    await p.step()
    await p.step(complete())
    await ctx.history("parent")


async def policies_on_complete(ctx):
    """The parent completes: terminate, request cancel, abandon."""
    p, c = await _both(ctx, *(_child(ctx, f"c{n}", parent_close_policy=n) for n in (0, 1, 2, 3)))
    await ctx.until("parent", "CHILD_WORKFLOW_EXECUTION_STARTED", count=4)
    await p.step(complete())
    await ctx.until("c0", "WORKFLOW_EXECUTION_TERMINATED")
    await ctx.until("c1", "WORKFLOW_EXECUTION_TERMINATED")
    await ctx.until("c3", "WORKFLOW_EXECUTION_CANCEL_REQUESTED")
    for n in (0, 1, 2, 3):
        await ctx.history(f"c{n}")
    await ctx.terminate("c2")
    await ctx.terminate("c3")


async def policy_on_terminate(ctx):
    """The parent is terminated while a worker has the child's task."""
    p, c = await _both(ctx, _child(ctx))
    await c.wft()
    await ctx.terminate("parent")
    await ctx.until("child", "WORKFLOW_EXECUTION_TERMINATED")
    await ctx.history("child")


async def policy_on_continue_as_new(ctx):
    """The parent continues as new: its children are bound to the run that closed."""
    p, c = await _both(ctx, _child(ctx))
    await p.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue)))
    await ctx.until("child", "WORKFLOW_EXECUTION_TERMINATED")
    await ctx.history("child")
    await ctx.terminate("parent")


async def policy_over_chain(ctx):
    """The policy reaches the child's later run; the parent is not told of a run that continues."""
    p, c = await _both(ctx, _child(ctx))
    await p.step()
    await c.step(_again(ctx))
    await c.step()
    await ctx.terminate("parent")
    await ctx.until("child", "WORKFLOW_EXECUTION_TERMINATED")
    await ctx.history("parent")
    await ctx.history("child")
    await ctx.describe("child")


async def chain_completes(ctx):
    """A child continues as new, then completes: the parent is told of the last run once."""
    p, c = await _both(ctx, _child(ctx))
    await p.step()
    await c.step(_again(ctx))
    await c.step(complete("second"))
    await p.step(complete())
    await ctx.history("parent")
    await ctx.history("child")


async def retried_child(ctx):
    """A child with a retry policy fails twice: one event, with the state of the last attempt."""
    p, c = await _both(ctx, _child(ctx, retry_policy=retry(attempts=2)))
    await p.step()
    await c.step(cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("one", "K")))
    await c.step(cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("two", "K")))
    await p.step(complete())
    await ctx.history("parent")
    await ctx.history("child")


async def cancel_over_chain(ctx):
    """External cancel and signal with child_workflow_only reach the child's later run."""
    p, c = await _both(ctx, _child(ctx))
    await c.step(_again(ctx))
    await c.step()
    await p.step(cmd("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", namespace=ctx.namespace, execution=ctx.exec("child"), signal_name="s",
                     child_workflow_only=True))
    await ctx.until("parent", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED")
    await p.step(cmd("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION", namespace=ctx.namespace, workflow_id=ctx.id("child"),
                     child_workflow_only=True))
    await ctx.until("parent", "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED")
    await ctx.history("child")
    await ctx.terminate("parent")


async def not_a_child(ctx):
    """child_workflow_only to a running workflow that is nobody's child."""
    p = ctx.raw()
    await ctx.start("other", "wf", ctx.queue + "-x")
    await ctx.start("parent")
    await p.step(cmd("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", namespace=ctx.namespace, execution=ctx.exec("other"), signal_name="s",
                     child_workflow_only=True))
    await ctx.until("parent", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED")
    await p.step(cmd("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION", namespace=ctx.namespace, workflow_id=ctx.id("other"),
                     child_workflow_only=True))
    await ctx.until("parent", "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED")
    await ctx.history("parent")
    await ctx.history("other")
    await ctx.terminate("other")
    await ctx.terminate("parent")


async def closed_in_same_task(ctx):
    """Start and complete in one task: no child, not even an abandoned one."""
    p = ctx.raw()
    await ctx.start("parent")
    await p.step(_child(ctx), _child(ctx, "kept", parent_close_policy=2), complete())
    await asyncio.sleep(0.5)
    await ctx.history("parent")
    await ctx.call("child", ctx.describe_raw("child"))
    await ctx.call("kept", ctx.describe_raw("kept"))


async def same_child_twice(ctx):
    """Two starts of one id in one task."""
    p, c = await _both(ctx, _child(ctx), _child(ctx))
    ev = await ctx.until("parent", "START_CHILD_WORKFLOW_EXECUTION_FAILED")
    ctx.record("types", sorted(e.event_type for e in ev))
    await ctx.terminate("parent")


async def reuse_policies(ctx):
    """Reject duplicate after a closed child, failed only after a clean end, terminate a running one."""
    p, c = await _both(ctx, _child(ctx))
    await p.step()
    await c.step(complete())
    await p.step(_child(ctx, workflow_id_reuse_policy=3))
    await ctx.until("parent", "START_CHILD_WORKFLOW_EXECUTION_FAILED")
    await p.step(_child(ctx, workflow_id_reuse_policy=2))
    await ctx.until("parent", "START_CHILD_WORKFLOW_EXECUTION_FAILED", count=2)
    old = await ctx.start("taken", "wf", ctx.queue + "-x")
    await p.step(_child(ctx, "taken", workflow_id_reuse_policy=4))
    await ctx.until("parent", "CHILD_WORKFLOW_EXECUTION_STARTED", count=2)
    await ctx.history("parent")
    await ctx.history("taken", old)
    await ctx.terminate("parent")


async def news_while_task_started(ctx):
    """Started, a signal and the end arrive while the parent's task is started: ends move last."""
    p, c = ctx.raw(), ctx.raw(ctx.queue + "-c", "child-worker")
    await ctx.start("parent")
    t = await p.wft()
    answer = await p.done(t, _child(ctx), force_new=True, return_new=True)
    await c.step(complete("quick"))
    await ctx.until_closed("child")
    await asyncio.sleep(0.3)
    await ctx.signal("parent")
    await p.done(answer.workflow_task)
    await p.step(complete())
    await ctx.history("parent")


async def root_of_grandchild(ctx):
    """A grandchild names its parent and the root; the policy goes down the family."""
    p, c = await _both(ctx, _child(ctx))
    await c.step(_child(ctx, "grand", task_queue=tq(ctx.queue + "-g")))
    await ctx.until("child", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await ctx.describe("grand")
    await ctx.terminate("parent")
    await ctx.until("grand", "WORKFLOW_EXECUTION_TERMINATED")
    await ctx.history("grand")


async def bad_attributes(ctx):
    """Every refusal of the command, in the server's words."""
    long = "x" * 1001
    rows = {
        "no id": dict(workflow_id=""),
        "no type": dict(workflow_type=wtype("")),
        "long id": dict(workflow_id=long),
        "long type": dict(workflow_type=wtype(long)),
        "unknown namespace": dict(namespace="no-such-namespace"),
        "negative execution timeout": dict(workflow_execution_timeout=dur(-1)),
        "negative run timeout": dict(workflow_run_timeout=dur(-1)),
        "negative task timeout": dict(workflow_task_timeout=dur(-1)),
        "bad retry policy": dict(retry_policy=retry(coefficient=0.5)),
        "bad cron": dict(cron_schedule="nonsense"),
        "unknown attribute": dict(search_attributes=search_attributes(Nonsense="x")),
        "system attribute": dict(search_attributes=search_attributes(WorkflowId="x")),
        "bad value": dict(search_attributes=search_attributes(TemporalSchedulePaused="x")),
        "bad priority": dict(priority=Priority(priority_key=-1)),
        "long fairness key": dict(priority=Priority(fairness_key="x" * 65)),
        "long queue": dict(task_queue=tq(long)),
        "reserved queue": dict(task_queue=tq("/_sys/q")),
        "internal queue": dict(task_queue=tq("temporal-sys-per-ns-tq")),
        "inherit on other queue": dict(inherit_build_id=True),
    }
    w = ctx.raw()
    for n, (label, kw) in enumerate(rows.items()):
        name = f"p{n}"
        await ctx.start(name)
        t = await w.wft()
        kw = {"workflow_id": ctx.id("kid"), "workflow_type": wtype("kid"), "namespace": ctx.namespace,
              "task_queue": tq(ctx.queue + "-c"), **kw}
        await ctx.call(label, w.done(t, cmd("START_CHILD_WORKFLOW_EXECUTION", **kw)))
        await ctx.terminate(name)


async def start_and_cancel(ctx):
    """A start and a cancel request of the same child in one task."""
    w = ctx.raw()
    await ctx.start("parent")
    t = await w.wft()
    await ctx.call("answer", w.done(t, _child(ctx), cmd("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION", namespace=ctx.namespace,
                                                       workflow_id=ctx.id("child"), child_workflow_only=True)))
    await ctx.history("parent")
    await ctx.terminate("parent")


async def own_id(ctx):
    """A workflow that starts a child of its own id."""
    w = ctx.raw()
    await ctx.start("parent")
    await w.step(_child(ctx, "parent"))
    await ctx.until("parent", "START_CHILD_WORKFLOW_EXECUTION_FAILED")
    await ctx.history("parent")
    await ctx.terminate("parent")


async def oversize(ctx):
    """An input and a memo past two megabytes end the parent."""
    w = ctx.raw()
    big = "x" * (2 * 1024 * 1024 + 10)
    for name, kw in (("input", dict(input=pl(big))), ("memo", dict(memo=Memo(fields={"k": payload(big)})))):
        await ctx.start(name)
        t = await w.wft()
        await ctx.call(name, w.done(t, _child(ctx, **kw)))
        await ctx.history(name)


async def deleted_child(ctx):
    """A running child is deleted: its parent is told that it was terminated."""
    p, c = await _both(ctx, _child(ctx))
    await p.step()
    await ctx.svc.DeleteWorkflowExecution(ws.DeleteWorkflowExecutionRequest(namespace=ctx.namespace, workflow_execution=ctx.exec("child")), timeout=10)
    await ctx.until("parent", "CHILD_WORKFLOW_EXECUTION_TERMINATED")
    await ctx.history("parent")
    await ctx.terminate("parent")


async def cron_child(ctx):
    """The start of a child with a cron schedule."""
    p, c = await _both(ctx, _child(ctx, cron_schedule="@every 1s"))
    await p.step()
    await c.step(complete("a"))
    await c.step(cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("no", "K")))
    await ctx.history("parent")
    ctx.norm.drop.add("first_workflow_task_backoff")
    await ctx.terminate("child")
    await ctx.until("parent", "CHILD_WORKFLOW_EXECUTION_TERMINATED")
    await ctx.history("child")
    await ctx.terminate("parent")
