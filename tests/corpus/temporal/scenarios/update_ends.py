"""Updates at every stage against every end of a run, and what polls of them answer."""
import asyncio

from golden_lib import app_failure, cmd, complete, dur, etype, pl, retry, timer, ws
from google.protobuf.any_pb2 import Any
from temporalio.api.protocol.v1 import Message as PMsg
from temporalio.api.update.v1 import Acceptance, Input, Meta, Outcome, Rejection, Request, Response, UpdateRef, WaitPolicy


def _any(m):
    a = Any()
    a.Pack(m)
    return a


def _accept(m):
    req = Request()
    m.body.Unpack(req)
    return PMsg(id=m.id + "/accept", protocol_instance_id=m.protocol_instance_id, body=_any(Acceptance(
        accepted_request_message_id=m.id, accepted_request_sequencing_event_id=m.event_id, accepted_request=req)))


def _respond(m, result="res"):
    req = Request()
    m.body.Unpack(req)
    return PMsg(id=m.id + "/complete", protocol_instance_id=m.protocol_instance_id,
                body=_any(Response(meta=req.meta, outcome=Outcome(success=pl(result)))))


def _proto(*ids):
    return [cmd("PROTOCOL_MESSAGE", message_id=i) for i in ids]


def _update(ctx, uid="u", wait=3, wid="wf", timeout=10, run_id=""):
    return asyncio.ensure_future(ctx.svc.UpdateWorkflowExecution(ws.UpdateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(wid, run_id), wait_policy=WaitPolicy(lifecycle_stage=wait),
        request=Request(meta=Meta(update_id=uid, identity="c"), input=Input(name="up", args=pl("arg")))), timeout=timeout))


def _poll(ctx, uid="u", wait=3, wid="wf", timeout=10, run_id="", policy=True):
    request = ws.PollWorkflowExecutionUpdateRequest(
        namespace=ctx.namespace, update_ref=UpdateRef(workflow_execution=ctx.exec(wid, run_id), update_id=uid), identity="p")
    if policy:
        request.wait_policy.lifecycle_stage = wait
    return asyncio.ensure_future(ctx.svc.PollWorkflowExecutionUpdate(request, timeout=timeout))


_ENDS = {
    "complete": lambda: complete("end"),
    "fail": lambda: cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")),
    "cancel": lambda: cmd("CANCEL_WORKFLOW_EXECUTION"),
    "continue": lambda: cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"),
    "terminate": None,
}


async def _end(ctx, w, wid, word, t, **kw):
    if _ENDS[word] is None:
        await ctx.terminate(wid)
    else:
        await w.done(t, *kw.pop("before", ()), _ENDS[word](), **kw)


async def _matrix(ctx, stage, words=tuple(_ENDS), **start):
    """One workflow an end: the update is brought to a stage, the run ends, caller and polls are asked."""
    for word in words:
        wid, w = f"{stage}-{word}", ctx.raw(f"{ctx.queue}-{word}")
        run = await ctx.start(wid, queue=w.queue, **start)
        await w.step(timer("t", 1000))
        if stage == "admitted":
            await ctx.signal(wid)
            t = await w.wft()
            u = _update(ctx, wid=wid)
            await asyncio.sleep(0.25)
            await _end(ctx, w, wid, word, t)
        elif stage == "sent":
            u = _update(ctx, wid=wid)
            t = await w.wft()
            await _end(ctx, w, wid, word, t)
        elif stage == "accepted":
            u = _update(ctx, wid=wid)
            t = await w.wft()
            await w.done(t, *_proto(t.messages[0].id + "/accept"), messages=[_accept(t.messages[0])])
            await ctx.signal(wid)
            t = await w.wft()
            await _end(ctx, w, wid, word, t)
        elif stage == "accepted with the end":
            u = _update(ctx, wid=wid)
            t = await w.wft()
            m = t.messages[0]
            await _end(ctx, w, wid, word, t, before=_proto(m.id + "/accept"), messages=[_accept(m)])
        else:
            u = _update(ctx, wid=wid)
            t = await w.wft()
            m = t.messages[0]
            await _end(ctx, w, wid, word, t, before=_proto(m.id + "/accept", m.id + "/complete"), messages=[_accept(m), _respond(m)])
        await ctx.call(f"{word}: caller", u)
        for wait in (1, 2, 3):
            await ctx.call(f"{word}: poll {wait}", _poll(ctx, wid=wid, wait=wait, timeout=2, run_id=run))
        await ctx.call(f"{word}: asked again", _update(ctx, wid=wid, run_id=run, timeout=2))
        ctx.record(f"{word}: events", [etype(e) for e in await ctx.events(wid, run)][4:])
        if word == "continue":
            await ctx.terminate(wid)


async def admitted(ctx):
    """Admitted under a task that knows nothing of it."""
    await _matrix(ctx, "admitted")


async def sent(ctx):
    """Sent, and the task that has it ends the run without a word about it."""
    await _matrix(ctx, "sent")


async def accepted(ctx):
    """Accepted by an earlier task."""
    await _matrix(ctx, "accepted")


async def accepted_with_the_end(ctx):
    """Accepted by the task that ends the run."""
    await _matrix(ctx, "accepted with the end", ("complete", "fail", "cancel", "continue"))


async def completed_with_the_end(ctx):
    """Accepted and completed by the task that ends the run."""
    await _matrix(ctx, "completed", ("complete", "fail", "cancel", "continue"))


async def retried_run(ctx):
    """The run fails and is tried again: admitted and accepted updates of the first attempt."""
    for stage in ("admitted", "accepted"):
        wid, w = f"r-{stage}", ctx.raw(f"{ctx.queue}-{stage}")
        run = await ctx.start(wid, queue=w.queue, retry_policy=retry(60))
        await w.step(timer("t", 1000))
        if stage == "admitted":
            await ctx.signal(wid)
            t = await w.wft()
            u = _update(ctx, wid=wid)
            await asyncio.sleep(0.25)
        else:
            u = _update(ctx, wid=wid)
            t = await w.wft()
            await w.done(t, *_proto(t.messages[0].id + "/accept"), messages=[_accept(t.messages[0])])
            await ctx.signal(wid)
            t = await w.wft()
        await w.done(t, cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x", "F")))
        await ctx.call(f"{stage}: caller", u)
        await ctx.call(f"{stage}: poll", _poll(ctx, wid=wid, run_id=run, timeout=2))
        await ctx.terminate(wid)


async def timed_out_run(ctx):
    """The run's time is over while updates are admitted and accepted."""
    w = ctx.raw()
    run = await ctx.start(workflow_run_timeout=dur(2))
    await w.step(timer("t", 1000))
    u1 = _update(ctx, "u1")
    t = await w.wft()
    await w.done(t, *_proto(t.messages[0].id + "/accept"), messages=[_accept(t.messages[0])])
    u2 = _update(ctx, "u2")
    await ctx.call("accepted", u1)
    await ctx.call("admitted", u2)
    await ctx.history()


async def poll_stages(ctx):
    """Polls of each stage before, while and after it is reached; without a policy; of unknown updates."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.call("unknown", _poll(ctx, "nope", timeout=2))
    u = _update(ctx)
    await asyncio.sleep(0.2)
    await ctx.call("admitted: no policy", _poll(ctx, policy=False, timeout=2))
    await ctx.call("admitted: unspecified", _poll(ctx, wait=0, timeout=2))
    await ctx.call("admitted: admitted", _poll(ctx, wait=1, timeout=2))
    accepted, completed = _poll(ctx, wait=2), _poll(ctx, wait=3)
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, *_proto(m.id + "/accept"), messages=[_accept(m)])
    await ctx.call("waited for accepted", accepted)
    await ctx.call("accepted: unspecified", _poll(ctx, wait=0, timeout=2))
    await ctx.call("accepted: accepted", _poll(ctx, wait=2, timeout=2))
    await ctx.signal()
    t = await w.wft()
    await w.done(t, *_proto(m.id + "/complete"), messages=[_respond(m)])
    await ctx.call("waited for completed", completed)
    await ctx.call("caller", u)
    for wait in (0, 1, 2, 3):
        await ctx.call(f"completed: {wait}", _poll(ctx, wait=wait, timeout=2))
    await ctx.call("with the run id", _poll(ctx, run_id=run, timeout=2))
    await ctx.call("other run", _poll(ctx, run_id="11111111-2222-4333-8444-555555555555", timeout=2))
    await ctx.call("other workflow", _poll(ctx, wid="none", timeout=2))
    await ctx.call("of no stage", _poll(ctx, wait=9, timeout=2))
    await ctx.terminate()


async def update_stages(ctx):
    """Updates that wait for each stage, of no stage, without a policy; admitted is not to be waited for."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))
    await ctx.call("admitted", _update(ctx, "u1", wait=1, timeout=3))
    u = _update(ctx, "u2", wait=2)
    t = await w.wft()
    ids = sorted(m.protocol_instance_id for m in t.messages)
    ctx.record("messages", ids)
    mine = [m for m in t.messages if m.protocol_instance_id == "u2"][0]
    await w.done(t, *_proto(mine.id + "/accept"), messages=[_accept(mine)])
    await ctx.call("accepted", u)
    u = _update(ctx, "u2", wait=3, timeout=3)
    await ctx.signal()
    t = await w.wft()
    await w.done(t, *_proto(mine.id + "/complete"), messages=[_respond(mine)])
    await ctx.call("completed", u)
    await ctx.call("of no stage", _update(ctx, "u9", wait=9, timeout=3))
    await ctx.call("of no stage, polled", _poll(ctx, "u9", wait=9, timeout=3))
    await ctx.terminate()
