"""SignalWithStart at its edges: after a close, repeated, in back-offs, with every policy."""
import uuid

from golden_lib import Header, Memo, app_failure, cmd, complete, dur, etype, payload, pl, retry, search_attributes, timer, tq, ws, wtype


def _request(ctx, wid="wf", **kw):
    kw.setdefault("request_id", str(uuid.uuid4()))
    kw.setdefault("signal_name", "s")
    kw.setdefault("workflow_type", wtype("wf"))
    kw.setdefault("task_queue", tq(ctx.queue))
    return ws.SignalWithStartWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_id=ctx.id(wid), identity="raw-client", **kw)


async def _sws(ctx, label, wid="wf", name="", **kw):
    r = await ctx.call(label, ctx.svc.SignalWithStartWorkflowExecution(_request(ctx, wid, **kw), timeout=10), keep=False)
    if r is None:
        return ""
    if name:
        ctx.norm.name(r.run_id, f"run:{name}")
    ctx.record(label + ": run", [r.run_id, r.started])
    return r.run_id


async def repeated_after_close(ctx):
    """The same request again while its run is open, and after that run has closed."""
    w = ctx.raw()
    first = dict(request_id="req-1", signal_input=pl(1))
    run = await _sws(ctx, "first", name="wf", **first)
    await _sws(ctx, "again, open", **first)
    await w.step(complete())
    await _sws(ctx, "again, closed", name="second", **first)
    await ctx.history("wf", run, "first run")
    await ctx.history("wf", label="newest run")
    await _sws(ctx, "another, closed", name="third", request_id="req-2")
    await ctx.history("wf", label="newest run at the end")


async def repeated_over_a_running_one(ctx):
    """A signal-with-start of a workflow somebody else started: its request id is a signal's."""
    w = ctx.raw()
    await ctx.start(request_id="start-1")
    await _sws(ctx, "one", request_id="req-1")
    await _sws(ctx, "one again", request_id="req-1")
    await _sws(ctx, "the start's id", request_id="start-1")
    await ctx.call("a signal with the same id", ctx.signal("wf", "t", request_id="req-1"))
    await w.step(complete())
    await ctx.history()
    await ctx.describe()


async def reuse_policies(ctx):
    """Closed runs, completed and failed, against each policy."""
    for i, (status, close) in enumerate([("completed", complete()), ("failed", cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")))]):
        for policy in ("ALLOW_DUPLICATE", "ALLOW_DUPLICATE_FAILED_ONLY", "REJECT_DUPLICATE", "TERMINATE_IF_RUNNING"):
            wid = f"{status}-{policy}"
            queue = f"{ctx.queue}-{wid}"
            await ctx.start(wid, queue=queue, request_id=wid)
            await ctx.raw(queue).step(close)
            await _sws(ctx, f"{status} {policy}", wid, name=f"{wid}-2", workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_" + policy)


async def conflict_policies(ctx):
    """A running workflow against each policy; no policy is the one that uses it."""
    for policy in ("UNSPECIFIED", "USE_EXISTING", "TERMINATE_EXISTING", "FAIL"):
        wid = f"c-{policy}"
        run = await ctx.start(wid)
        await _sws(ctx, policy, wid, name=f"{wid}-2", workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_" + policy)
        ctx.record(f"{policy}: first run", [etype(e) for e in await ctx.events(wid, run)])
    run = await ctx.start("both")
    await _sws(ctx, "both policies", "both", workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING",
               workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING")
    await _sws(ctx, "old policy alone", "both", name="both-2", workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING")
    ctx.record("last events of the first run", (await ctx.events("both", run))[-2:])


async def everything(ctx):
    """Every field: what the start event and the signal event carry, with one header for both."""
    await _sws(ctx, "start", name="wf", input=pl("in"), signal_input=pl("sig"), workflow_execution_timeout=dur(100),
               workflow_run_timeout=dur(90), workflow_task_timeout=dur(7), retry_policy=retry(1, attempts=3),
               memo=Memo(fields={"m": payload(1)}), header=Header(fields={"h": payload("x")}), control="c",
               search_attributes=search_attributes(TemporalChangeVersion=["v"]))
    await ctx.history()
    await ctx.describe()
    await _sws(ctx, "again", input=pl("other"), header=Header(fields={"h": payload("y")}), memo=Memo(fields={"m": payload(2)}))
    ctx.record("second signal", (await ctx.events())[-1])


async def start_delay(ctx):
    """With a start delay the signal does not wake it; a second one does not either."""
    await _sws(ctx, "start", name="wf", workflow_start_delay=dur(60))
    await _sws(ctx, "again")
    ctx.record("events", [etype(e) for e in await ctx.events()])
    await ctx.signal("wf", "plain")
    ctx.record("events after a signal", [etype(e) for e in await ctx.events()])
    await ctx.terminate()


async def cron(ctx):
    """With a cron schedule the first task waits for its turn, and a signal lets it wait."""
    await _sws(ctx, "start", name="wf", cron_schedule="0 0 1 1 *")
    ctx.record("events", [etype(e) for e in await ctx.events()])
    await ctx.signal("wf", "plain")
    ctx.record("events after a signal", [etype(e) for e in await ctx.events()])
    await ctx.terminate()


async def retried_run(ctx):
    """Between the attempts of a retried workflow a signal-with-start reaches the waiting run."""
    w = ctx.raw()
    await ctx.start(retry_policy=retry(60, attempts=3))
    await w.step(cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")))
    await _sws(ctx, "start", request_id="r")
    await _sws(ctx, "start again", request_id="r")
    await ctx.history("wf", label="waiting run")
    await ctx.terminate()


async def refused(ctx):
    """What is checked, in its order."""
    for label, kw in [
        ("no signal", dict(signal_name="")),
        ("no type", dict(workflow_type=wtype(""))),
        ("no queue", dict(task_queue=tq(""))),
        ("long signal", dict(signal_name="s" * 1001)),
        ("long request id", dict(request_id="r" * 1001)),
        ("cron and delay", dict(cron_schedule="@hourly", workflow_start_delay=dur(5))),
        ("bad cron", dict(cron_schedule="nonsense")),
        ("negative delay", dict(workflow_start_delay=dur(-5))),
        ("negative timeout", dict(workflow_run_timeout=dur(-5))),
        ("bad retry", dict(retry_policy=retry(1, coefficient=0.5))),
        ("unknown search attribute", dict(search_attributes=search_attributes(Nope="x"))),
        ("policies of two kinds", dict(workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE",
                                       workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING")),
    ]:
        await ctx.call(label, ctx.svc.SignalWithStartWorkflowExecution(_request(ctx, "r", **kw), timeout=10), keep=False)
    await ctx.call("no id", ctx.svc.SignalWithStartWorkflowExecution(ws.SignalWithStartWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_type=wtype("wf"), task_queue=tq(ctx.queue), signal_name="s", request_id="r"), timeout=10), keep=False)


async def under_a_task(ctx):
    """While a worker holds the task the signal is buffered; the task's close is refused over it."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await _sws(ctx, "start", request_id="r")
    await _sws(ctx, "start again", request_id="r")
    await ctx.call("close", w.done(t, complete()), keep=False)
    await w.step(timer("t", 1000))
    await ctx.history()
    await ctx.terminate()
