"""Pause, unpause, reset and changed options of activities."""
import asyncio

from golden_lib import activity, app_failure, cmd, complete, dur, payload, pl, retry, tq, ws
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import Priority


def _pause(ctx, wid="wf", **kw):
    return ctx.svc.PauseActivity(ws.PauseActivityRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid), identity="op", reason="why", **kw), timeout=10)


def _unpause(ctx, wid="wf", **kw):
    return ctx.svc.UnpauseActivity(ws.UnpauseActivityRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid), identity="op", **kw), timeout=10)


def _reset(ctx, wid="wf", **kw):
    return ctx.svc.ResetActivity(ws.ResetActivityRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid), identity="op", **kw), timeout=10)


def _options(ctx, paths, wid="wf", **kw):
    mask = None if paths is None else FieldMask(paths=paths)
    kw.setdefault("id", "a")
    if kw.get("type") or kw.get("match_all"):
        kw.pop("id")
    return ctx.svc.UpdateActivityOptions(ws.UpdateActivityOptionsRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid), identity="op", update_mask=mask, **kw), timeout=10)


async def _pending(ctx, label, wid="wf"):
    d = await ctx.describe_raw(wid)
    ctx.norm.keep.add("pause_time")
    ctx.record(label, {"activities": sorted(d.pending_activities, key=lambda p: p.activity_id),
                       "attributes": d.workflow_execution_info.search_attributes})


async def _nothing(ctx, w, label, queue=None):
    """Records whether a worker is given nothing for a while."""
    r = await ctx.svc.PollActivityTaskQueue(ws.PollActivityTaskQueueRequest(
        namespace=ctx.namespace, task_queue=tq(queue or ctx.queue), identity="raw-worker"), timeout=2.2)
    ctx.record(label, {"given": bool(r.task_token)})


async def pause_unstarted(ctx):
    """A paused activity that no worker has is not handed out; unpaused it is, at attempt 1."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue))
    await ctx.call("pause", _pause(ctx, id="a"))
    await _pending(ctx, "paused")
    await ctx.call("pause again", _pause(ctx, id="a"))
    await _nothing(ctx, w, "poll while paused")
    await ctx.call("unpause", _unpause(ctx, id="a"))
    await _pending(ctx, "unpaused")
    await ctx.call("unpause again", _unpause(ctx, id="a"))
    t = await w.act()
    ctx.record("attempt", t.attempt)
    await w.act_done(t)
    await w.step(complete())
    await ctx.history()


async def pause_running(ctx):
    """A paused running activity goes on: told by heartbeats, it may fail into PAUSED and complete later."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, heartbeat_timeout=dur(20), retry_policy=retry(0.05)))
    t = await w.act()
    await ctx.call("pause", _pause(ctx, id="a"))
    await ctx.call("heartbeat", w.heartbeat(t, "half"))
    await _pending(ctx, "pause requested")
    await ctx.call("fail", w.act_fail(t, app_failure("once", "Soft")))
    await _pending(ctx, "paused after a failure")
    await ctx.call("heartbeat of the old attempt", w.heartbeat(t))
    await ctx.call("unpause", _unpause(ctx, id="a"))
    t = await w.act()
    ctx.record("attempt 2", {"attempt": t.attempt, "details": t.heartbeat_details})
    await ctx.call("pause again", _pause(ctx, id="a"))
    await ctx.call("complete while paused", w.act_done(t, "ok"))
    d = await ctx.describe_raw()
    ctx.record("attributes after", d.workflow_execution_info.search_attributes)
    await w.step(complete())
    await ctx.history()


async def pause_past_maximum(ctx):
    """The last attempt of a paused activity fails: it stays, and unpaused it is tried once more."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, retry_policy=retry(0.05, attempts=1)))
    t = await w.act()
    await _pause(ctx, id="a")
    await ctx.call("fail", w.act_fail(t, app_failure("once", "Soft")))
    await _pending(ctx, "after the last attempt")
    await ctx.call("unpause", _unpause(ctx, id="a"))
    t = await w.act()
    ctx.record("attempt", t.attempt)
    await w.act_fail(t, app_failure("twice", "Soft"))
    await w.step(complete())
    await ctx.history()


async def pause_non_retryable(ctx):
    """A paused activity fails for good when its failure forbids a retry."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, retry_policy=retry(0.05)))
    t = await w.act()
    await _pause(ctx, id="a")
    await ctx.call("fail", w.act_fail(t, app_failure("no", "Hard", True)))
    await w.step(complete())
    await ctx.history()


async def pause_cancel(ctx):
    """Cancelling a paused activity: at once when no worker has it, by its worker else."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue), activity("b", ctx.queue + "-b"))
    t = await w.act()
    await _pause(ctx, id="a")
    await _pause(ctx, id="b")
    await ctx.signal()
    await w.step(cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=5),
                 cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=6))
    await _pending(ctx, "cancel requested")
    await ctx.call("heartbeat", w.heartbeat(t))
    await ctx.call("canceled", w.act_canceled(t))
    await w.step(complete())
    await ctx.history()


async def pause_by_type(ctx):
    """All activities of a type, of which one is paused already; another type goes on."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue), activity("b", ctx.queue), activity("c", ctx.queue + "-c", "other"))
    await _pause(ctx, id="b")
    await ctx.call("pause", _pause(ctx, type="act"))
    await _pending(ctx, "paused")
    t = await w.act(queue=ctx.queue + "-c")
    ctx.record("given", t.activity_id)
    await ctx.call("unpause", _unpause(ctx, type="act", reset_attempts=True, reset_heartbeat=True))
    await _pending(ctx, "unpaused")
    await ctx.terminate()


async def pause_timeouts(ctx):
    """Nothing of a paused activity times out."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, start_to_close=1, schedule_to_start_timeout=dur(1), retry_policy=retry(0.05)),
                 activity("b", ctx.queue + "-b", start_to_close=1, retry_policy=retry(0.05)))
    await w.act(queue=ctx.queue + "-b")
    await _pause(ctx, id="a")
    await _pause(ctx, id="b")
    await asyncio.sleep(3)
    await _pending(ctx, "after the timeouts")
    await ctx.history()
    await ctx.terminate()


async def unpause_resets(ctx):
    """Attempts and heartbeat details are forgotten when that is asked for."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, heartbeat_timeout=dur(20), retry_policy=retry(0.05)))
    t = await w.act()
    await w.heartbeat(t, "half")
    await _pause(ctx, id="a")
    await w.act_fail(t, app_failure("once", "Soft"))
    await ctx.call("unpause", _unpause(ctx, id="a", reset_attempts=True, reset_heartbeat=True))
    t = await w.act()
    ctx.record("again", {"attempt": t.attempt, "details": t.heartbeat_details})
    await _pending(ctx, "running again")
    await ctx.terminate()


async def reset_running(ctx):
    """Attempt 1 runs on and is told; a later attempt's token is worth nothing any more."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, heartbeat_timeout=dur(20), retry_policy=retry(0.05)))
    t = await w.act()
    await w.heartbeat(t, "half")
    await ctx.call("reset", _reset(ctx, id="a", reset_heartbeat=True))
    await _pending(ctx, "reset while running")
    await ctx.call("heartbeat", w.heartbeat(t, "more"))
    await w.act_fail(t, app_failure("once", "Soft"))
    t = await w.act()
    ctx.record("attempt after a reset", {"attempt": t.attempt, "details": t.heartbeat_details})
    await ctx.call("reset at attempt 2", _reset(ctx, id="a"))
    await ctx.call("heartbeat of attempt 2", w.heartbeat(t))
    await ctx.call("complete attempt 2", w.act_done(t))
    await _pending(ctx, "reset at attempt 2")
    await ctx.terminate()
    await ctx.history()


async def reset_in_backoff(ctx):
    """An activity that waits for its retry starts again at once; paused ones are unpaused or kept."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, heartbeat_timeout=dur(20), retry_policy=retry(1000)))
    t = await w.act()
    await w.act_fail(t, app_failure("once", "Soft"), heartbeat=["half"])
    await _pending(ctx, "in back-off")
    await ctx.call("reset", _reset(ctx, id="a", reset_heartbeat=True))
    t = await w.act()
    ctx.record("again", {"attempt": t.attempt, "details": t.heartbeat_details})
    await w.act_fail(t, app_failure("twice", "Soft"), heartbeat=["half"])
    await _pause(ctx, id="a")
    await ctx.call("reset, kept paused", _reset(ctx, id="a", keep_paused=True, reset_heartbeat=True))
    await _pending(ctx, "kept paused")
    await ctx.call("reset", _reset(ctx, id="a"))
    t = await w.act()
    ctx.record("unpaused by a reset", {"attempt": t.attempt, "details": t.heartbeat_details})
    await _pending(ctx, "running again")
    await w.act_done(t)
    await w.step(complete())
    await ctx.history()


async def options_merge(ctx):
    """Which fields a mask names, what is filled in, and what the worker is told."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue + "-none", retry_policy=retry(1, 2.0, 50, 5, ["X"]),
                          priority=Priority(priority_key=2, fairness_key="f")))
    options = ActivityOptions(
        task_queue=tq(ctx.queue), schedule_to_close_timeout=dur(100), start_to_close_timeout=dur(40),
        heartbeat_timeout=dur(60), retry_policy=retry(3, 1.5, 9, 4, ["Y"]), priority=Priority(priority_key=4))
    await ctx.call("heartbeat timeout", _options(ctx, ["heartbeat_timeout"], activity_options=options))
    await ctx.call("schedule to close", _options(ctx, ["schedule_to_close_timeout"], activity_options=options))
    await ctx.call("some of the retry policy", _options(
        ctx, ["retry_policy.initial_interval", "retryPolicy.maximumAttempts"], activity_options=options))
    await ctx.call("priority key", _options(ctx, ["priority.priority_key"], activity_options=options))
    await ctx.call("whole queue and an unknown field", _options(ctx, ["task_queue", "nothing"], activity_options=options))
    await ctx.call("queue", _options(ctx, ["task_queue.name"], activity_options=options))
    await _pending(ctx, "changed")
    t = await w.act()
    ctx.record("activity task", t)
    await ctx.call("while running", _options(ctx, ["retry_policy"], activity_options=options))
    await _pending(ctx, "changed while running")
    await ctx.call("restore", _options(ctx, None, restore_original=True))
    await _pending(ctx, "restored")
    await ctx.call("no priority", _options(ctx, ["priority"], activity_options=ActivityOptions()))
    await _pending(ctx, "no priority any more")
    await w.act_done(t)
    await w.step(complete())
    await ctx.history()


async def options_in_backoff(ctx):
    """A retry that waits is timed anew by the changed policy, and its failure is forgotten."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, retry_policy=retry(1000)))
    await w.act_fail(await w.act(), app_failure("once", "Soft"))
    await _pending(ctx, "in back-off")
    await ctx.call("shorter", _options(ctx, ["retry_policy.initial_interval"],
                                       activity_options=ActivityOptions(retry_policy=retry(0.3))))
    t = await w.act()
    ctx.record("attempt", t.attempt)
    await _pending(ctx, "running")
    await w.act_fail(t, app_failure("twice", "Soft"))
    await _pause(ctx, id="a")
    await ctx.call("while paused", _options(ctx, ["retry_policy.initial_interval"],
                                            activity_options=ActivityOptions(retry_policy=retry(0.2))))
    await _pending(ctx, "paused")
    await ctx.call("reset with options", _reset(ctx, id="a", restore_original_options=True))
    t = await w.act()
    await _pending(ctx, "reset with options")
    await ctx.terminate()


async def options_refused(ctx):
    """What cannot be."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue + "-none", retry_policy=retry(1)))
    some = ActivityOptions(start_to_close_timeout=dur(-1))
    await ctx.call("no mask", _options(ctx, None, activity_options=some))
    await ctx.call("no options", _options(ctx, ["heartbeat_timeout"]))
    await ctx.call("mask and restore", _options(ctx, ["heartbeat_timeout"], restore_original=True))
    await ctx.call("empty mask and restore", _options(ctx, [], restore_original=True))
    await ctx.call("empty mask", _options(ctx, [], activity_options=some))
    await ctx.call("negative", _options(ctx, ["start_to_close_timeout"], activity_options=some))
    await ctx.call("no timeout", _options(ctx, ["start_to_close_timeout"], activity_options=ActivityOptions()))
    await ctx.call("no queue", _options(ctx, ["task_queue.name"], activity_options=some))
    await ctx.call("empty queue", _options(ctx, ["task_queue.name"], activity_options=ActivityOptions(task_queue=tq(""))))
    await ctx.call("no retry policy", _options(ctx, ["retry_policy.maximum_attempts"], activity_options=some))
    await ctx.call("no priority", _options(ctx, ["priority.fairness_key"], activity_options=some))
    await ctx.call("bad priority", _options(ctx, ["priority"], activity_options=ActivityOptions(
        priority=Priority(priority_key=-1))))
    await ctx.call("odd retry policy", _options(ctx, ["retry_policy"], activity_options=ActivityOptions(
        retry_policy=retry(5, 0.5, 1, -3))))
    await ctx.call("unknown id", _options(ctx, ["priority"], id="zz", activity_options=some))
    await ctx.call("unknown type", _options(ctx, ["priority"], type="zz", activity_options=some))
    await ctx.call("all", _options(ctx, ["priority"], match_all=True, activity_options=some))
    await _pending(ctx, "what became of it")
    await ctx.terminate()


async def refused(ctx):
    """Unknown activities and runs, closed runs, and the selectors of newer clients."""
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue + "-none"))
    for name, do in (("pause", _pause), ("unpause", _unpause), ("reset", _reset)):
        await ctx.call(f"{name} nothing", do(ctx))
        await ctx.call(f"{name} unknown id", do(ctx, id="zz"))
        await ctx.call(f"{name} empty id", do(ctx, id=""))
        await ctx.call(f"{name} unknown type", do(ctx, type="zz"))
        await ctx.call(f"{name} unknown workflow", do(ctx, "nope", id="a"))
    await ctx.call("unpause all", _unpause(ctx, unpause_all=True))
    await ctx.call("reset all", _reset(ctx, match_all=True))
    bad = ctx.exec(run_id="not-a-uuid")
    await ctx.call("malformed run id", ctx.svc.PauseActivity(ws.PauseActivityRequest(
        namespace=ctx.namespace, execution=bad, id="a"), timeout=10))
    await ctx.call("no execution", ctx.svc.PauseActivity(ws.PauseActivityRequest(namespace=ctx.namespace, id="a"), timeout=10))
    await ctx.terminate()
    for name, do in (("pause", _pause), ("unpause", _unpause), ("reset", _reset)):
        await ctx.call(f"{name} closed", do(ctx, id="a"))
        await ctx.call(f"{name} closed, unknown", do(ctx, id="zz"))
    await ctx.call("options closed", _options(ctx, ["priority"], activity_options=ActivityOptions()))
    await ctx.call("options closed, unknown", _options(ctx, ["priority"], id="zz", activity_options=ActivityOptions()))
    await ctx.call("restore closed, unknown", _options(ctx, None, id="zz", restore_original=True))
