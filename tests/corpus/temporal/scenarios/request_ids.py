"""Calls that are made again with the same request id: what is done once, what twice, what is told."""
import uuid

from golden_lib import complete, etype, pl, retry, timer, ws, cmd, app_failure
from google.protobuf.field_mask_pb2 import FieldMask


async def _types(ctx, label, wid="wf", run_id=""):
    ctx.record(label, [etype(e) for e in await ctx.events(wid, run_id)])


async def signals(ctx):
    """The same id twice, on another name, empty ids, after the run went on."""
    w = ctx.raw()
    run = await ctx.start()
    for name, request_id in (("a", "r1"), ("a", "r1"), ("b", "r1"), ("c", ""), ("c", ""), ("d", "r2")):
        await ctx.call(f"{name} {request_id}", ctx.signal("wf", name, request_id=request_id))
    t = await w.wft()
    await ctx.call("known, under a task", ctx.signal("wf", "e", request_id="r2"))
    await ctx.call("new, under a task", ctx.signal("wf", "f", request_id="r3"))
    await ctx.call("again, under a task", ctx.signal("wf", "f", request_id="r3"))
    await w.done(t, timer("t", 1000))
    await ctx.call("again, written", ctx.signal("wf", "f", request_id="r3"))
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"))
    await ctx.call("again, next run", ctx.signal("wf", "f", request_id="r3"))
    await _types(ctx, "first run", run_id=run)
    await _types(ctx, "second run")
    await ctx.describe("wf", run, "describe first run")
    await ctx.terminate()


async def cancels(ctx):
    """The same id is a success, another one is not; an empty one."""
    w = ctx.raw()
    await ctx.start()
    await ctx.call("first", ctx.cancel(request_id="c1", reason="one"))
    await ctx.call("same", ctx.cancel(request_id="c1", reason="two"))
    await ctx.call("other", ctx.cancel(request_id="c2"))
    await ctx.call("none", ctx.cancel(request_id=""))
    await _types(ctx, "events")
    await ctx.terminate()
    await ctx.start("w2")
    await ctx.call("none first", ctx.cancel("w2", request_id=""))
    await ctx.call("none again", ctx.cancel("w2", request_id=""))
    await ctx.call("then one", ctx.cancel("w2", request_id="c1"))
    await _types(ctx, "events w2", "w2")
    await ctx.terminate("w2")


async def starts(ctx):
    """Every policy over the same request id, with other arguments, and after the chain went on."""
    w = ctx.raw()
    run = await ctx.start(request_id="s1")
    for kw in ({}, {"workflow_id_conflict_policy": 3}, {"workflow_id_reuse_policy": 3}, {"workflow_id_conflict_policy": 2}):
        r = await ctx.call(f"again {kw}", ctx.svc.StartWorkflowExecution(ctx.start_request("wf", "other", request_id="s1", **kw), timeout=10))
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"))
    r = await ctx.call("after continue-as-new", ctx.svc.StartWorkflowExecution(ctx.start_request("wf", "wf", request_id="s1"), timeout=10))
    await w.step(complete())
    r = await ctx.call("after the close", ctx.svc.StartWorkflowExecution(ctx.start_request("wf", "wf", request_id="s1"), timeout=10))
    if r is not None:
        await ctx.terminate()


async def attached(ctx):
    """Use-existing with on_conflict_options: request ids are attached once, and shown."""
    from temporalio.api.workflow.v1 import OnConflictOptions
    run = await ctx.start(request_id="s1")
    options = OnConflictOptions(attach_request_id=True)
    for request_id in ("s2", "s2", "s1", "s3"):
        await ctx.call(request_id, ctx.svc.StartWorkflowExecution(ctx.start_request(
            "wf", "wf", request_id=request_id, workflow_id_conflict_policy=2, on_conflict_options=options), timeout=10))
    await ctx.call("completion callbacks alone", ctx.svc.StartWorkflowExecution(ctx.start_request(
        "wf", "wf", request_id="s4", workflow_id_conflict_policy=2,
        on_conflict_options=OnConflictOptions(attach_completion_callbacks=True)), timeout=10))
    await ctx.call("not attached", ctx.svc.StartWorkflowExecution(ctx.start_request(
        "wf", "wf", request_id="s5", workflow_id_conflict_policy=2), timeout=10))
    await ctx.history()
    await ctx.describe()
    await ctx.terminate()


async def terminates(ctx):
    """Terminate has no request id: the second one is refused."""
    await ctx.start()
    await ctx.call("first", ctx.terminate())
    await ctx.call("second", ctx.terminate())
    await _types(ctx, "events")


async def updates(ctx):
    """The same update id: answered from the same update while it waits and afterwards."""
    import asyncio
    from temporalio.api.update.v1 import Input, Meta, Request, WaitPolicy
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1000))

    def update(name, wait):
        return asyncio.ensure_future(ctx.svc.UpdateWorkflowExecution(ws.UpdateWorkflowExecutionRequest(
            namespace=ctx.namespace, workflow_execution=ctx.exec(), wait_policy=WaitPolicy(lifecycle_stage=wait),
            request=Request(meta=Meta(update_id="u", identity="c"), input=Input(name=name, args=pl(name)))), timeout=10))
    one = update("first", 3)
    await asyncio.sleep(0.2)
    two = update("second", 3)
    await asyncio.sleep(0.2)
    t = await w.wft()
    ctx.record("messages", [len(t.messages), [m.id for m in t.messages]])
    from temporalio.api.update.v1 import Rejection
    from temporalio.api.protocol.v1 import Message as PMsg
    from google.protobuf.any_pb2 import Any
    body = Any()
    body.Pack(Rejection(rejected_request_message_id=t.messages[0].id, failure=app_failure("no", "R")))
    await w.done(t, messages=[PMsg(id="u/reject", protocol_instance_id="u", body=body)])
    await ctx.call("first", one)
    await ctx.call("second", two)
    three = update("third", 3)
    t = await w.wft()
    ctx.record("a rejected id again", [len(t.messages), t.messages[0].id])
    await ctx.terminate()
    await ctx.call("third", three)


async def resets(ctx):
    """Activity calls have no request ids: an answer again is refused, also by id."""
    from golden_lib import activity
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue + "-a"), activity("b", ctx.queue + "-b"))
    t = await w.act(queue=ctx.queue + "-a")
    await ctx.call("complete", w.act_done(t, 1))
    await ctx.call("complete again", w.act_done(t, 1))
    await ctx.call("fail after complete", w.act_fail(t, app_failure("x")))
    base = dict(namespace=ctx.namespace, workflow_id=ctx.id(), activity_id="a")
    await ctx.call("by id", ctx.svc.RespondActivityTaskCompletedById(ws.RespondActivityTaskCompletedByIdRequest(**base), timeout=10))
    await _types(ctx, "events")
    await ctx.terminate()
