"""Schedules as they are changed: updates, pauses, overlaps, backfills."""
import asyncio
import uuid

from golden_lib import complete, dur, payload, pl, tq, ws, wtype, Memo
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.schedule.v1 import (BackfillRequest, IntervalSpec, Range, Schedule, ScheduleAction, SchedulePatch, SchedulePolicies,
                                        ScheduleSpec, ScheduleState, StructuredCalendarSpec, TriggerImmediatelyRequest)
from temporalio.api.workflow.v1 import NewWorkflowExecutionInfo

OVERLAPS = ("SKIP", "BUFFER_ONE", "BUFFER_ALL", "CANCEL_OTHER", "TERMINATE_OTHER", "ALLOW_ALL")
JAN_1 = 1704067200


def _schedule(ctx, spec=None, policies=None, state=None, **action):
    return Schedule(spec=spec or ScheduleSpec(interval=[IntervalSpec(interval=dur(3600))]),
                    action=ScheduleAction(start_workflow=NewWorkflowExecutionInfo(
                        workflow_id=ctx.id("act"), workflow_type=wtype("wf"), task_queue=tq(ctx.queue), input=pl("in"), **action)),
                    policies=policies, state=state)


async def _create(ctx, schedule, **kw):
    return await ctx.svc.CreateSchedule(ws.CreateScheduleRequest(
        namespace=ctx.namespace, schedule_id=ctx.id("s"), schedule=schedule, request_id=str(uuid.uuid4()), **kw), timeout=10)


def _describe(ctx):
    return ctx.svc.DescribeSchedule(ws.DescribeScheduleRequest(namespace=ctx.namespace, schedule_id=ctx.id("s")), timeout=10)


def _update(ctx, schedule, sid="s", **kw):
    return ctx.svc.UpdateSchedule(ws.UpdateScheduleRequest(
        namespace=ctx.namespace, schedule_id=ctx.id(sid), schedule=schedule, identity="raw-client",
        request_id=str(uuid.uuid4()), **kw), timeout=10)


def _patch(ctx, **patch):
    return ctx.svc.PatchSchedule(ws.PatchScheduleRequest(
        namespace=ctx.namespace, schedule_id=ctx.id("s"), patch=SchedulePatch(**patch), identity="raw-client",
        request_id=str(uuid.uuid4())), timeout=10)


def _trigger(ctx, overlap="UNSPECIFIED"):
    return _patch(ctx, trigger_immediately=TriggerImmediatelyRequest(overlap_policy=f"SCHEDULE_OVERLAP_POLICY_{overlap}"))


async def _delete(ctx):
    await ctx.svc.DeleteSchedule(ws.DeleteScheduleRequest(namespace=ctx.namespace, schedule_id=ctx.id("s")), timeout=10)


async def _info(ctx, label):
    info = (await _describe(ctx)).info
    ctx.record(label, {"count": info.action_count, "skipped": info.overlap_skipped, "dropped": info.buffer_dropped,
                       "missed": info.missed_catchup_window, "recent": len(info.recent_actions), "buffered": info.buffer_size})


async def update_replaces_all(ctx):
    """An update replaces spec, action, policies and state; memo stays."""
    spec = ScheduleSpec(structured_calendar=[StructuredCalendarSpec(hour=[Range(start=3, end=9, step=3)], comment="nights")],
                        timezone_name="Europe/Berlin", jitter=dur(5))
    await _create(ctx, _schedule(ctx, state=ScheduleState(paused=True, notes="first")), memo=Memo(fields={"sm": payload(2)}))
    await ctx.call("update", _update(ctx, _schedule(
        ctx, spec, SchedulePolicies(overlap_policy="SCHEDULE_OVERLAP_POLICY_BUFFER_ALL", catchup_window=dur(600), pause_on_failure=True),
        ScheduleState(paused=True, notes="second", limited_actions=True, remaining_actions=7), memo=Memo(fields={"am": payload(1)}))))
    await asyncio.sleep(1)
    described = await _describe(ctx)
    ctx.record("schedule", {"schedule": described.schedule, "memo": described.memo, "updated": described.info.HasField("update_time")})
    await ctx.call("plain", _update(ctx, _schedule(ctx, state=ScheduleState(paused=True))))
    await asyncio.sleep(1)
    ctx.record("plain schedule", (await _describe(ctx)).schedule)
    await ctx.call("nobody", _update(ctx, _schedule(ctx), "nobody"))
    await ctx.call("bad", _update(ctx, _schedule(ctx, ScheduleSpec(cron_string=["soon"]))))
    await ctx.call("nothing", _update(ctx, None))
    await _delete(ctx)


async def pause_and_unpause(ctx):
    """Pauses with notes, twice; both at once."""
    await _create(ctx, _schedule(ctx))
    for label, patch in (("pause", {"pause": "wait"}), ("again", {"pause": "longer"}), ("unpause", {"unpause": "go"}),
                         ("both", {"pause": "stop", "unpause": "go"}), ("nothing", {})):
        await ctx.call(label, _patch(ctx, **patch))
        await asyncio.sleep(1)
        ctx.record(f"after {label}", (await _describe(ctx)).schedule.state)
    await ctx.call("long notes", _patch(ctx, pause="x" * 2000))
    await _delete(ctx)


async def overlaps(ctx):
    """Every overlap policy of a trigger while the action's workflow runs."""
    for policy in OVERLAPS:
        await _create(ctx, _schedule(ctx, state=ScheduleState(paused=True)))
        await _trigger(ctx)
        worker = ctx.raw()
        first = await worker.wft()
        ctx.norm.name(first.workflow_execution.run_id, f"run:{policy}")
        await ctx.call(policy, _trigger(ctx, policy))
        await asyncio.sleep(1.5)
        await _info(ctx, f"{policy} info")
        status = (await ctx.svc.DescribeWorkflowExecution(ws.DescribeWorkflowExecutionRequest(
            namespace=ctx.namespace, execution=first.workflow_execution), timeout=10)).workflow_execution_info.status
        ctx.record(f"{policy} first", status)
        await _delete(ctx)
        for run in [first.workflow_execution]:
            try:
                await ctx.svc.TerminateWorkflowExecution(ws.TerminateWorkflowExecutionRequest(
                    namespace=ctx.namespace, workflow_execution=run), timeout=10)
            except Exception:  # noqa: BLE001, S110
                pass
        await asyncio.sleep(0.5)


async def backfills(ctx):
    """Past times are acted on; a range of none; ends that belong to it; while paused."""
    await _create(ctx, _schedule(ctx, state=ScheduleState(paused=True)))
    for label, start, end in (("two", 0, 3600), ("none", 60, 120), ("backwards", 7200, 0)):
        await ctx.call(label, _patch(ctx, backfill_request=[BackfillRequest(
            start_time=Timestamp(seconds=JAN_1 + start), end_time=Timestamp(seconds=JAN_1 + end),
            overlap_policy="SCHEDULE_OVERLAP_POLICY_ALLOW_ALL")]))
        await asyncio.sleep(1.5)
        await _info(ctx, f"{label} info")
    worker = ctx.raw()
    ids = []
    for _ in range(2):
        task = await worker.wft()
        ids.append(task.workflow_execution.workflow_id)
        await worker.done(task, complete("done"))
    ctx.record("ids", sorted(ids))
    await _delete(ctx)


async def limited_actions(ctx):
    """Triggers do not use up what is left; backfills neither."""
    await _create(ctx, _schedule(ctx, state=ScheduleState(paused=True, limited_actions=True, remaining_actions=2)))
    await _trigger(ctx, "ALLOW_ALL")
    await asyncio.sleep(1.5)
    ctx.record("after a trigger", (await _describe(ctx)).schedule.state)
    await _patch(ctx, backfill_request=[BackfillRequest(
        start_time=Timestamp(seconds=JAN_1), end_time=Timestamp(seconds=JAN_1), overlap_policy="SCHEDULE_OVERLAP_POLICY_ALLOW_ALL")])
    await asyncio.sleep(1.5)
    ctx.record("after a backfill", (await _describe(ctx)).schedule.state)
    await _info(ctx, "info")
    await _delete(ctx)


async def initial_patch(ctx):
    """A patch that comes with the creation."""
    await _create(ctx, _schedule(ctx, state=ScheduleState(notes="new")), initial_patch=SchedulePatch(
        pause="from the start", trigger_immediately=TriggerImmediatelyRequest()))
    task = await ctx.raw().wft()
    ctx.record("action", task.workflow_execution.workflow_id)
    await asyncio.sleep(1)
    ctx.record("state", (await _describe(ctx)).schedule.state)
    await _delete(ctx)
