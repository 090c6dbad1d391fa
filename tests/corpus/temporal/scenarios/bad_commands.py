"""Every command with attributes missing, empty or wrong: the answer to the worker and what is written."""
import grpc

from golden_lib import (ActivityType, Command, Memo, SearchAttributes, WorkflowExecution, activity, app_failure, cmd, complete, dur, payload,
                        pl, retry, etype, search_attributes, timer, tq, wtype)

_KINDS = ["SCHEDULE_ACTIVITY_TASK", "REQUEST_CANCEL_ACTIVITY_TASK", "START_TIMER", "CANCEL_TIMER", "COMPLETE_WORKFLOW_EXECUTION",
          "FAIL_WORKFLOW_EXECUTION", "CANCEL_WORKFLOW_EXECUTION", "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION", "RECORD_MARKER",
          "CONTINUE_AS_NEW_WORKFLOW_EXECUTION", "START_CHILD_WORKFLOW_EXECUTION", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION",
          "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", "PROTOCOL_MESSAGE", "MODIFY_WORKFLOW_PROPERTIES"]


# What other workflows make of a command comes some time later.
_LATE = {"CHILD_WORKFLOW_EXECUTION_STARTED", "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED",
         "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"}


async def _cases(ctx, cases, **start):
    """One workflow a case: the answer, the failed task, whether the run is open."""
    for i, (label, commands) in enumerate(cases):
        wid, w = f"w{i}", ctx.raw(f"{ctx.queue}-{i}")
        await ctx.start(wid, queue=w.queue, **start)
        t = await w.wft()
        await ctx.call(label, w.done(t, *commands), keep=False)
        ctx.record(label + ": events", [e for e in await ctx.events(wid) if e.event_id > 3 and etype(e) not in _LATE][:2])
        try:
            await ctx.terminate(wid)
        except grpc.RpcError:
            pass


async def no_attributes(ctx):
    """The command type alone. (That server panics over a child without attributes.)"""
    await _cases(ctx, [(kind, [Command(command_type="COMMAND_TYPE_" + kind)]) for kind in _KINDS if "CHILD" not in kind])


async def empty_attributes(ctx):
    """Attributes without a single field."""
    await _cases(ctx, [(kind, [cmd(kind)]) for kind in _KINDS])


async def other_attributes(ctx):
    """Attributes of another command, and command types that are none."""
    wrong = timer("t", 5)
    wrong.command_type = 3  # a cancel of a timer
    none = Command()
    unknown = timer("t", 5)
    unknown.command_type = 99
    await _cases(ctx, [("of another command", [wrong]), ("no type", [none]), ("unknown type", [unknown]),
                       ("good, then unknown", [timer("t", 5), unknown])])


async def markers(ctx):
    """Markers: no name, a long name, many details, an empty failure."""
    await _cases(ctx, [
        ("long name", [cmd("RECORD_MARKER", marker_name="m" * 1001)]),
        ("only a name", [cmd("RECORD_MARKER", marker_name="m")]),
        ("twice", [cmd("RECORD_MARKER", marker_name="m"), cmd("RECORD_MARKER", marker_name="m")]),
    ])


async def cancel_activity(ctx):
    """Cancel of an activity that was never scheduled, of an event that is none, twice."""
    a = activity("a", ctx.queue + "-a")
    await _cases(ctx, [
        ("zero", [cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=0)]),
        ("negative", [cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=-1)]),
        ("the start", [cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=1)]),
        ("far away", [cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=999)]),
        ("in the same task", [a, cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=5)]),
        ("twice in the same task", [a, cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=5),
                                    cmd("REQUEST_CANCEL_ACTIVITY_TASK", scheduled_event_id=5)]),
    ])


async def children(ctx):
    """Children: every field that can be wrong."""
    def child(**kw):
        kw = {"workflow_id": ctx.id("kid"), "workflow_type": wtype("c"), "task_queue": tq(ctx.queue + "-c"), **kw}
        return [cmd("START_CHILD_WORKFLOW_EXECUTION", **kw)]
    await _cases(ctx, [
        ("no id", child(workflow_id="")),
        ("long id", child(workflow_id="i" * 1001)),
        ("no type", child(workflow_type=wtype(""))),
        ("long type", child(workflow_type=wtype("t" * 1001))),
        ("reserved queue", child(task_queue=tq("/_sys/q"))),
        ("other namespace", child(namespace="nowhere")),
        ("negative run timeout", child(workflow_run_timeout=dur(-1))),
        ("negative execution timeout", child(workflow_execution_timeout=dur(-1))),
        ("bad retry", child(retry_policy=retry(1, coefficient=0.5))),
        ("bad cron", child(cron_schedule="nonsense")),
        ("unknown attribute", child(search_attributes=search_attributes(Nope="x"))),
        ("policy of no kind", child(parent_close_policy=9)),
        ("twice the same", child() + child()),
        ("empty memo", child(memo=Memo())),
    ])


async def external(ctx):
    """Signals and cancels of others: missing ids, bad run ids, itself."""
    def signal(**kw):
        kw = {"execution": WorkflowExecution(workflow_id=ctx.id("other")), "signal_name": "s", **kw}
        return [cmd("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", **kw)]

    def cancel(**kw):
        return [cmd("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION", **{"workflow_id": ctx.id("other"), **kw})]
    await _cases(ctx, [
        ("signal: no execution", [cmd("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION", signal_name="s")]),
        ("signal: no workflow id", signal(execution=WorkflowExecution())),
        ("signal: no name", signal(signal_name="")),
        ("signal: long name", signal(signal_name="s" * 1001)),
        ("signal: long id", signal(execution=WorkflowExecution(workflow_id="i" * 1001))),
        ("signal: bad run id", signal(execution=WorkflowExecution(workflow_id=ctx.id("other"), run_id="x"))),
        ("signal: other namespace", signal(namespace="nowhere")),
        ("cancel: bad run id", cancel(run_id="x")),
        ("cancel: long id", cancel(workflow_id="i" * 1001)),
        ("cancel: other namespace", cancel(namespace="nowhere")),
        ("cancel: same one twice", cancel() + cancel()),
    ])


async def properties(ctx):
    """Upserts: unknown and system attributes, wrong types, empty maps, too long names."""
    upsert = "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"
    modify = "MODIFY_WORKFLOW_PROPERTIES"
    await _cases(ctx, [
        ("unknown", [cmd(upsert, search_attributes=search_attributes(Nope="x"))]),
        ("system", [cmd(upsert, search_attributes=search_attributes(WorkflowId="x"))]),
        ("wrong type", [cmd(upsert, search_attributes=search_attributes(TemporalChangeVersion=7))]),
        ("wrong list", [cmd(upsert, search_attributes=search_attributes(TemporalChangeVersion=[7]))]),
        ("no map", [cmd(upsert, search_attributes=SearchAttributes())]),
        ("null", [cmd(upsert, search_attributes=search_attributes(TemporalChangeVersion=None))]),
        ("memo without fields", [cmd(modify, upserted_memo=Memo())]),
        ("memo null", [cmd(modify, upserted_memo=Memo(fields={"never": payload(None)}))]),
    ])


async def closes(ctx):
    """Close commands: a failure without a message, none at all, an empty result, a cancel nobody asked for."""
    await _cases(ctx, [
        ("empty result", [cmd("COMPLETE_WORKFLOW_EXECUTION", result=pl())]),
        ("failure without a message", [cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure(""))]),
        ("cancel unasked", [cmd("CANCEL_WORKFLOW_EXECUTION")]),
        ("a failure of no kind", [cmd("FAIL_WORKFLOW_EXECUTION", failure=_plain("plain"))]),
        ("continue with no type", [cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype(""))]),
    ])


def _plain(message):
    from golden_lib import Failure
    return Failure(message=message)
