"""Batch operations: every kind, job ids, what is refused, stopping, progress."""
import asyncio

import grpc
from golden_lib import activity, complete, dur, retry, timer, tq, ws
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.batch.v1 import (
    BatchOperationCancellation,
    BatchOperationDeletion,
    BatchOperationReset,
    BatchOperationResetActivities,
    BatchOperationSignal,
    BatchOperationTermination,
    BatchOperationUnpauseActivities,
    BatchOperationUpdateActivityOptions,
    BatchOperationUpdateWorkflowExecutionOptions,
)
from temporalio.api.common.v1 import Priority, ResetOptions
from temporalio.api.workflow.v1 import WorkflowExecutionOptions


def _start(ctx, job, **kw):
    kw.setdefault("reason", "spring cleaning")
    return ctx.svc.StartBatchOperation(ws.StartBatchOperationRequest(
        namespace=ctx.namespace, job_id=ctx.id(job), **kw), timeout=10)


def _describe(ctx, job):
    return ctx.svc.DescribeBatchOperation(ws.DescribeBatchOperationRequest(
        namespace=ctx.namespace, job_id=ctx.id(job)), timeout=10)


async def _until_over(ctx, job, label=None):
    """Records the description of a job that is over; there may be one at a time."""
    for _ in range(150):
        d = await _describe(ctx, job)
        if d.state != 1:
            break
        await asyncio.sleep(0.1)
    ctx.norm.drop.update({"start_time", "close_time"})
    ctx.record(label or f"{job} described", d)
    # A list that does not show its end yet refuses the next one.
    for _ in range(150):
        r = await ctx.svc.ListBatchOperations(ws.ListBatchOperationsRequest(namespace=ctx.namespace), timeout=10)
        if all(o.state != 1 for o in r.operation_info):
            return
        await asyncio.sleep(0.1)


async def _run(ctx, job, *targets, **kw):
    for _ in range(100):
        try:
            await _start(ctx, job, executions=[ctx.exec(t) for t in targets], **kw)
            break
        except grpc.aio.AioRpcError as e:
            # Another scenario's job.
            if e.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        await asyncio.sleep(0.1)
    await _until_over(ctx, job)


async def _count(ctx, query, n):
    for _ in range(100):
        r = await ctx.svc.CountWorkflowExecutions(ws.CountWorkflowExecutionsRequest(
            namespace=ctx.namespace, query=query), timeout=10)
        if r.count == n:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never {n} of {query}")


async def ends(ctx):
    """Cancel, signal, terminate and delete by lists of executions, also of closed and unknown ones."""
    w = ctx.raw()
    for n in ("a", "b"):
        await ctx.start(n)
        await w.step(timer("t", 1000))
    await ctx.start("closed")
    await w.step(complete())
    await _run(ctx, "cancel", "a", "b", "closed", "unknown",
               cancellation_operation=BatchOperationCancellation(identity="batch"))
    await _run(ctx, "signal", "a", "closed", signal_operation=BatchOperationSignal(signal="s", identity="batch"))
    await _run(ctx, "terminate", "a", "closed", termination_operation=BatchOperationTermination(identity="batch"))
    await _run(ctx, "delete", "b", deletion_operation=BatchOperationDeletion(identity="batch"))
    ctx.norm.drop.add("request_id")
    ctx.record("events of a", await ctx.events("a"))
    for _ in range(100):
        try:
            await ctx.describe_raw("b")
        except grpc.RpcError:
            break
        await asyncio.sleep(0.1)
    await ctx.call("describe b", ctx.describe_raw("b"), keep=False)


async def resets(ctx):
    """Reset by type and by options: first and last workflow task, what cannot be reset."""
    w = ctx.raw()
    for n in ("a", "b", "c"):
        await ctx.start(n)
        await w.step()
        await ctx.signal(n, "one")
        await w.step()
    await ctx.start("fresh")
    await _run(ctx, "first", "a", reset_operation=BatchOperationReset(identity="batch", reset_type=1))
    await _run(ctx, "last", "b", reset_operation=BatchOperationReset(identity="batch", reset_type=2))
    await _run(ctx, "options", "c", reset_operation=BatchOperationReset(
        identity="batch", options=ResetOptions(first_workflow_task={}, reset_reapply_exclude_types=[1])))
    await _run(ctx, "unstarted", "fresh", reset_operation=BatchOperationReset(identity="batch", reset_type=1))
    ctx.norm.drop.add("request_id")
    for n in ("a", "b", "c", "fresh"):
        ctx.record(f"events of {n}", await ctx.events(n))


async def options(ctx):
    """Options of workflows and of activities; activities unpaused and reset by type."""
    w = ctx.raw()
    await ctx.start("a")
    await w.step(activity("x", ctx.queue, retry_policy=retry(0.05)))
    await _run(ctx, "workflows", "a", update_workflow_options_operation=BatchOperationUpdateWorkflowExecutionOptions(
        identity="batch", workflow_execution_options=WorkflowExecutionOptions(priority=Priority(priority_key=2)),
        update_mask=FieldMask(paths=["priority"])))
    await _run(ctx, "activities", "a", update_activity_options_operation=BatchOperationUpdateActivityOptions(
        identity="batch", type="act", activity_options=ActivityOptions(start_to_close_timeout=dur(77)),
        update_mask=FieldMask(paths=["start_to_close_timeout"])))
    await _run(ctx, "reset_activities", "a", reset_activities_operation=BatchOperationResetActivities(identity="batch", type="act"))
    ctx.record("events", await ctx.events("a"))
    ctx.record("pending", list((await ctx.describe_raw("a")).pending_activities))


async def unpaused(ctx):
    """Unpausing by type means the workflows that have such an activity paused."""
    w = ctx.raw()
    type = ctx.id("type")
    await ctx.start("a")
    await w.step(activity("x", ctx.queue, type=type))
    await ctx.svc.PauseActivity(ws.PauseActivityRequest(
        namespace=ctx.namespace, execution=ctx.exec("a"), identity="op", id="x"), timeout=10)
    await _count(ctx, f"TemporalPauseInfo = 'property:activityType={type}'", 1)
    for _ in range(100):
        try:
            await _start(ctx, "unpause", visibility_query=f"WorkflowId = '{ctx.id('a')}'",
                         unpause_activities_operation=BatchOperationUnpauseActivities(identity="batch", type=type))
            break
        except grpc.aio.AioRpcError as e:
            if e.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        await asyncio.sleep(0.1)
    await _until_over(ctx, "unpause")
    d = await ctx.describe_raw("a")
    ctx.record("paused", [p.paused for p in d.pending_activities])


async def job_ids(ctx):
    """A job id is used once; jobs that are over cannot be stopped; unknown ones are no jobs."""
    await ctx.start("a")
    signal = BatchOperationSignal(signal="s", identity="batch")
    await _run(ctx, "job", "a", signal_operation=signal)
    await ctx.call("again", _start(ctx, "job", executions=[ctx.exec("a")], signal_operation=signal))
    await ctx.call("stop", ctx.svc.StopBatchOperation(ws.StopBatchOperationRequest(
        namespace=ctx.namespace, job_id=ctx.id("job"), reason="r", identity="op"), timeout=10))
    await ctx.call("stop unknown", ctx.svc.StopBatchOperation(ws.StopBatchOperationRequest(
        namespace=ctx.namespace, job_id=ctx.id("other"), reason="r", identity="op"), timeout=10))
    await ctx.call("stop without reason", ctx.svc.StopBatchOperation(ws.StopBatchOperationRequest(
        namespace=ctx.namespace, job_id=ctx.id("other")), timeout=10))
    await ctx.call("stop without id", ctx.svc.StopBatchOperation(ws.StopBatchOperationRequest(
        namespace=ctx.namespace, reason="r"), timeout=10))
    await ctx.call("describe without id", ctx.svc.DescribeBatchOperation(ws.DescribeBatchOperationRequest(
        namespace=ctx.namespace), timeout=10))


async def stopped(ctx):
    """A job that keeps failing can be stopped; meanwhile no other one starts."""
    await ctx.start("a")
    # Terminating by an impossible run id is refused for ever.
    kw = {"signal_operation": BatchOperationSignal(signal="s", identity="batch")}
    for _ in range(100):
        try:
            await _start(ctx, "busy", executions=[ctx.exec("a")] * 300, **kw)
            break
        except grpc.aio.AioRpcError as e:
            if e.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        await asyncio.sleep(0.1)
    for _ in range(100):
        r = await ctx.svc.ListBatchOperations(ws.ListBatchOperationsRequest(namespace=ctx.namespace), timeout=10)
        if any(o.state == 1 for o in r.operation_info):
            break
        await asyncio.sleep(0.05)
    await ctx.call("second", _start(ctx, "second", executions=[ctx.exec("a")], **kw))
    d = await _describe(ctx, "busy")
    ctx.record("busy", {"state": d.state, "identity": d.identity, "type": d.operation_type})
    await ctx.call("stop", ctx.svc.StopBatchOperation(ws.StopBatchOperationRequest(
        namespace=ctx.namespace, job_id=ctx.id("busy"), reason="r", identity="op"), timeout=10))
    d = await _describe(ctx, "busy")
    ctx.record("stopped", {"state": d.state, "identity": d.identity, "reason": d.reason})
    for _ in range(100):
        r = await ctx.svc.ListBatchOperations(ws.ListBatchOperationsRequest(namespace=ctx.namespace), timeout=10)
        if all(o.state != 1 for o in r.operation_info):
            break
        await asyncio.sleep(0.05)
    ctx.norm.drop.update({"start_time", "close_time"})
    ctx.record("listed", [o for o in r.operation_info if o.job_id == ctx.id("busy")])


async def refused(ctx):
    """Requests that are refused, each by its words."""
    scope = {"visibility_query": "WorkflowId = 'nobody'"}
    term = {"termination_operation": BatchOperationTermination()}
    cases = {
        "no query": dict(term),
        "no job": {"visibility_query": "WorkflowId = 'nobody'", **term},
        "bad query": {"visibility_query": "()", **term},
        "cut query": {"visibility_query": "WorkflowId = ", **term},
        "reset without type": {**scope, "reset_operation": BatchOperationReset()},
        "reset without target": {**scope, "reset_operation": BatchOperationReset(options=ResetOptions())},
        "unpause nothing": {**scope, "unpause_activities_operation": BatchOperationUnpauseActivities()},
        "unpause no type": {**scope, "unpause_activities_operation": BatchOperationUnpauseActivities(type="")},
        "unpause not all": {**scope, "unpause_activities_operation": BatchOperationUnpauseActivities(match_all=False)},
        "reset nothing": {**scope, "reset_activities_operation": BatchOperationResetActivities()},
        "reset no type": {**scope, "reset_activities_operation": BatchOperationResetActivities(type="")},
        "change nothing": {**scope, "update_activity_options_operation": BatchOperationUpdateActivityOptions()},
        "change both": {**scope, "update_activity_options_operation": BatchOperationUpdateActivityOptions(
            activity_options=ActivityOptions(), restore_original=True)},
        "change no type": {**scope, "update_activity_options_operation": BatchOperationUpdateActivityOptions(
            activity_options=ActivityOptions(), type="")},
    }
    for label, fields in cases.items():
        job = "" if label == "no job" else ctx.id("job")
        request = ws.StartBatchOperationRequest(namespace=ctx.namespace, job_id=job, reason="r", **fields)
        await ctx.call(label, ctx.svc.StartBatchOperation(request, timeout=10))
    for label, method, request in (
        ("list", "ListBatchOperations", ws.ListBatchOperationsRequest()),
        ("describe", "DescribeBatchOperation", ws.DescribeBatchOperationRequest(job_id="x")),
    ):
        await ctx.call(f"{label} without namespace", getattr(ctx.svc, method)(request, timeout=10))
