"""Speculative workflow tasks and updates at their edges: conversion, discard, aborts, limits, update-with-start."""
import asyncio
import time

from golden_lib import activity, cmd, complete, dur, etype, pl, timer, tq, ws, wtype
from google.protobuf.any_pb2 import Any
from temporalio.api.protocol.v1 import Message as PMsg
from temporalio.api.update.v1 import (Acceptance, Input, Meta, Outcome, Rejection, Request, Response, UpdateRef,
                                      WaitPolicy)

_STAGE = "UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_"


def _any(m):
    a = Any()
    a.Pack(m)
    return a


def _request(ctx, uid="u1", wait="COMPLETED", wid="wf", run_id="", **kw):
    return ws.UpdateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(wid, run_id), wait_policy=WaitPolicy(lifecycle_stage=_STAGE + wait),
        request=Request(meta=Meta(update_id=uid, identity="raw-client"), input=Input(name="up", args=pl("arg"))), **kw)


def _update(ctx, uid="u1", wait="COMPLETED", timeout=10, **kw):
    return ctx.svc.UpdateWorkflowExecution(_request(ctx, uid, wait, **kw), timeout=timeout)


def _poll(ctx, uid="u1", wait="COMPLETED", wid="wf", run_id="", timeout=10):
    return ctx.svc.PollWorkflowExecutionUpdate(ws.PollWorkflowExecutionUpdateRequest(
        namespace=ctx.namespace, update_ref=UpdateRef(workflow_execution=ctx.exec(wid, run_id), update_id=uid),
        identity="p", wait_policy=WaitPolicy(lifecycle_stage=_STAGE + wait)), timeout=timeout)


async def _pending(coro, seconds=0.3):
    task = asyncio.ensure_future(coro)
    await asyncio.sleep(seconds)
    return task


def _accept(m, **kw):
    req = Request()
    m.body.Unpack(req)
    return PMsg(id=m.id + "/accept", protocol_instance_id=m.protocol_instance_id, body=_any(Acceptance(
        accepted_request_message_id=m.id, accepted_request_sequencing_event_id=m.event_id, accepted_request=req, **kw)))


def _respond(m, result):
    req = Request()
    m.body.Unpack(req)
    return PMsg(id=m.id + "/complete", protocol_instance_id=m.protocol_instance_id,
                body=_any(Response(meta=req.meta, outcome=Outcome(success=pl(result)))))


def _reject(m, message="no"):
    from golden_lib import app_failure
    return PMsg(id=m.id + "/reject", protocol_instance_id=m.protocol_instance_id, body=_any(Rejection(
        rejected_request_message_id=m.id, rejected_request_sequencing_event_id=m.event_id, failure=app_failure(message, "Rej"))))


def _proto(*ids):
    return [cmd("PROTOCOL_MESSAGE", message_id=i) for i in ids]


def _both(m, result="res"):
    return {"messages": [_accept(m), _respond(m, result)]}


def _cmds(m):
    return _proto(m.id + "/accept", m.id + "/complete")


def _task(ctx, label, t):
    ctx.record(label, {"messages": [(m.id, m.event_id) for m in t.messages], "events": [(e.event_id, etype(e)) for e in t.history.events],
                       "attempt": t.attempt, "started": t.started_event_id, "previous": t.previous_started_event_id})


async def _events(ctx, label="history", wid="wf", run_id=""):
    ctx.record(label, (await ctx.events(wid, run_id))[1:])


async def _idle(ctx, *commands, **kw):
    w = ctx.raw()
    await ctx.start(**kw)
    await w.step(*(commands or (timer("t", 1000),)))
    return w


async def describe_and_history_while_started(ctx):
    """A started speculative task: shown as pending, its events appended to the history, without an identity."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    d = await ctx.describe_raw()
    ctx.record("scheduled", [d.workflow_execution_info.history_length, d.workflow_execution_info.state_transition_count, d.pending_workflow_task])
    t = await w.wft()
    d = await ctx.describe_raw()
    ctx.record("started", [d.workflow_execution_info.history_length, d.workflow_execution_info.state_transition_count, d.pending_workflow_task])
    await _events(ctx, "while started")
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await u
    d = await ctx.describe_raw()
    ctx.record("idle", [d.workflow_execution_info.history_length, d.workflow_execution_info.state_transition_count])
    await ctx.terminate()


async def signal_while_scheduled(ctx):
    """A signal converts the scheduled task: Scheduled, signal, Started; the message follows the signal."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    await ctx.signal()
    await _events(ctx, "after signal")
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), complete(), **_both(m))
    await ctx.call("answer", u)
    await _events(ctx)


async def signal_while_started(ctx):
    """A signal converts the started task and is buffered behind it."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    t = await w.wft()
    await ctx.signal()
    await _events(ctx, "after signal")
    r = await w.done(t, messages=[_reject(t.messages[0])], return_new=True)
    ctx.record("reset", r.reset_history_event_id)
    _task(ctx, "next", r.workflow_task)
    await ctx.call("answer", u)
    await w.done(r.workflow_task, complete())
    await _events(ctx)


async def activity_start_converts(ctx):
    """Starting an activity and its heartbeat write no event, but make the task normal."""
    w = await _idle(ctx, activity("a", ctx.queue))
    u = await _pending(_update(ctx))
    a = await w.act()
    await _events(ctx, "after activity start")
    await w.act_done(a, "r")
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), complete(), **_both(m))
    await ctx.call("answer", u)
    await _events(ctx)


async def heartbeat_converts_started(ctx):
    """An activity's heartbeat makes a started speculative task normal."""
    w = await _idle(ctx, activity("a", ctx.queue))
    a = await w.act()
    u = await _pending(_update(ctx))
    t = await w.wft()
    await w.heartbeat(a, "beat")
    await _events(ctx, "after heartbeat")
    r = await w.done(t, messages=[_reject(t.messages[0])])
    ctx.record("reset", r.reset_history_event_id)
    await ctx.call("answer", u)
    await _events(ctx)
    await ctx.terminate()


async def two_updates_one_task(ctx):
    """Two updates travel on one task in order of admission; one is accepted, one rejected."""
    w = await _idle(ctx)
    u1 = await _pending(_update(ctx, "zz"))
    u2 = await _pending(_update(ctx, "aa"))
    t = await w.wft()
    _task(ctx, "task", t)
    m1, m2 = t.messages
    await w.done(t, *_proto(m1.id + "/accept"), messages=[_reject(m2), _accept(m1)])
    await ctx.call("rejected", u2)
    await ctx.call("poll accepted", _poll(ctx, "zz", "ACCEPTED"))
    await ctx.call("poll now", _poll(ctx, "zz", "UNSPECIFIED"))
    await ctx.call("accepted again", _update(ctx, "zz", "ACCEPTED"))
    await ctx.signal()
    t = await w.wft()
    _task(ctx, "second task", t)
    await w.done(t, *_proto(m1.id + "/complete"), messages=[_respond(m1, "late")])
    await ctx.call("completed", u1)
    await _events(ctx)
    await ctx.terminate()


async def update_while_task_started(ctx):
    """An update during a normal task comes with the next one, speculative and inline; rejected, it leaves nothing."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    u = await _pending(_update(ctx))
    r = await w.done(t, return_new=True)
    _task(ctx, "inline", r.workflow_task)
    r = await w.done(r.workflow_task, messages=[_reject(r.workflow_task.messages[0])], return_new=True)
    ctx.record("reset", [r.reset_history_event_id, r.HasField("workflow_task")])
    await ctx.call("answer", u)
    await _events(ctx)
    await ctx.terminate()


async def update_while_task_started_not_inline(ctx):
    """The same with a worker that takes no inline task: a normal task."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    u = await _pending(_update(ctx))
    await w.done(t)
    await _events(ctx, "after completion")
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("answer", u)
    await _events(ctx)
    await ctx.terminate()


async def discard_with_events(ctx):
    """With the capability a rejected task is discarded although a command was written before it."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    t = await w.wft()
    r = await w.done(t, messages=[_reject(t.messages[0])], discard=True)
    ctx.record("reset", r.reset_history_event_id)
    await ctx.call("answer", u)
    await _events(ctx)
    u = await _pending(_update(ctx, "u2"))
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("answer 2", u)
    await _events(ctx, "history 2")
    await ctx.terminate()


async def discard_too_many_events(ctx):
    """More than ten events since: written even with the capability."""
    w = await _idle(ctx, *[timer(f"t{i}", 1000) for i in range(11)])
    u = await _pending(_update(ctx))
    t = await w.wft()
    r = await w.done(t, messages=[_reject(t.messages[0])], discard=True)
    ctx.record("reset", r.reset_history_event_id)
    await ctx.call("answer", u)
    ctx.record("events", [(e.event_id, etype(e)) for e in await ctx.events()])
    await ctx.terminate()


async def new_update_after_discard(ctx):
    """A second update that came during a discarded task: an inline speculative task of the same ids."""
    w = await _idle(ctx)
    u1 = await _pending(_update(ctx))
    t = await w.wft()
    u2 = await _pending(_update(ctx, "u2"))
    r = await w.done(t, messages=[_reject(t.messages[0])], discard=True, return_new=True)
    ctx.record("reset", r.reset_history_event_id)
    _task(ctx, "inline", r.workflow_task)
    await ctx.call("answer 1", u1)
    m = r.workflow_task.messages[0]
    await w.done(r.workflow_task, *_cmds(m), **_both(m))
    await ctx.call("answer 2", u2)
    await _events(ctx)
    await ctx.terminate()


async def no_worker_for_five_seconds(ctx):
    """A speculative task that nobody takes times out after five seconds and is followed by a normal one."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    await ctx.until("wf", "WORKFLOW_TASK_TIMED_OUT", timeout=9)
    await _events(ctx, "after five seconds")
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("answer", u)
    await ctx.terminate()


async def converted_task_keeps_five_seconds(ctx):
    """A speculative task that a signal made normal still times out when nobody takes it."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    await ctx.signal()
    await ctx.until("wf", "WORKFLOW_TASK_TIMED_OUT", timeout=9)
    await _events(ctx)
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("answer", u)
    await ctx.terminate()


async def worker_fails_task(ctx):
    """A failed speculative task is written; the update comes again with attempt 2."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    t = await w.wft()
    await w.fail_wft(t)
    await _events(ctx, "after failure")
    t = await w.wft()
    _task(ctx, "task", t)
    await w.fail_wft(t)
    t = await w.wft()
    _task(ctx, "third", t)
    await ctx.call("while failing", _update(ctx, "u2", timeout=3))
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("answer", u)
    await _events(ctx)
    await ctx.terminate()


async def bad_messages(ctx):
    """Messages that fail the task: unknown id in a command, wrong state, unknown update, missing fields."""
    async def one(name, make, *before):
        w = ctx.raw()
        await ctx.start(name)
        t = await w.wft()
        await w.done(t)
        u = await _pending(_update(ctx, wid=name))
        t = await w.wft()
        await ctx.call(name, make(w, t, t.messages[0]))
        await ctx.call(name + " caller", u)
        await _events(ctx, name + " history", name)
        await ctx.terminate(name)
        return w

    await one("absent", lambda w, t, m: w.done(t, *_proto("nope"), messages=[_accept(m)]))
    await one("empty id", lambda w, t, m: w.done(t, cmd("PROTOCOL_MESSAGE"), messages=[_accept(m)]))
    await one("twice", lambda w, t, m: w.done(t, messages=[_accept(m), _accept(m)]))
    await one("early", lambda w, t, m: w.done(t, messages=[_respond(m, 1)]))
    await one("again", lambda w, t, m: w.done(t, messages=[_accept(m), _respond(m, 1), _respond(m, 1)]))
    await one("unknown", lambda w, t, m: w.done(t, messages=[PMsg(id="x", protocol_instance_id="zz", body=_any(Response(meta=Meta(update_id="zz"), outcome=Outcome(success=pl(1)))))]))
    await one("no sequencing", lambda w, t, m: w.done(t, messages=[PMsg(id="x", protocol_instance_id="u1", body=_any(Acceptance(accepted_request_message_id="u1/request")))]))
    await one("no message id", lambda w, t, m: w.done(t, messages=[PMsg(id="x", protocol_instance_id="u1", body=_any(Acceptance(accepted_request_sequencing_event_id=3)))]))
    await one("no outcome", lambda w, t, m: w.done(t, messages=[_accept(m), PMsg(id="x", protocol_instance_id="u1", body=_any(Response(meta=Meta(update_id="u1"))))]))
    await one("no meta", lambda w, t, m: w.done(t, messages=[_accept(m), PMsg(id="x", protocol_instance_id="u1", body=_any(Response(outcome=Outcome(success=pl(1)))))]))
    await one("other id", lambda w, t, m: w.done(t, messages=[_accept(m), PMsg(id="x", protocol_instance_id="u1", body=_any(Response(meta=Meta(update_id="u9"), outcome=Outcome(success=pl(1)))))]))
    await one("wrong body", lambda w, t, m: w.done(t, messages=[PMsg(id="x", protocol_instance_id="u1", body=_any(Meta(update_id="u1")))]))
    await one("wrong protocol", lambda w, t, m: w.done(t, messages=[PMsg(id="x", protocol_instance_id="u1", body=_any(pl(1)))]))


async def message_errors(ctx):
    """A message without a body and a bad command sequence are errors to the worker; the speculative task is lost and made anew."""
    w = ctx.raw()
    await ctx.start()
    await w.step()
    u = await _pending(_update(ctx))
    t = await w.wft()
    await ctx.call("no body", w.done(t, messages=[PMsg(id="x", protocol_instance_id="u1")]))
    t2 = await w.wft()
    _task(ctx, "again", t2)
    await ctx.call("bad sequence", w.done(t2, complete(), timer("t", 1)))
    t3 = await w.wft()
    _task(ctx, "third", t3)
    await ctx.call("old token", w.done(t))
    m = t3.messages[0]
    await w.done(t3, *_cmds(m), **_both(m))
    await ctx.call("answer", u)
    await _events(ctx)
    await ctx.terminate()


async def resurrected(ctx):
    """An acceptance of an update that the server does not know, with its request, is taken."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    req = Request(meta=Meta(update_id="ghost", identity="g"), input=Input(name="up"))
    acc = PMsg(id="a", protocol_instance_id="ghost", body=_any(Acceptance(
        accepted_request_message_id="ghost/request", accepted_request_sequencing_event_id=2, accepted_request=req)))
    res = PMsg(id="b", protocol_instance_id="ghost", body=_any(Response(meta=req.meta, outcome=Outcome(success=pl(1)))))
    await ctx.call("done", w.done(t, messages=[acc, res]), keep=False)
    await ctx.call("poll", _poll(ctx, "ghost"))
    await _events(ctx)
    await ctx.terminate()


async def close_with_admitted(ctx):
    """Completing while an update is admitted but not sent aborts it; afterwards its id is unknown."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    u = await _pending(_update(ctx))
    await w.done(t, complete())
    await ctx.call("answer", u)
    await ctx.call("again", _update(ctx))
    await ctx.call("poll", _poll(ctx))
    await _events(ctx)


async def close_with_sent(ctx):
    """A close command with a sent update: rejected by message, or aborted without one."""
    w = ctx.raw()
    for name, messages in (("one", True), ("two", False)):
        await ctx.start(name)
        u = await _pending(_update(ctx, wid=name))
        t = await w.wft()
        await w.done(t, complete(), messages=[_reject(t.messages[0])] if messages else [])
        await ctx.call(name, u)


async def close_with_accepted(ctx):
    """An accepted update at the close gets a failure, now and for ever; waiting for ACCEPTED too."""
    w = await _idle(ctx)
    u1 = await _pending(_update(ctx))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    u2 = await _pending(_update(ctx, "u2", "ACCEPTED"))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), complete(), messages=[_accept(m)])
    await ctx.call("completed", u1)
    await ctx.call("accepted", u2)
    await ctx.call("poll", _poll(ctx))
    await ctx.call("poll accepted", _poll(ctx, wait="ACCEPTED"))
    await ctx.call("same id", _update(ctx))
    await ctx.call("new id", _update(ctx, "u3"))
    await _events(ctx)


async def accept_after_close(ctx):
    """Messages behind a close command: an acceptance is not written."""
    w = ctx.raw()
    await ctx.start()
    u = await _pending(_update(ctx))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, complete(), messages=[_accept(m), _respond(m, 1)])
    await ctx.call("answer", u)
    await _events(ctx)


async def completed_outlives_run(ctx):
    """A completed update answers after the close, also a failed run; its id stays taken."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_cmds(m), complete(), **_both(m))
    await ctx.call("answer", u)
    await ctx.call("same id", _update(ctx, "u1"))
    await ctx.call("poll", _poll(ctx))


async def continue_as_new_with_updates(ctx):
    """Continue-as-new: an admitted update gets a retryable error, an accepted one its failure."""
    w = await _idle(ctx)
    u1 = await _pending(_update(ctx))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    await ctx.signal()
    t = await w.wft()
    u2 = await _pending(_update(ctx, "u2"))
    await w.done(t, cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue)))
    await ctx.call("accepted", u1)
    await ctx.call("admitted", u2)
    await ctx.terminate()


async def terminate_started_and_accepted(ctx):
    """Terminating writes a started speculative task as failed, an unstarted one not at all; an accepted update fails."""
    w = await _idle(ctx)
    u1 = await _pending(_update(ctx))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    u2 = await _pending(_update(ctx, "u2"))
    await w.wft()
    await ctx.terminate()
    await ctx.call("accepted", u1)
    await ctx.call("sent", u2)
    await _events(ctx)
    w = await _idle(ctx, wid="two")
    u3 = await _pending(_update(ctx, "u3", wid="two"))
    await ctx.terminate("two")
    await ctx.call("scheduled", u3)
    await _events(ctx, "unstarted", "two")


async def waits_and_polls(ctx):
    """Stages: ACCEPTED answers at once with the acceptance, COMPLETED with the result; polls wait as well."""
    w = await _idle(ctx)
    u = await _pending(_update(ctx, wait="ACCEPTED"))
    p = await _pending(_poll(ctx))
    ctx.record("waiting", [u.done(), p.done()])
    await ctx.call("poll admitted", _poll(ctx, wait="ADMITTED"))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    await ctx.call("accepted", u)
    await ctx.call("short deadline", _poll(ctx, timeout=1))
    ctx.record("still waiting", p.done())
    await ctx.signal()
    t = await w.wft()
    await w.done(t, *_proto(m.id + "/complete"), messages=[_respond(m, "r")])
    await ctx.call("polled", p)
    await ctx.call("accepted later", _poll(ctx, wait="ACCEPTED"))
    await ctx.terminate()


async def in_flight_limit(ctx):
    """The eleventh update in flight is refused; a repeated id is not."""
    w = ctx.raw()
    await ctx.start()
    waiting = [asyncio.ensure_future(_update(ctx, f"u{i}")) for i in range(10)]
    await asyncio.sleep(0.5)
    await ctx.call("eleventh", _update(ctx, "u11"))
    again = await _pending(_update(ctx, "u3"))
    t = await w.wft()
    ctx.record("messages", len(t.messages))
    await w.done(t, complete(), messages=[_reject(m, m.protocol_instance_id) for m in t.messages])
    await asyncio.gather(*waiting)
    await ctx.call("same id", again)


async def heartbeat_task(ctx):
    """A task that beats keeps its sent update: not rejected, not sent again; a new one travels."""
    w = await _idle(ctx)
    u1 = await _pending(_update(ctx))
    t = await w.wft()
    u2 = await _pending(_update(ctx, "u2"))
    r = await w.done(t, force_new=True, return_new=True)
    n = r.workflow_task
    _task(ctx, "next", n)
    m1, m2 = t.messages[0], n.messages[0]
    await w.done(n, *_cmds(m1), messages=[_accept(m1), _respond(m1, 1), _reject(m2)])
    await ctx.call("first", u1)
    await ctx.call("second", u2)
    await _events(ctx)
    await ctx.terminate()


async def unhandled_command(ctx):
    """A close refused over a buffered signal: a sent update's caller is told, an update meanwhile is refused as closing."""
    w = ctx.raw()
    await ctx.start()
    u = await _pending(_update(ctx))
    t = await w.wft()
    await ctx.signal()
    await ctx.call("complete", w.done(t, complete()))
    await ctx.call("sent", u)
    t = await w.wft()
    _task(ctx, "task", t)
    await ctx.call("closing", _update(ctx, "u2", timeout=3))
    await w.done(t, complete())
    await _events(ctx)


async def start_delay(ctx):
    """An update during a start delay gets its task at once."""
    w = ctx.raw()
    await ctx.start(workflow_start_delay=dur(3))
    u = await _pending(_update(ctx))
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("answer", u)
    await asyncio.sleep(3.5)
    ctx.record("events", [(e.event_id, etype(e)) for e in await ctx.events()])
    await ctx.terminate()


async def sticky_speculative(ctx):
    """A speculative task on a sticky queue has the events since the last one; discarded, the next one has them again."""
    from temporalio.api.taskqueue.v1 import TaskQueue
    sticky = TaskQueue(name=ctx.queue + "-s", kind=2, normal_name=ctx.queue)
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    poll = asyncio.ensure_future(w.wft(queue=sticky))
    await asyncio.sleep(0.2)
    await w.done(t, timer("t", 1000), sticky=sticky.name)
    u = await _pending(_update(ctx))
    t = await poll
    _task(ctx, "sticky", t)
    poll = asyncio.ensure_future(w.wft(queue=sticky))
    r = await w.done(t, messages=[_reject(t.messages[0])], sticky=sticky.name, discard=True)
    ctx.record("reset", r.reset_history_event_id)
    await ctx.call("answer", u)
    u = await _pending(_update(ctx, "u2"))
    t = await poll
    _task(ctx, "again", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), sticky=sticky.name, **_both(m))
    await ctx.call("answer 2", u)
    await _events(ctx)
    await ctx.terminate()


async def long_poll_history(ctx):
    """A history long poll is not woken by a speculative task, only by what is written."""
    w = await _idle(ctx)
    r = await ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
        namespace=ctx.namespace, execution=ctx.exec(), wait_new_event=True), timeout=10)
    ctx.record("first", [(e.event_id, etype(e)) for e in r.history.events])
    more = await _pending(ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
        namespace=ctx.namespace, execution=ctx.exec(), wait_new_event=True, next_page_token=r.next_page_token), timeout=10))
    u = await _pending(_update(ctx))
    ctx.record("woken", more.done())
    r = await ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
        namespace=ctx.namespace, execution=ctx.exec(), wait_new_event=True), timeout=10)
    ctx.record("waiting read", [(e.event_id, etype(e)) for e in r.history.events])
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await u
    ctx.record("more", [(e.event_id, etype(e)) for e in (await more).history.events])
    await ctx.terminate()


def _multi(ctx, uid="u1", wid="wf", wait="COMPLETED", timeout=10, **kw):
    kw.setdefault("workflow_id_conflict_policy", "WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING")
    op = ws.ExecuteMultiOperationRequest.Operation
    return ctx.svc.ExecuteMultiOperation(ws.ExecuteMultiOperationRequest(namespace=ctx.namespace, operations=[
        op(start_workflow=ctx.start_request(wid, **kw)), op(update_workflow=_request(ctx, uid, wait, wid))]), timeout=timeout)


async def with_start_new(ctx):
    """Update-with-start of a new workflow: the update rides on the first task."""
    w = ctx.raw()
    u = await _pending(_multi(ctx))
    t = await w.wft()
    _task(ctx, "task", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), complete("r"), **_both(m))
    r = await u
    ctx.norm.name(r.responses[0].start_workflow.run_id, "run")
    ctx.record("answer", r)
    await _events(ctx)
    await ctx.call("again, closed", _multi(ctx))
    await ctx.call("again, reject duplicate", _multi(ctx, "u9", workflow_id_reuse_policy="WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE"))


async def with_start_existing(ctx):
    """Update-with-start over a running workflow: policies, the same request id, the same update id, a rejection."""
    w = await _idle(ctx)
    u = await _pending(_multi(ctx))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_cmds(m), **_both(m))
    await ctx.call("existing", u)
    await ctx.call("fail policy", _multi(ctx, "u2", workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_FAIL"))
    await ctx.call("fail policy, known update", _multi(ctx, "u1", workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_FAIL"))
    u = await _pending(_multi(ctx, "u3"))
    t = await w.wft()
    await w.done(t, messages=[_reject(t.messages[0])])
    await ctx.call("rejected", u)
    u = await _pending(_multi(ctx, "u4", wait="ACCEPTED"))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    await ctx.call("accepted", u)
    u = await _pending(_multi(ctx, "u5", workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"))
    await ctx.call("accepted one", _poll(ctx, "u4", run_id=(await ctx.describe_raw()).workflow_execution_info.first_run_id), keep=False)
    t = await w.wft()
    _task(ctx, "of new run", t)
    m = t.messages[0]
    await w.done(t, *_cmds(m), complete(), **_both(m))
    await ctx.call("replaced", u)


async def with_start_aborted(ctx):
    """The existing run closes: the operation is done again and starts a new run; terminated, a new run tells the caller."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    u = await _pending(_multi(ctx))
    await w.done(t, complete())
    t = await w.wft()
    _task(ctx, "of new run", t)
    await ctx.terminate()
    await ctx.call("terminated", u)


async def with_start_refused(ctx):
    """Refusals of the operations: eager, delay, run id, chain, namespace, order, admitted, closing attempts."""
    op = ws.ExecuteMultiOperationRequest.Operation

    async def send(label, *ops):
        await ctx.call(label, ctx.svc.ExecuteMultiOperation(ws.ExecuteMultiOperationRequest(namespace=ctx.namespace, operations=ops), timeout=5))

    up = _request(ctx)
    start = ctx.start_request(workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING")
    await send("none")
    await send("two starts", op(start_workflow=start), op(start_workflow=start))
    await send("other order", op(update_workflow=up), op(start_workflow=start))
    await send("eager", op(start_workflow=ctx.start_request(request_eager_execution=True)), op(update_workflow=up))
    await send("delay", op(start_workflow=ctx.start_request(workflow_start_delay=dur(1))), op(update_workflow=up))
    await send("no type", op(start_workflow=ctx.start_request(type="")), op(update_workflow=up))
    await send("run id", op(start_workflow=start), op(update_workflow=_request(ctx, run_id="11111111-2222-4333-8444-555555555555")))
    await send("chain", op(start_workflow=start), op(update_workflow=_request(ctx, first_execution_run_id="x")))
    await send("admitted", op(start_workflow=start), op(update_workflow=_request(ctx, wait="ADMITTED")))
    other = _request(ctx)
    other.namespace = "other"
    await send("namespace", op(start_workflow=start), op(update_workflow=other))
    nameless = _request(ctx)
    nameless.request.input.name = ""
    await send("both wrong", op(start_workflow=ctx.start_request(type="")), op(update_workflow=nameless))


async def requests_refused(ctx):
    """Requests that are refused: wrong chain, unknown run, long id, no reference, defaults."""
    w = await _idle(ctx)
    await ctx.call("wrong chain", _update(ctx, first_execution_run_id="11111111-2222-4333-8444-555555555555"))
    await ctx.call("unknown run", _update(ctx, run_id="11111111-2222-4333-8444-555555555555"))
    await ctx.call("bad run", _update(ctx, run_id="x"))
    await ctx.call("long id", _update(ctx, "x" * 1001))
    await ctx.call("no ref", ctx.svc.PollWorkflowExecutionUpdate(ws.PollWorkflowExecutionUpdateRequest(namespace=ctx.namespace), timeout=5))
    await ctx.call("poll bad run", _poll(ctx, run_id="x"))
    await ctx.call("poll unknown workflow", _poll(ctx, wid="nope"))
    await ctx.call("poll unknown run", _poll(ctx, run_id="11111111-2222-4333-8444-555555555555"))
    await ctx.call("poll no id", _poll(ctx, uid=""))
    await ctx.call("quoted", _poll(ctx, uid='a"b\n'))
    await ctx.call("deadline", _update(ctx, timeout=1))
    t = await w.wft()
    ctx.record("still there", [m.id for m in t.messages])
    await ctx.terminate()


async def soft_timeout(ctx):
    """After twenty seconds an answer says what was reached."""
    w = await _idle(ctx)
    await w.ctx.call("nothing", asyncio.sleep(0), keep=False)
    t0 = time.monotonic()
    u = asyncio.ensure_future(_update(ctx, timeout=40))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    await ctx.call("answer", u)
    ctx.record("about twenty seconds", 18 < time.monotonic() - t0 < 23)
    await ctx.terminate()
