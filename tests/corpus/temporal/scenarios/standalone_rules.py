"""Rules of activities without a workflow: ids, cancellation, termination, timeouts, calls by id."""
import asyncio
import uuid

from golden_lib import ActivityType, app_failure, dur, payload, pl, retry, search_attributes, tq, ws
from temporalio.api.common.v1 import Header, Priority
from temporalio.api.enums.v1 import ActivityIdConflictPolicy as Conflict
from temporalio.api.enums.v1 import ActivityIdReusePolicy as Reuse
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.api.sdk.v1 import UserMetadata

USE_EXISTING = Conflict.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING
FAILED_ONLY = Reuse.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
REJECT = Reuse.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE


def _request(ctx, aid="a", **kw):
    kw.setdefault("request_id", str(uuid.uuid4()))
    kw.setdefault("start_to_close_timeout", dur(30))
    kw.setdefault("task_queue", tq(ctx.queue))
    kw.setdefault("activity_type", ActivityType(name="act"))
    kw.setdefault("namespace", ctx.namespace)
    kw.setdefault("activity_id", ctx.id(aid) if aid else "")
    kw.setdefault("identity", "raw-client")
    return ws.StartActivityExecutionRequest(**kw)


def _start(ctx, aid="a", **kw):
    return ctx.svc.StartActivityExecution(_request(ctx, aid, **kw), timeout=10)


async def _begin(ctx, aid="a", **kw):
    r = await _start(ctx, aid, **kw)
    ctx.norm.name(r.run_id, f"run:{aid}")
    return r.run_id


def _poll(ctx, aid="a", run_id="", timeout=10):
    return ctx.svc.PollActivityExecution(ws.PollActivityExecutionRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), run_id=run_id), timeout=timeout)


def _describe(ctx, aid="a", timeout=10, **kw):
    kw.setdefault("include_outcome", True)
    return ctx.svc.DescribeActivityExecution(ws.DescribeActivityExecutionRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), **kw), timeout=timeout)


def _cancel(ctx, aid="a", **kw):
    kw.setdefault("identity", "canceller")
    return ctx.svc.RequestCancelActivityExecution(ws.RequestCancelActivityExecutionRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), **kw), timeout=10)


def _terminate(ctx, aid="a", **kw):
    kw.setdefault("identity", "terminator")
    return ctx.svc.TerminateActivityExecution(ws.TerminateActivityExecutionRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), **kw), timeout=10)


def _delete(ctx, aid="a", **kw):
    return ctx.svc.DeleteActivityExecution(ws.DeleteActivityExecutionRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), **kw), timeout=10)


def _complete_by_id(ctx, aid="a", run_id="", **kw):
    return ctx.svc.RespondActivityTaskCompletedById(ws.RespondActivityTaskCompletedByIdRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid) if aid else "", run_id=run_id, identity="by-id",
        result=pl("by id"), **kw), timeout=10)


def _fail_by_id(ctx, failure, aid="a"):
    return ctx.svc.RespondActivityTaskFailedById(ws.RespondActivityTaskFailedByIdRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), identity="by-id", failure=failure), timeout=10)


def _cancel_by_id(ctx, aid="a"):
    return ctx.svc.RespondActivityTaskCanceledById(ws.RespondActivityTaskCanceledByIdRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), identity="by-id", details=pl("gone")), timeout=10)


def _beat_by_id(ctx, aid="a"):
    return ctx.svc.RecordActivityTaskHeartbeatById(ws.RecordActivityTaskHeartbeatByIdRequest(
        namespace=ctx.namespace, activity_id=ctx.id(aid), identity="by-id", details=pl("beat")), timeout=10)


async def _nothing(ctx, label):
    """Records whether a worker is given nothing for a while."""
    r = await ctx.svc.PollActivityTaskQueue(ws.PollActivityTaskQueueRequest(
        namespace=ctx.namespace, task_queue=tq(ctx.queue), identity="raw-worker"), timeout=2.2)
    ctx.record(label, {"given": bool(r.task_token)})


async def everything(ctx):
    """Every option of a start is shown and handed to the worker."""
    ctx.norm.keep |= {"schedule_time", "expiration_time", "last_started_time", "close_time", "scheduled_time",
                      "current_attempt_scheduled_time", "started_time"}
    r = await _start(
        ctx, input=pl("in"), header=Header(fields={"h": payload("v")}), priority=Priority(priority_key=2),
        user_metadata=UserMetadata(summary=payload("sum"), details=payload("det")),
        schedule_to_close_timeout=dur(100), schedule_to_start_timeout=dur(200), heartbeat_timeout=dur(50),
        start_to_close_timeout=dur(40), retry_policy=retry(2, 3, 8, 4, ("X",)),
        search_attributes=search_attributes(TemporalChangeVersion=["c"]))
    ctx.norm.name(r.run_id, "run:a")
    ctx.record("start", r)
    await ctx.call("scheduled", _describe(ctx, include_input=True))
    w = ctx.raw()
    t = await w.act()
    ctx.record("task", t)
    await ctx.call("heartbeat", w.heartbeat(t, 1, 2))
    await ctx.call("started", _describe(ctx))
    await ctx.call("complete", w.act_done(t))
    await ctx.call("poll", _poll(ctx))
    await ctx.call("completed", _describe(ctx))


async def timeouts_filled(ctx):
    """Timeouts that are left out are filled from schedule-to-close alone."""
    await _begin(ctx, "close", start_to_close_timeout=None, schedule_to_close_timeout=dur(60), heartbeat_timeout=dur(99))
    await ctx.call("close only", _describe(ctx, "close"))
    await _begin(ctx, "run", start_to_close_timeout=dur(5), schedule_to_start_timeout=dur(7))
    await ctx.call("start to close", _describe(ctx, "run"))


async def id_conflict(ctx):
    """A start over a running activity: refused, answered with it, and the same request id again."""
    await _begin(ctx, request_id="first")
    await ctx.call("fail", _start(ctx))
    await ctx.call("use existing", _start(ctx, id_conflict_policy=USE_EXISTING))
    await ctx.call("same request", _start(ctx, request_id="first"))
    await ctx.call("unknown policy", _start(ctx, id_conflict_policy=9))
    await ctx.call("unknown reuse policy", _start(ctx, id_reuse_policy=9))


async def id_reuse(ctx):
    """A start over a closed activity: allowed, only after a failure, never."""
    w = ctx.raw()
    await _begin(ctx, request_id="first")
    await w.act_done(await w.act())
    await ctx.call("failed only", _start(ctx, id_reuse_policy=FAILED_ONLY))
    await ctx.call("reject", _start(ctx, id_reuse_policy=REJECT))
    await ctx.call("same request", _start(ctx, request_id="first"))
    await ctx.call("allow", _start(ctx, request_id="second"))
    await w.act_fail(await w.act(), app_failure("x", "T", True))
    await ctx.call("failed only after a failure", _start(ctx, id_reuse_policy=FAILED_ONLY))
    await ctx.call("conflict", _start(ctx, id_reuse_policy=REJECT))


async def cancel_unstarted(ctx):
    """A cancelled activity that no worker has is closed at once, with the reason as its details."""
    await _begin(ctx)
    await ctx.call("cancel", _cancel(ctx, reason="no need", request_id="c1"))
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("describe", _describe(ctx))
    await ctx.call("cancel again", _cancel(ctx, reason="no need", request_id="c1"))
    await ctx.call("cancel otherwise", _cancel(ctx, reason="no need", request_id="c2"))
    await _nothing(ctx, "poll")


async def cancel_started(ctx):
    """A worker hears of a cancellation by its heartbeat, and may answer it."""
    w = ctx.raw()
    await _begin(ctx)
    t = await w.act()
    await ctx.call("canceled without a request", w.act_canceled(t, "d"))
    await ctx.call("heartbeat before", w.heartbeat(t))
    await ctx.call("cancel", _cancel(ctx, reason="stop", request_id="c1"))
    await ctx.call("cancel again", _cancel(ctx, reason="stop", request_id="c1"))
    await ctx.call("cancel otherwise", _cancel(ctx, reason="other", request_id="c2"))
    await ctx.call("heartbeat", w.heartbeat(t, "beat"))
    await ctx.call("describe", _describe(ctx))
    await ctx.call("canceled", w.act_canceled(t, "bye"))
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("described", _describe(ctx))


async def cancel_ignored(ctx):
    """A worker may complete or fail what was cancelled; a failure is not retried then."""
    w = ctx.raw()
    await _begin(ctx, "done")
    t = await w.act()
    await _cancel(ctx, "done")
    await w.act_done(t, "anyway")
    await ctx.call("completed", _describe(ctx, "done"))
    await _begin(ctx, "fails", retry_policy=retry(0.1, attempts=5))
    t = await w.act()
    await _cancel(ctx, "fails")
    await ctx.call("fail", w.act_fail(t, app_failure("soft", "S")))
    await ctx.call("failed", _describe(ctx, "fails"))


async def cancel_backing_off(ctx):
    """Between two attempts a cancellation closes at once."""
    w = ctx.raw()
    await _begin(ctx, retry_policy=retry(30))
    await w.act_fail(await w.act(), app_failure("soft", "S"))
    await ctx.call("backing off", _describe(ctx))
    await ctx.call("cancel", _cancel(ctx))
    await ctx.call("canceled", _describe(ctx))


async def terminate(ctx):
    """Terminated, with and without a worker; answers and heartbeats afterwards."""
    w = ctx.raw()
    await _begin(ctx)
    t = await w.act()
    await ctx.call("terminate", _terminate(ctx, reason="enough", request_id="t1"))
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("describe", _describe(ctx))
    await ctx.call("same request", _terminate(ctx, reason="enough", request_id="t1"))
    await ctx.call("another request", _terminate(ctx, reason="enough", request_id="t2"))
    await ctx.call("cancel", _cancel(ctx))
    await ctx.call("heartbeat", w.heartbeat(t))
    await ctx.call("complete", w.act_done(t))
    await ctx.call("fail", w.act_fail(t, app_failure("x")))
    await _begin(ctx, "waiting")
    await ctx.call("terminate unstarted", _terminate(ctx, "waiting"))
    await ctx.call("unstarted", _describe(ctx, "waiting"))


async def closed(ctx):
    """Nothing changes a completed activity."""
    w = ctx.raw()
    await _begin(ctx)
    t = await w.act()
    await w.act_done(t, 1)
    await ctx.call("complete again", w.act_done(t, 2))
    await ctx.call("fail", w.act_fail(t, app_failure("x")))
    await ctx.call("heartbeat", w.heartbeat(t))
    await ctx.call("canceled", w.act_canceled(t))
    await ctx.call("cancel", _cancel(ctx))
    await ctx.call("terminate", _terminate(ctx))
    await ctx.call("by id", _complete_by_id(ctx))
    await ctx.call("describe", _describe(ctx))


async def stale_attempt(ctx):
    """An earlier attempt's token is refused; details of its heartbeat go to the next one."""
    w = ctx.raw()
    await _begin(ctx, retry_policy=retry(0.1))
    first = await w.act()
    await w.heartbeat(first, "beat")
    await ctx.call("fail", w.act_fail(first, app_failure("soft", "S")))
    second = await w.act()
    ctx.record("second", second)
    await ctx.call("first completes", w.act_done(first))
    await ctx.call("first beats", w.heartbeat(first))
    await ctx.call("second completes", w.act_done(second))
    await ctx.call("described", _describe(ctx))


async def retries(ctx):
    """What is retried: not what has no reason, a listed type or the last attempt."""
    w = ctx.raw()
    await _begin(ctx, "listed", retry_policy=retry(0.1, non_retryable=("N",)))
    await w.act_fail(await w.act(), app_failure("x", "N"))
    await ctx.call("listed type", _describe(ctx, "listed"))
    await _begin(ctx, "last", retry_policy=retry(0.1, attempts=1))
    await w.act_fail(await w.act(), app_failure("x", "S"))
    await ctx.call("last attempt", _describe(ctx, "last"))
    await _begin(ctx, "late", retry_policy=retry(60), schedule_to_close_timeout=dur(30))
    await w.act_fail(await w.act(), app_failure("x", "S"))
    await ctx.call("no time left", _describe(ctx, "late"))
    await _begin(ctx, "delay", retry_policy=retry(60))
    failure = app_failure("x", "S")
    failure.application_failure_info.next_retry_delay.CopyFrom(dur(40))
    await w.act_fail(await w.act(), failure)
    await ctx.call("next retry delay", _describe(ctx, "delay"))


async def backoff(ctx):
    """The interval grows, is capped and shown while it runs."""
    w = ctx.raw()
    await _begin(ctx, retry_policy=retry(20, 3, 50))
    await w.act_fail(await w.act(), app_failure("x", "S"))
    ctx.norm.keep |= {"next_attempt_schedule_time", "last_attempt_complete_time"}
    await ctx.call("first", _describe(ctx))


async def by_id(ctx):
    """Answers by activity id alone, of the first attempt."""
    w = ctx.raw()
    run = await _begin(ctx)
    await ctx.call("before it starts", _complete_by_id(ctx))
    await w.act()
    await ctx.call("heartbeat", _beat_by_id(ctx))
    await ctx.call("cancel report", _cancel_by_id(ctx))
    await ctx.call("unknown", _complete_by_id(ctx, "zzz"))
    await ctx.call("no id", _complete_by_id(ctx, ""))
    await ctx.call("another run", _complete_by_id(ctx, run_id=str(uuid.UUID(int=5))))
    await ctx.call("run id is none", _complete_by_id(ctx, run_id="x"))
    await ctx.call("complete", _complete_by_id(ctx, run_id=run))
    await ctx.call("described", _describe(ctx))
    await _begin(ctx, "f")
    await w.act()
    await ctx.call("fail", _fail_by_id(ctx, app_failure("x", "T", True), "f"))
    await ctx.call("failed", _describe(ctx, "f"))
    await _begin(ctx, "c")
    await w.act()
    await _cancel(ctx, "c", reason="r")
    await ctx.call("canceled", _cancel_by_id(ctx, "c"))
    await ctx.call("described c", _describe(ctx, "c"))


async def odd_failures(ctx):
    """Failures that are no application's: refused by token, taken by id and never retried."""
    w = ctx.raw()
    await _begin(ctx, retry_policy=retry(0.1))
    t = await w.act()
    gone = Failure(message="gone", canceled_failure_info=CanceledFailureInfo())
    await ctx.call("by token", w.act_fail(t, gone))
    await ctx.call("by id", _fail_by_id(ctx, gone))
    await ctx.call("described", _describe(ctx))
    await _begin(ctx, "none", retry_policy=retry(0.1))
    t = await w.act()
    await ctx.call("no failure", ctx.svc.RespondActivityTaskFailed(ws.RespondActivityTaskFailedRequest(
        namespace=ctx.namespace, task_token=t.task_token, identity="raw-worker"), timeout=10))
    await ctx.call("described none", _describe(ctx, "none"))


async def schedule_to_start(ctx):
    """Nobody takes it in time."""
    await _begin(ctx, schedule_to_start_timeout=dur(1))
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("described", _describe(ctx))


async def schedule_to_close(ctx):
    """The whole activity is over: while a worker has it, and after a failed attempt."""
    w = ctx.raw()
    await _begin(ctx, schedule_to_close_timeout=dur(1.5))
    t = await w.act()
    await w.heartbeat(t, "beat")
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("described", _describe(ctx))
    await ctx.call("complete", w.act_done(t))


async def heartbeat_timeout(ctx):
    """A silent worker costs an attempt; the last one closes it."""
    w = ctx.raw()
    await _begin(ctx, heartbeat_timeout=dur(1), retry_policy=retry(0.1, attempts=2))
    t = await w.act()
    await w.heartbeat(t, "beat")
    t = await w.act()
    ctx.record("second", t)
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("described", _describe(ctx))


async def timeout_after_cancel(ctx):
    """A cancelled attempt that times out is not retried."""
    w = ctx.raw()
    await _begin(ctx, start_to_close_timeout=dur(1), retry_policy=retry(0.1))
    await w.act()
    await _cancel(ctx)
    await ctx.call("outcome", _poll(ctx))
    await ctx.call("described", _describe(ctx))


async def long_polls(ctx):
    """A description waits for the next change; an outcome for the end."""
    run = await _begin(ctx)
    first = await _describe(ctx)
    w = ctx.raw()
    waiting = asyncio.ensure_future(_describe(ctx, run_id=run, long_poll_token=first.long_poll_token))
    outcome = asyncio.ensure_future(_poll(ctx, run_id=run))
    await asyncio.sleep(0.3)
    ctx.record("waits", [waiting.done(), outcome.done()])
    t = await w.act()
    second = await waiting
    ctx.record("second", second)
    ctx.record("outcome waits", outcome.done())
    await w.act_done(t, "out")
    ctx.record("outcome", await outcome)
    ctx.record("third", await _describe(ctx, run_id=run, long_poll_token=second.long_poll_token))
    await ctx.call("old token", _describe(ctx, run_id=run, long_poll_token=first.long_poll_token))
    await ctx.call("no run id", _describe(ctx, long_poll_token=first.long_poll_token))
    await ctx.call("bad token", _describe(ctx, run_id=run, long_poll_token=b"nonsense"))
    other = await _begin(ctx, "other")
    await ctx.call("token of another", _describe(ctx, "other", run_id=other, long_poll_token=first.long_poll_token))
    await ctx.call("bad run id", _describe(ctx, run_id="x"))
    await ctx.call("unknown run", _describe(ctx, run_id=str(uuid.UUID(int=7))))


async def empty_polls(ctx):
    """Polls that come to nothing answer empty a second before their deadline."""
    run = await _begin(ctx)
    token = (await _describe(ctx)).long_poll_token
    await ctx.call("outcome", _poll(ctx, run_id=run, timeout=2))
    await ctx.call("describe", _describe(ctx, run_id=run, long_poll_token=token, timeout=2))


async def deleted(ctx):
    """Deleted: closed, running, and unknown ones."""
    w = ctx.raw()
    run = await _begin(ctx)
    waiting = asyncio.ensure_future(_poll(ctx, run_id=run))
    await asyncio.sleep(0.2)
    t = await w.act()
    await w.act_done(t, "out")
    ctx.record("outcome", await waiting)
    await ctx.call("delete", _delete(ctx))
    for _ in range(50):
        try:
            await _describe(ctx, run_id=run)
        except Exception:
            break
        await asyncio.sleep(0.1)
    await ctx.call("gone", _describe(ctx, run_id=run))
    await ctx.call("complete", w.act_done(t))
    await ctx.call("delete again", _delete(ctx, run_id=run))
    await ctx.call("delete unknown", _delete(ctx, "zzz"))
    await ctx.call("bad run id", _delete(ctx, "zzz", run_id="x"))


async def limits(ctx):
    """Lengths, missing ids, queues that nobody may name."""
    long = "x" * 1001
    await ctx.call("no id", _start(ctx, ""))
    await ctx.call("long id", _start(ctx, "", activity_id=long))
    await ctx.call("long type", _start(ctx, activity_type=ActivityType(name=long)))
    await ctx.call("long queue", _start(ctx, task_queue=tq(long)))
    await ctx.call("empty queue", _start(ctx, task_queue=tq("")))
    await ctx.call("reserved queue", _start(ctx, task_queue=tq("/_sys/mine/1")))
    await ctx.call("server's queue", _start(ctx, task_queue=tq("temporal-sys-per-ns-tq")))
    await ctx.call("long identity", _start(ctx, identity=long))
    await ctx.call("long request id", _start(ctx, request_id=long))
    await ctx.call("no request id", _start(ctx, "norequest", request_id=""), keep=False)
    await ctx.call("bad priority", _start(ctx, priority=Priority(priority_key=-1)))
    await ctx.call("big input", _start(ctx, input=pl("x" * 2_100_000)))
    await ctx.call("unknown attribute", _start(ctx, search_attributes=search_attributes(Nope="x")))
    await ctx.call("system attribute", _start(ctx, search_attributes=search_attributes(ActivityType="x")))
    await ctx.call("bad schedule to start", _start(ctx, schedule_to_start_timeout=dur(-1)))
    await ctx.call("cancel without id", ctx.svc.RequestCancelActivityExecution(
        ws.RequestCancelActivityExecutionRequest(namespace=ctx.namespace), timeout=10))
    await ctx.call("cancel long id", ctx.svc.RequestCancelActivityExecution(
        ws.RequestCancelActivityExecutionRequest(namespace=ctx.namespace, activity_id=long), timeout=10))
    await ctx.call("cancel unknown", _cancel(ctx, "zzz"))
    await ctx.call("cancel bad run", _cancel(ctx, "zzz", run_id="x"))
    await ctx.call("cancel long request id", _cancel(ctx, "zzz", request_id=long))
    await ctx.call("cancel long identity", _cancel(ctx, "zzz", identity=long))
    await ctx.call("cancel long reason", _cancel(ctx, "zzz", reason="x" * 2_100_000))
    await ctx.call("terminate unknown", _terminate(ctx, "zzz"))
    await ctx.call("terminate bad run", _terminate(ctx, "zzz", run_id="x"))
    await ctx.call("terminate long reason", _terminate(ctx, "zzz", reason="x" * 2_100_000))
    await ctx.call("describe without id", ctx.svc.DescribeActivityExecution(
        ws.DescribeActivityExecutionRequest(namespace=ctx.namespace), timeout=10))
    await ctx.call("poll long id", ctx.svc.PollActivityExecution(
        ws.PollActivityExecutionRequest(namespace=ctx.namespace, activity_id=long), timeout=10))
    await ctx.call("unknown namespace", _start(ctx, namespace=ctx.id("nowhere")))
    await ctx.call("no namespace", _start(ctx, namespace=""))


async def big_answers(ctx):
    """A result or heartbeat that is too large fails the activity."""
    w = ctx.raw()
    await _begin(ctx, "result")
    t = await w.act()
    await ctx.call("result", w.act_done(t, "x" * 2_100_000))
    await ctx.call("after result", _describe(ctx, "result"))
    await _begin(ctx, "beat")
    t = await w.act()
    await ctx.call("heartbeat", w.heartbeat(t, "x" * 2_100_000))
    await ctx.call("after heartbeat", _describe(ctx, "beat"))


def _list(ctx, query, **kw):
    return ctx.svc.ListActivityExecutions(ws.ListActivityExecutionsRequest(
        namespace=ctx.namespace, query=query, **kw), timeout=10)


def _count(ctx, query):
    return ctx.svc.CountActivityExecutions(ws.CountActivityExecutionsRequest(
        namespace=ctx.namespace, query=query), timeout=10)


async def lists(ctx):
    """Rows and counts by the attributes of activities."""
    w = ctx.raw()
    queue = f"TaskQueue = '{ctx.queue}'"
    ctx.norm.keep |= {"schedule_time", "close_time"}
    await _begin(ctx, "done")
    await w.act_done(await w.act(), "out")
    await _begin(ctx, "failed")
    await w.act_fail(await w.act(), app_failure("x", "T", True))
    await _begin(ctx, "open", activity_type=ActivityType(name="other"))
    wanted = (
        (f"{queue} AND ExecutionStatus = 'Running'", 1), (f"{queue} AND ExecutionStatus = 'Completed'", 1),
        (f"{queue} AND ExecutionStatus = 'Failed'", 1), (f"{queue} AND ActivityType = 'other'", 1),
        (f"{queue} AND ActivityId = '{ctx.id('done')}'", 1), (f"{queue} AND ExecutionStatus != 'Running'", 2),
        (queue, 3), (f"{queue} AND CloseTime IS NULL", 1), (f"{queue} AND ExecutionStatus = 'TimedOut'", 0),
        (f"{queue} AND ActivityId IN ('{ctx.id('done')}', '{ctx.id('open')}')", 2),
    )
    for query, n in wanted:
        for _ in range(100):
            r = await _list(ctx, query)
            if len(r.executions) == n:
                break
            await asyncio.sleep(0.1)
        r.executions.sort(key=lambda e: e.activity_id)
        for row in r.executions:
            # The server's own mark of its components; it says nothing of the activity.
            row.search_attributes.indexed_fields.pop("TemporalNamespaceDivision", None)
        ctx.record(query, r)
        ctx.record("count", await _count(ctx, query))
    await ctx.call("no type", _list(ctx, "Nope = 'x'"))
    await ctx.call("bad query", _count(ctx, "ActivityId = "))
    r = await _count(ctx, f"{queue} GROUP BY ExecutionStatus")
    r.groups.sort(key=lambda g: g.group_values[0].data)
    ctx.record("groups", r)
    await ctx.call("group by type", _count(ctx, f"{queue} GROUP BY ActivityType"))
    await ctx.call("order by", _list(ctx, f"{queue} ORDER BY StartTime"))
    await ctx.call("activities are no workflows", ctx.svc.CountWorkflowExecutions(
        ws.CountWorkflowExecutionsRequest(namespace=ctx.namespace, query=queue), timeout=10))
