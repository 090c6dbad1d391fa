"""Where a run can be reset to and what of it goes on: every point, every kind of pending thing."""
import asyncio
import uuid

from golden_lib import Memo, activity, cmd, complete, dur, etype, payload, pl, retry, timer, tq, ws, wtype
from temporalio.api.common.v1 import Link
from google.protobuf.any_pb2 import Any
from temporalio.api.protocol.v1 import Message as PMsg
from temporalio.api.update.v1 import Acceptance, Input, Meta, Request, WaitPolicy


def _req(ctx, event_id, run_id="", wid="wf", **kw):
    kw.setdefault("request_id", str(uuid.uuid4()))
    return ws.ResetWorkflowExecutionRequest(namespace=ctx.namespace, workflow_execution=ctx.exec(wid, run_id),
                                            reason="redo", workflow_task_finish_event_id=event_id, **kw)


async def _reset(ctx, *a, name="reset", **kw):
    r = await ctx.svc.ResetWorkflowExecution(_req(ctx, *a, **kw), timeout=10)
    ctx.norm.name(r.run_id, f"run:{name}")
    return r.run_id


async def _points(ctx, run, last, wid="wf"):
    """Resets one run to every point; the new run's events are told by id and type."""
    for event_id in range(2, last + 2):
        label = f"point {event_id}"
        try:
            r = await ctx.svc.ResetWorkflowExecution(_req(ctx, event_id, run, wid), timeout=10)
        except Exception as e:
            ctx.record(label, ctx.norm.rpc_error(e)["message"])
            continue
        events = [f"{e.event_id} {etype(e)}" for e in await ctx.events(wid, r.run_id)]
        failed = max(i for i, e in enumerate(events) if e.endswith("WORKFLOW_TASK_FAILED"))
        end = next(i for i in range(failed, len(events)) if events[i].endswith("WORKFLOW_TASK_SCHEDULED"))
        # What comes after the new task is a matter of time: timers of the shared past that are due.
        ctx.record(label, events[event_id - 1:end + 1])


async def points_of_a_task(ctx):
    """Every point of a history with timers, signals between and under tasks, and a close."""
    w = ctx.raw()
    run = await ctx.start()
    await ctx.signal("wf", "before the first task")
    t = await w.wft()
    await ctx.signal("wf", "under the task")
    await w.done(t, timer("a", 1), timer("b", 1))
    await w.step()
    await asyncio.sleep(1.5)
    await w.step()
    await ctx.signal("wf", "one")
    await ctx.signal("wf", "two")
    await w.step(complete())
    last = len(await ctx.history("wf", run, label="base"))
    await _points(ctx, run, last)
    await ctx.terminate()


async def points_of_failed_tasks(ctx):
    """A failed task's retry has no events until it completes, or until something happens."""
    w = ctx.raw()
    run = await ctx.start()
    await w.fail_wft(await w.wft())
    t = await w.wft()
    await w.done(t, timer("t", 100))
    await ctx.signal("wf", "x")
    await w.fail_wft(await w.wft())
    await ctx.signal("wf", "y")
    await w.step(complete())
    last = len(await ctx.history("wf", run, label="base"))
    await _points(ctx, run, last)
    await ctx.terminate()


async def points_of_inline_tasks(ctx):
    """Tasks that start in the transaction that schedules them."""
    w = ctx.raw()
    r = await ctx.svc.StartWorkflowExecution(
        ctx.start_request("wf", "wf", request_eager_execution=True), timeout=10)
    ctx.norm.name(r.run_id, "run:wf")
    t = await w.done(r.eager_workflow_task, timer("t", 100), return_new=True, force_new=True)
    await w.done(t.workflow_task, complete())
    last = len(await ctx.history("wf", r.run_id, label="base"))
    await _points(ctx, r.run_id, last)
    await ctx.terminate()


async def points_of_a_reset_run(ctx):
    """A reset run can be reset again, to what it shares with its base and to its own tasks."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 100))
    await ctx.signal()
    run = await _reset(ctx, 3)
    await w.step(complete())
    last = len(await ctx.history("wf", run, label="base"))
    await _points(ctx, run, last)
    await ctx.terminate()


async def open_run(ctx):
    """The current run ends: its task fails, its buffered signals come again, cancel requests do not."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 100))
    await ctx.signal("wf", "first", 1)
    await w.wft()
    await ctx.signal("wf", "buffered", 2)
    await ctx.cancel()
    await _reset(ctx, 4)
    await ctx.history("wf", run, label="old")
    await ctx.history("wf", label="new")
    await ctx.describe("wf", run, label="old (describe)")
    await ctx.describe("wf", label="new (describe)")
    await ctx.terminate()


async def activities(ctx):
    """An activity that a worker has is offered again, whatever its attempt."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(activity("a", ctx.queue), activity("b", ctx.queue + "-none"))
    a = await w.act()
    await ctx.signal()
    await w.step()
    await _reset(ctx, 10)
    await ctx.call("old token", ctx.svc.RespondActivityTaskCompleted(
        ws.RespondActivityTaskCompletedRequest(namespace=ctx.namespace, task_token=a.task_token), timeout=10))
    await ctx.history("wf", label="new")
    again = await w.act()
    ctx.record("again", {"attempt": again.attempt, "activity_id": again.activity_id})
    await ctx.describe("wf", label="new (describe)")
    await w.act_done(again, "done")
    await ctx.history("wf", label="after")
    await ctx.terminate()


async def external_signal(ctx):
    """A signal to another workflow whose answer is past the point is sent again."""
    w = ctx.raw()
    await ctx.start("other", "other", ctx.queue + "-o")
    await ctx.start()
    await w.done(await w.wft(), cmd("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", execution=ctx.exec("other"),
                                    signal_name="out", namespace=ctx.namespace),
                 force_new=True)
    await ctx.until("wf", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED")
    await _reset(ctx, 7)
    await ctx.until("wf", "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED")
    await ctx.history("wf")
    await ctx.history("other")
    await ctx.terminate()
    await ctx.terminate("other")


def _child(ctx):
    return cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id("child"), workflow_type=wtype("kid"),
               namespace=ctx.namespace, task_queue=tq(ctx.queue + "-c"))


async def child_started_before(ctx):
    """A child that was started before the point reports to the new run."""
    p, c = ctx.raw(), ctx.raw(ctx.queue + "-c", "child-worker")
    await ctx.start()
    await p.step(_child(ctx))
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await p.step()
    last = len(await ctx.events("wf"))
    await _reset(ctx, last)
    await ctx.describe("child", label="child")
    await c.step(complete("kid done"))
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
    await ctx.history("wf", label="new")
    await ctx.terminate()


async def child_heard_of_after(ctx):
    """A child that was asked for before the point and heard of after it is heard of again."""
    p, c = ctx.raw(), ctx.raw(ctx.queue + "-c", "child-worker")
    await ctx.start()
    t = await p.wft()
    await p.done(t, _child(ctx), force_new=True)
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await c.step(complete("kid done"))
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_COMPLETED")
    await ctx.history("wf", label="base")
    await _reset(ctx, 7)
    await ctx.history("wf", label="new")
    await ctx.terminate()


async def child_found_again(ctx):
    """Signals left behind or not, a running child is not started twice."""
    p = ctx.raw()
    await ctx.start()
    t = await p.wft()
    await p.done(t, _child(ctx), force_new=True)
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await _reset(ctx, 7, reset_reapply_exclude_types=[1, 2, 3, 4])
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await ctx.history("wf", label="new")
    await ctx.history("child", label="child")
    await ctx.terminate()
    await ctx.terminate("child")


async def attached_request(ctx):
    """A start that was attached to the run is attached to the new one too."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 100))
    q = ctx.start_request("wf", "wf", workflow_id_conflict_policy="WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING")
    q.on_conflict_options.attach_request_id = True
    q.on_conflict_options.attach_links = True
    link = Link()
    link.workflow_event.namespace, link.workflow_event.workflow_id, link.workflow_event.run_id = "n", "from", run
    q.links.append(link)
    await ctx.svc.StartWorkflowExecution(q, timeout=10)
    await _reset(ctx, 4)
    await ctx.history("wf", label="new")
    await ctx.describe("wf", label="new (describe)")
    await ctx.terminate()


async def reapply_types(ctx):
    """The deprecated reapply type, and every exclude type."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 100))
    await ctx.signal()
    await w.step(complete())
    for kw in ({"reset_reapply_type": 0}, {"reset_reapply_type": 1}, {"reset_reapply_type": 2},
               {"reset_reapply_type": 3}, {"reset_reapply_exclude_types": [0]},
               {"reset_reapply_exclude_types": [2]}, {"reset_reapply_exclude_types": [9]},
               {"reset_reapply_exclude_types": [1, 2, 3, 4]}):
        label = str(kw)
        try:
            r = await ctx.svc.ResetWorkflowExecution(_req(ctx, 4, run, **kw), timeout=10)
        except Exception as e:
            ctx.record(label, ctx.norm.rpc_error(e))
            continue
        ctx.record(label, [etype(e) for e in await ctx.events("wf", r.run_id)][4:])
    await ctx.terminate()


async def request_ids(ctx):
    """A reset dedupes by the request id of the current run's start alone."""
    w = ctx.raw()
    await ctx.start(request_id="start-id")
    await w.step(timer("t", 100))
    first = await _reset(ctx, 4, request_id="reset-id")
    second = await _reset(ctx, 4, request_id="reset-id", name="second")
    third = await _reset(ctx, 4, request_id="start-id", name="third")
    ctx.record("reset id again", first == second)
    ctx.record("start id", third == second)
    r = await ctx.svc.StartWorkflowExecution(ctx.start_request("wf", "wf", request_id="start-id"), timeout=10)
    ctx.record("start again", {"same": r.run_id == second, "started": r.started})
    await ctx.call("no request id", ctx.svc.ResetWorkflowExecution(_req(ctx, 4, request_id=""), timeout=10))
    await ctx.call("long", ctx.svc.ResetWorkflowExecution(_req(ctx, 4, request_id="x" * 1001), timeout=10))
    await ctx.terminate()


async def other_current_run(ctx):
    """An older run of the id is the base; the current run, of another chain, ends without a trace."""
    w = ctx.raw()
    base = await ctx.start()
    await w.step(complete("old"))
    current = await ctx.start()
    ctx.norm.name(current, "run:current")
    await ctx.signal("wf", "lost")
    await w.step()
    await _reset(ctx, 4, base)
    await ctx.history("wf", label="new")
    await ctx.history("wf", current, label="current")
    await ctx.describe("wf", current, label="current (describe)")
    await ctx.describe("wf", base, label="base (describe)")
    await ctx.terminate()


async def chain(ctx):
    """Signals to the runs that the base continued as come again."""
    w = ctx.raw()
    base = await ctx.start()
    await ctx.signal("wf", "to the first")
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue)))
    await ctx.signal("wf", "to the second")
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue)))
    await ctx.signal("wf", "to the third")
    t = await w.wft()
    await ctx.signal("wf", "to the third, buffered")
    ctx.norm.name(t.workflow_execution.run_id, "run:third")
    await _reset(ctx, 4, base)
    await ctx.history("wf", label="new")
    await ctx.describe("wf", t.workflow_execution.run_id, label="third (describe)")
    await ctx.terminate()


async def memo_and_timeouts(ctx):
    """What the start gave and what came before the point stays; what came after goes."""
    w = ctx.raw()
    run = await ctx.start("wf", "wf", None, "in", memo=Memo(fields={"a": payload(1)}),
                          workflow_run_timeout=dur(100), workflow_execution_timeout=dur(200),
                          retry_policy=retry(attempts=3))
    await w.step(cmd("MODIFY_WORKFLOW_PROPERTIES", upserted_memo=Memo(fields={"b": payload(2)})))
    await ctx.signal()
    await w.step(cmd("MODIFY_WORKFLOW_PROPERTIES", upserted_memo=Memo(fields={"a": payload(3)})))
    await _reset(ctx, 8)
    await ctx.describe("wf", run, label="old")
    await ctx.describe("wf", label="new")
    d = (await ctx.describe_raw("wf")).workflow_extended_info
    o = (await ctx.describe_raw("wf")).workflow_execution_info
    ctx.record("seconds", {
        "run": d.run_expiration_time.seconds - o.start_time.seconds,
        "execution": d.execution_expiration_time.seconds - o.start_time.seconds,
        "reset is start": d.last_reset_time == o.start_time,
        "original is start": d.original_start_time == o.start_time})
    await ctx.terminate()


async def delayed_start(ctx):
    """A run with a start delay, reset: it does not wait again."""
    w = ctx.raw()
    await ctx.start(workflow_start_delay=dur(1))
    await w.step(timer("t", 100))
    await _reset(ctx, 4)
    t = await w.wft()
    ctx.record("task", [etype(e) for e in t.history.events])
    i = (await ctx.describe_raw("wf")).workflow_execution_info
    ctx.record("execution after start, seconds", round((i.execution_time.ToNanoseconds() - i.start_time.ToNanoseconds()) / 1e9))
    await ctx.terminate()


async def due_timer(ctx):
    """A timer of the shared past keeps its time: one that is due fires at once."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 1))
    await ctx.signal()
    await w.step()
    await ctx.until("wf", "TIMER_FIRED")
    await _reset(ctx, 9)
    await ctx.until("wf", "TIMER_FIRED", timeout=3)
    await ctx.history("wf")
    await ctx.terminate()


async def operations(ctx):
    """post_reset_operations: what is not supported, and options."""
    w = ctx.raw()
    await ctx.start()
    await w.step(timer("t", 100))
    q = _req(ctx, 4)
    q.post_reset_operations.add().signal_workflow.signal_name = "x"
    await ctx.call("signal", ctx.svc.ResetWorkflowExecution(q, timeout=10))
    q = _req(ctx, 4)
    q.post_reset_operations.add()
    await ctx.call("nothing", ctx.svc.ResetWorkflowExecution(q, timeout=10))
    await ctx.terminate()


def _accept(m):
    request = Request()
    m.body.Unpack(request)
    body = Any()
    body.Pack(Acceptance(accepted_request_message_id=m.id, accepted_request_sequencing_event_id=m.event_id,
                         accepted_request=request))
    return PMsg(id=m.id + "/accept", protocol_instance_id=m.protocol_instance_id, body=body)


async def updates(ctx):
    """Accepted updates come again as admitted, and are handed to the next task; excluded ones do not."""
    w = ctx.raw()
    run = await ctx.start()
    await w.step(timer("t", 100))
    asked = asyncio.gather(ctx.svc.UpdateWorkflowExecution(ws.UpdateWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec("wf"),
        wait_policy=WaitPolicy(lifecycle_stage="UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED"),
        request=Request(meta=Meta(update_id="u1", identity="raw-client"), input=Input(name="up", args=pl(1)))),
        timeout=10))
    t = await w.wft()
    m = t.messages[0]
    await w.done(t, cmd("PROTOCOL_MESSAGE", message_id=m.id + "/accept"), messages=[_accept(m)])
    await asked
    await ctx.signal("wf", "after the update")
    await _reset(ctx, 4)
    await ctx.history("wf", label="new")
    t = await w.wft()
    ctx.record("messages", [(each.id, each.event_id) for each in t.messages])
    await w.done(t, complete())
    await ctx.history("wf", label="new closed")
    await _reset(ctx, 4, run, reset_reapply_exclude_types=[2], name="without updates")
    await ctx.history("wf", label="without updates")
    await ctx.terminate()
