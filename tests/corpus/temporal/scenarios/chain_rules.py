"""What a chain's next run takes over, what is refused, and cron: rules that the other nouns only touch."""
import asyncio

from golden_lib import Header, Memo, app_failure, cmd, complete, dur, payload, pl, retry, search_attributes, timer, tq, wtype
from temporalio.api.common.v1 import Link, Priority
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.workflowservice import v1 as ws

CAN = "CONTINUE_AS_NEW_WORKFLOW_EXECUTION"
FAIL = "FAIL_WORKFLOW_EXECUTION"


def _rich(**kw):
    """A start that carries everything."""
    return dict(memo=Memo(fields={"m": payload(1), "null": payload(None)}), header=Header(fields={"h": payload("x")}),
                search_attributes=search_attributes(TemporalChangeVersion=["v"]), priority=Priority(priority_key=2),
                user_metadata=UserMetadata(summary=payload("short")), last_completion_result=pl("old"),
                links=[Link(batch_job=Link.BatchJob(job_id="job"))], **kw)


def _upserts():
    return [cmd("MODIFY_WORKFLOW_PROPERTIES", upserted_memo=Memo(fields={"m": payload(2), "up": payload(3)})),
            cmd("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", search_attributes=search_attributes(TemporalChangeVersion=["v", "w"]))]


async def can_after_everything(ctx):
    """A rich start and upserts, then an empty command: only priority, links and timeouts are carried."""
    w = ctx.raw()
    await ctx.start("wf", "wf", None, "in", retry_policy=retry(1, attempts=3), **_rich())
    await w.step(*_upserts(), cmd(CAN))
    await ctx.history("wf", label="second run")
    await ctx.describe("wf", label="describe second run")


async def can_with_everything(ctx):
    """Every field of the command, timeouts past the execution's."""
    w = ctx.raw()
    run = await ctx.start("wf", "wf", workflow_execution_timeout=dur(90))
    await w.step(cmd(CAN, workflow_type=wtype("other"), task_queue=tq(ctx.queue + "-2"), input=pl(1, 2),
                     workflow_run_timeout=dur(200), workflow_task_timeout=dur(500), header=Header(fields={"h": payload("x")}),
                     failure=app_failure("why", "F"), last_completion_result=pl("r"), cron_schedule="@hourly", initiator=3,
                     retry_policy=retry(0, coefficient=0, attempts=3), backoff_start_interval=dur(3),
                     memo=Memo(fields={"m": payload(1), "null": payload(None)}),
                     search_attributes=search_attributes(TemporalChangeVersion=["v"])))
    await ctx.history("wf", run, "first run")
    await ctx.history("wf", label="second run")
    await ctx.describe("wf", label="describe second run")


async def can_refused(ctx):
    """Bad commands: each fails the task, the workflow goes on."""
    for i, (label, attrs) in enumerate([
        ("reserved queue", dict(task_queue=tq("/_sys/x"))),
        ("long queue", dict(task_queue=tq("q" * 1001))),
        ("internal queue", dict(task_queue=tq("temporal-sys-per-ns-tq"))),
        ("long type", dict(workflow_type=wtype("t" * 1001))),
        ("negative run timeout", dict(workflow_run_timeout=dur(-1))),
        ("negative task timeout", dict(workflow_task_timeout=dur(-1))),
        ("negative backoff", dict(backoff_start_interval=dur(-1))),
        ("bad policy", dict(retry_policy=retry(1, coefficient=0.5))),
        ("unknown search attribute", dict(search_attributes=search_attributes(Nope="x"))),
        ("system search attribute", dict(search_attributes=search_attributes(RunId="x"))),
        ("build id on another queue", dict(inherit_build_id=True, task_queue=tq("other"))),
        ("nonsense cron", dict(cron_schedule="nonsense")),
        ("large input", dict(input=pl("x" * (2 * 1024 * 1024 + 1)))),
    ]):
        name = f"w{i}"
        await ctx.start(name, queue=f"{ctx.queue}-{i}")
        raw = ctx.raw(f"{ctx.queue}-{i}")
        t = await raw.wft()
        await ctx.call(label, raw.done(t, cmd(CAN, **attrs)), keep=False)
        ctx.record(label + ": last events", (await ctx.events(name))[3:5])
    await ctx.start("none", queue=ctx.queue + "-none")
    raw = ctx.raw(ctx.queue + "-none")
    t = await raw.wft()
    c = cmd(CAN)
    c.ClearField("continue_as_new_workflow_execution_command_attributes")
    await ctx.call("no attributes", raw.done(t, c), keep=False)


async def can_over_a_signal(ctx):
    """A buffered signal: UNHANDLED_COMMAND; with the signal seen the same command passes."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.signal("wf", "s")
    await ctx.call("first try", w.done(t, cmd(CAN)), keep=False)
    await w.step(cmd(CAN))
    await ctx.history("wf", label="newest run")


async def can_as_retry(ctx):
    """The worker may call its continuation a retry: the attempt grows."""
    w = ctx.raw()
    await ctx.start()
    await w.step(cmd(CAN, initiator=2, failure=app_failure("x", "F")))
    await ctx.history("wf", label="second run")


async def retry_after_everything(ctx):
    """A failed run is started again as it was started; what was upserted since is not carried."""
    w = ctx.raw()
    await ctx.start("wf", "wf", None, "in", retry_policy=retry(1, attempts=3), workflow_execution_timeout=dur(60), **_rich())
    await w.step(*_upserts(), cmd(FAIL, failure=app_failure("one", "F")))
    await ctx.history("wf", label="second run before its task")
    await ctx.describe("wf", label="describe second run")


async def retry_delay_of_the_failure(ctx):
    """next_retry_delay of a workflow's failure is cut to the policy's maximum."""
    for i, (seconds, maximum) in enumerate([(7, None), (40, 30), (-1, 30), (0, 30)]):
        name = f"w{i}"
        await ctx.start(name, queue=f"{ctx.queue}-{i}", retry_policy=retry(5, maximum=maximum, attempts=3))
        failure = app_failure("x", "F")
        failure.application_failure_info.next_retry_delay.CopyFrom(dur(seconds))
        await ctx.raw(f"{ctx.queue}-{i}").step(cmd(FAIL, failure=failure))
        ctx.record(f"delay {seconds} maximum {maximum}", (await ctx.events(name))[0])


async def retry_states(ctx):
    """Failures that end the chain: no time left, no attempt left, kinds that are never retried."""
    for i, (label, start, failure) in enumerate([
        ("no time left", dict(workflow_execution_timeout=dur(5), retry_policy=retry(6, attempts=5)), app_failure("x", "F")),
        ("one attempt", dict(retry_policy=retry(1, attempts=1)), app_failure("x", "F")),
        ("canceled", dict(retry_policy=retry(1)), _kind("canceled_failure_info")),
        ("terminated", dict(retry_policy=retry(1)), _kind("terminated_failure_info")),
        ("server", dict(retry_policy=retry(1)), _kind("server_failure_info")),
        ("timeout", dict(retry_policy=retry(1)), _kind("timeout_failure_info")),
        ("child", dict(retry_policy=retry(1)), _kind("child_workflow_execution_failure_info")),
    ]):
        name = f"w{i}"
        run = await ctx.start(name, queue=f"{ctx.queue}-{i}", **start)
        await ctx.raw(f"{ctx.queue}-{i}").step(cmd(FAIL, failure=failure))
        ctx.record(label, (await ctx.events(name, run))[-1])


def _kind(name):
    failure = app_failure("x", "F")
    failure.ClearField("application_failure_info")
    getattr(failure, name).SetInParent()
    return failure


async def timeout_is_retried(ctx):
    """A run timeout under a retry policy, with a task in a worker's hands and a signal behind it."""
    w = ctx.raw()
    run = await ctx.start("wf", "wf", None, "in", workflow_run_timeout=dur(1), last_completion_result=pl("old"),
                          retry_policy=retry(3, attempts=2))
    await w.wft()
    await ctx.signal("wf", "s")
    await ctx.until("wf", "WORKFLOW_EXECUTION_TIMED_OUT", run)
    await ctx.history("wf", run, "first run")
    await ctx.history("wf", label="second run")
    await ctx.until("wf", "WORKFLOW_EXECUTION_TIMED_OUT")
    await ctx.history("wf", label="second run at its end")


def _cron(ctx):
    # Waits are whole seconds, rounded up from wherever a second began.
    ctx.norm.drop.add("first_workflow_task_backoff")
    return dict(cron_schedule="@every 2s")


async def cron_rounds(ctx):
    """Completed, failed, completed: results and failures are handed on, the schedule goes on."""
    w = ctx.raw()
    run = await ctx.start("wf", "wf", None, "in", **_cron(ctx))
    await ctx.history("wf", run, "first run before its turn")
    await w.step(complete("one"))
    await ctx.history("wf", run, "first run")
    second = (await ctx.svc.DescribeWorkflowExecution(ws.DescribeWorkflowExecutionRequest(
        namespace=ctx.namespace, execution=ctx.exec("wf")))).workflow_execution_info.execution.run_id
    await w.step(cmd(FAIL, failure=app_failure("two", "F")))
    await ctx.history("wf", second, "second run")
    await ctx.history("wf", label="third run")
    await w.step(complete("three"))
    await ctx.history("wf", label="fourth run")


async def cron_and_retry(ctx):
    """A failed cron run is retried first; the last attempt's failure goes to the next round."""
    w = ctx.raw()
    await ctx.start("wf", "wf", None, retry_policy=retry(1, attempts=2), **_cron(ctx))
    await w.step(cmd(FAIL, failure=app_failure("one", "F")))
    await ctx.history("wf", label="second attempt")
    await w.step(cmd(FAIL, failure=app_failure("two", "F")))
    await ctx.history("wf", label="next round")


async def cron_times_out(ctx):
    """A run timeout of a cron workflow."""
    w = ctx.raw()
    run = await ctx.start("wf", "wf", None, workflow_run_timeout=dur(1), **_cron(ctx))
    await w.step(timer("t", 100))
    await ctx.until("wf", "WORKFLOW_EXECUTION_TIMED_OUT", run)
    await ctx.history("wf", run, "first run")
    await ctx.history("wf", label="second run")


async def cron_ends(ctx):
    """Cancelled by the worker, terminated, and continued as new without a schedule: the rounds end."""
    for name, last in (("canceled", cmd("CANCEL_WORKFLOW_EXECUTION")), ("continued", cmd(CAN))):
        w = ctx.raw(f"{ctx.queue}-{name}")
        await ctx.start(name, queue=f"{ctx.queue}-{name}", **_cron(ctx))
        await w.step(last)
        await ctx.history(name)
    run = await ctx.start("terminated", **_cron(ctx))
    await ctx.svc.TerminateWorkflowExecution(ws.TerminateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec("terminated", run), reason="enough", identity="raw-client"))
    await ctx.history("terminated")


async def cron_before_its_turn(ctx):
    """Signals, a signal with start and a cancel request for a cron run that waits."""
    ctx.norm.drop.add("first_workflow_task_backoff")
    await ctx.start("wf", "wf", None, cron_schedule="0 0 1 1 *", request_eager_execution=True)
    await ctx.signal("wf", "s")
    await ctx.history("wf", label="signalled")
    await ctx.svc.RequestCancelWorkflowExecution(ws.RequestCancelWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec("wf"), identity="raw-client"))
    await ctx.history("wf", label="cancel requested")
    await ctx.svc.SignalWithStartWorkflowExecution(ws.SignalWithStartWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_id=ctx.id("sws"), workflow_type=wtype("wf"), task_queue=tq(ctx.queue),
        signal_name="s", cron_schedule="0 0 1 1 *", identity="raw-client"))
    await ctx.history("sws", label="signal with start")


async def cron_refused(ctx):
    """Schedules that cannot be, by start, signal-with-start and as a child's."""
    for schedule in ("nonsense", "0 0 30 2 *", "* * * * * *", "TZ=Nowhere/Land * * * * *", "@every 1x"):
        request = ctx.start_request("no", cron_schedule=schedule)
        await ctx.call(f"start {schedule}", ctx.svc.StartWorkflowExecution(request, timeout=5))
        await ctx.call(f"signal with start {schedule}", ctx.svc.SignalWithStartWorkflowExecution(
            ws.SignalWithStartWorkflowExecutionRequest(
                namespace=ctx.namespace, workflow_id=ctx.id("no"), workflow_type=wtype("wf"), task_queue=tq(ctx.queue),
                signal_name="s", cron_schedule=schedule), timeout=5))
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.call("child", w.done(t, cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id("kid"),
                                          workflow_type=wtype("kid"), cron_schedule="nonsense")), keep=False)


async def children_go_on(ctx):
    """A child continues as new, fails and is retried, goes round by cron: its parent waits for the last run."""
    w = ctx.raw()
    kid = ctx.raw(ctx.queue + "-kid")
    await ctx.start()
    await w.step(cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id("kid"), workflow_type=wtype("kid"),
                     task_queue=tq(ctx.queue + "-kid"), retry_policy=retry(1, attempts=2)))
    await w.step()
    await kid.step(cmd(CAN, retry_policy=retry(1, attempts=2)))
    await ctx.history("kid", label="second run of the child")
    await kid.step(cmd(FAIL, failure=app_failure("one", "F")))
    await ctx.history("kid", label="third run of the child")
    await kid.step(complete("end"))
    await w.step(complete())
    await ctx.history("wf", label="parent")


async def who_waits(ctx):
    """A long poll for the end without a run id stays with the run that was the newest when it began."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    waiting = asyncio.ensure_future(_wait_for_the_end(ctx))
    await asyncio.sleep(0.3)
    await w.done(t, cmd(CAN))
    ctx.record("the end", list((await waiting).history.events))


async def _wait_for_the_end(ctx):
    return await ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
        namespace=ctx.namespace, execution=ctx.exec("wf"), wait_new_event=True, history_event_filter_type=2), timeout=15)


async def who_comes_again(ctx):
    """The chain's first request id and its policies, once a successor is the newest run."""
    w = ctx.raw()
    first = ctx.start_request("wf")
    run = (await ctx.svc.StartWorkflowExecution(first, timeout=5)).run_id
    ctx.norm.name(run, "run:wf")
    await w.step(cmd(CAN))
    await ctx.call("the first request again", ctx.svc.StartWorkflowExecution(first, timeout=5))
    other = ctx.start_request("wf", workflow_id_conflict_policy=2)
    await ctx.call("use existing", ctx.svc.StartWorkflowExecution(other, timeout=5))
    await ctx.call("signal the first run", ctx.signal("wf", "s", run_id=run))
    await ctx.call("terminate by the chain", ctx.svc.TerminateWorkflowExecution(ws.TerminateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec("wf", run), first_execution_run_id=run)))
    await ctx.history("wf", label="newest run")
