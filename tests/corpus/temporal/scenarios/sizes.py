"""What is too large, in requests and in commands: which answer, and what becomes of the run."""
import grpc

from golden_lib import Header, Memo, activity, app_failure, cmd, complete, dur, etype, payload, pl, search_attributes, timer, tq, ws, wtype
from google.protobuf.field_mask_pb2 import FieldMask

_BLOB = "x" * (2 * 1024 * 1024 + 1)


def _big(ctx):
    ctx.norm.drop.add("message_size")


async def starts(ctx):
    """Starts with a large input, memo, header, search attributes, details and ids."""
    from temporalio.api.sdk.v1 import UserMetadata
    for i, (label, kw) in enumerate([
        ("input", dict(input=pl(_BLOB))),
        ("memo", dict(memo=Memo(fields={"m": payload(_BLOB)}))),
        ("header", dict(header=Header(fields={"h": payload(_BLOB)}))),
        ("search attribute value", dict(search_attributes=search_attributes(TemporalChangeVersion=["v" * 3000]))),
        ("search attributes in all", dict(search_attributes=search_attributes(TemporalChangeVersion=["v" * 1000] * 50))),
        ("summary", dict(user_metadata=UserMetadata(summary=payload("s" * 500)))),
        ("details", dict(user_metadata=UserMetadata(details=payload("d" * 30000)))),
        ("last result", dict(last_completion_result=pl(_BLOB))),
        ("id", dict()),
        ("type", dict(workflow_type=wtype("t" * 1001))),
        ("queue", dict(task_queue=tq("q" * 1001))),
        ("request id", dict(request_id="r" * 1001)),
        ("identity", dict(identity="i" * 1001)),
    ]):
        request = ctx.start_request(f"w{i}" if label != "id" else "i" * 1001)
        for key, value in kw.items():
            if isinstance(value, str):
                setattr(request, key, value)
            else:
                getattr(request, key).CopyFrom(value)
        r = await ctx.call(label, ctx.svc.StartWorkflowExecution(request, timeout=10), keep=False)
        if r is not None:
            await ctx.terminate(f"w{i}")


async def requests(ctx):
    """Signals, cancels, queries, terminations and updates with large parts."""
    from temporalio.api.update.v1 import Input, Meta, Request
    await ctx.start()
    await ctx.raw().step(timer("t", 1000))
    await ctx.call("signal input", ctx.signal("wf", "s", _BLOB))
    ctx.record("after the signal", [etype(e) for e in await ctx.events()])
    await ctx.call("signal header", ctx.signal("wf", "s", header=Header(fields={"h": payload(_BLOB)})))
    await ctx.call("signal name", ctx.signal("wf", "s" * 1001))
    await ctx.call("signal request id", ctx.signal("wf", "s", request_id="r" * 1001))
    await ctx.call("cancel reason", ctx.cancel(reason="r" * 1001))
    await ctx.call("cancel request id", ctx.cancel(request_id="r" * 1001))
    await ctx.call("query args", ctx.query("wf", "q", _BLOB, timeout=2))
    await ctx.call("update id", ctx.svc.UpdateWorkflowExecution(ws.UpdateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(),
        request=Request(meta=Meta(update_id="u" * 1001), input=Input(name="up"))), timeout=3))
    ctx.record("events", [etype(e) for e in await ctx.events()])
    await ctx.call("terminate details", ctx.terminate(details=[_BLOB]))
    ctx.record("status", (await ctx.describe_raw()).workflow_execution_info.status)


async def commands(ctx):
    """Large parts of every command: the worker's answer, the failed task, the end of the run."""
    child = dict(workflow_id=ctx.id("kid"), workflow_type=wtype("c"), task_queue=tq(ctx.queue + "-c"))
    for i, (label, command) in enumerate([
        ("activity input", activity("a", ctx.queue + "-a", input=pl(_BLOB))),
        ("activity header", activity("a", ctx.queue + "-a", header=Header(fields={"h": payload(_BLOB)}))),
        ("failure", cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure(_BLOB, "F"))),
        ("cancel details", cmd("CANCEL_WORKFLOW_EXECUTION", details=pl(_BLOB))),
        ("marker", cmd("RECORD_MARKER", marker_name="m", details={"d": pl(_BLOB)})),
        ("child input", cmd("START_CHILD_WORKFLOW_EXECUTION", input=pl(_BLOB), **child)),
        ("signal input", cmd("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", execution=ctx.exec("other"), signal_name="s", input=pl(_BLOB))),
        ("memo", cmd("MODIFY_WORKFLOW_PROPERTIES", upserted_memo=Memo(fields={"m": payload(_BLOB)}))),
        ("search attribute", cmd("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
                                 search_attributes=search_attributes(TemporalChangeVersion=["v" * 3000]))),
        ("search attributes", cmd("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
                                  search_attributes=search_attributes(TemporalChangeVersion=["v" * 1000] * 50))),
        ("summary", _with_summary(timer("t", 1000))),
    ]):
        wid, w = f"w{i}", ctx.raw(f"{ctx.queue}-{i}")
        await ctx.start(wid, queue=w.queue)
        t = await w.wft()
        await ctx.call(label, w.done(t, command), keep=False)
        ev = [e for e in await ctx.events(wid) if e.event_id > 3]
        ctx.record(label + ": events", [e if e.ByteSize() < 5000 else etype(e) for e in ev if etype(e) != "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"][:3])
        try:
            await ctx.terminate(wid)
        except grpc.RpcError:
            pass


def _with_summary(command):
    command.user_metadata.summary.CopyFrom(payload("s" * 500))
    return command


async def activity_answers(ctx):
    """Large results, failures, details and heartbeats of activities."""
    w = ctx.raw()
    await ctx.start()
    await w.step(*[activity(a, f"{ctx.queue}-{a}") for a in "abcd"])
    task = {a: await w.act(queue=f"{ctx.queue}-{a}") for a in "abcd"}
    await ctx.call("result", w.act_done(task["a"], _BLOB))
    await ctx.call("failure", w.act_fail(task["b"], app_failure("m" * 20000, "F", non_retryable=True, details=[_BLOB])))
    await ctx.call("heartbeat", w.heartbeat(task["c"], _BLOB))
    await ctx.call("canceled", w.act_canceled(task["d"], _BLOB))
    ev = await ctx.events()
    ctx.record("events", [e for e in ev if etype(e).startswith("ACTIVITY_TASK_F")])
    ctx.record("types", [etype(e) for e in ev])
    ctx.record("pending", [(p.activity_id, p.state) for p in (await ctx.describe_raw()).pending_activities])
    await ctx.terminate()


async def retried_failure_is_cut(ctx):
    """The last failure of an activity that is retried is cut to four kilobytes."""
    from golden_lib import retry
    w = ctx.raw()
    await ctx.start()
    await w.step(activity("a", ctx.queue, retry_policy=retry(100)))
    t = await w.act()
    await ctx.call("fail", w.act_fail(t, app_failure("m" * 20000, "F", details=["d" * 10000])))
    p = (await ctx.describe_raw()).pending_activities[0]
    ctx.record("last failure", p.last_failure)
    await ctx.terminate()


async def task_failures(ctx):
    """A workflow task's failure that is too large, and a query's."""
    w = ctx.raw()
    await ctx.start()
    t = await w.wft()
    await ctx.call("fail", ctx.svc.RespondWorkflowTaskFailed(ws.RespondWorkflowTaskFailedRequest(
        namespace=ctx.namespace, task_token=t.task_token, cause=1, failure=app_failure(_BLOB, "F")), timeout=10))
    ctx.record("event", (await ctx.events())[-1])
    await ctx.terminate()
