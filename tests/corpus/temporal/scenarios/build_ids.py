"""Which builds of its worker a run has met: search attributes, reset points, stamps."""
from golden_lib import cmd, complete, pl, search_attributes, timer, tq, ws, wtype

KEPT = {"build_id", "binary_checksum", "worker_version", "most_recent_worker_version_stamp",
        "auto_reset_points", "prev_auto_reset_points", "versioning_info", "worker_deployment_name",
        "assigned_build_id", "inherited_build_id", "expire_time", "create_time"}


async def _step(ctx, *commands, build="", checksum="", queue=None, versioned=False, **kw):
    poll = ws.PollWorkflowTaskQueueRequest(namespace=ctx.namespace, task_queue=tq(queue or ctx.queue), identity="w")
    if build:
        poll.worker_version_capabilities.build_id = build
    task = await ctx.svc.PollWorkflowTaskQueue(poll, timeout=10)
    assert task.task_token
    req = ws.RespondWorkflowTaskCompletedRequest(namespace=ctx.namespace, task_token=task.task_token, identity="w",
                                                 commands=list(commands), binary_checksum=checksum, **kw)
    if build or versioned:
        req.worker_version_stamp.build_id = build
        req.worker_version_stamp.use_versioning = versioned
    await ctx.svc.RespondWorkflowTaskCompleted(req, timeout=10)
    return task


async def builds_of_one_run(ctx):
    """No build, one, another, the first again, a checksum: attributes and points after each."""
    ctx.norm.keep |= KEPT
    await ctx.start()
    await ctx.describe(label="before the first task")
    for number, build, checksum in ((1, "", ""), (2, "1.0", ""), (3, "1.1", ""), (4, "1.0", ""), (5, "1.0", "sum"),
                                    (6, "1.0", ""), (7, "", "other")):
        await _step(ctx, build=build, checksum=checksum)
        await ctx.describe(label=f"after task {number}")
        await ctx.signal()
    await _step(ctx, complete(), build="1.2")
    await ctx.describe(label="closed")
    await ctx.history()


async def first_build_at_once(ctx):
    """The first task already has a build; attributes of the start stay."""
    ctx.norm.keep |= KEPT
    await ctx.start(search_attributes=search_attributes(BatcherUser="u"))
    await _step(ctx, complete(), build="<1.0>")
    await ctx.describe()


async def attributes_given(ctx):
    """A start and a command may set BuildIds; the next completion sets them right."""
    ctx.norm.keep |= KEPT
    await ctx.start(search_attributes=search_attributes(BuildIds=["mine", "pinned:x", "assigned:y", "unversioned"]))
    await ctx.describe(label="before the first task")
    await _step(ctx, build="1.0")
    await ctx.describe(label="after the first task")
    await ctx.signal()
    await _step(ctx, cmd("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", search_attributes=search_attributes(BuildIds=["own"])),
                build="1.0")
    await ctx.describe(label="after an upsert")
    await ctx.signal()
    await _step(ctx, build="1.0")
    await ctx.describe(label="after the next task")
    await ctx.terminate()


async def many_builds(ctx):
    """Twenty points are kept, of the newest builds; all build ids are."""
    ctx.norm.keep |= KEPT
    await ctx.start()
    for number in range(22):
        await _step(ctx, build=f"b{number}")
        await ctx.signal()
    await _step(ctx, complete(), build="b0")
    await ctx.describe()


async def long_build_ids(ctx):
    """The attribute is cut to its size by leaving out the oldest."""
    ctx.norm.keep |= KEPT
    await ctx.start()
    for letter in "abcdefghij":
        await _step(ctx, build=letter * 250)
        await ctx.signal()
    await _step(ctx, complete(), build="z")
    await ctx.describe()


async def pending_and_resettable(ctx):
    """A point with a child, a signal or a cancel of another run pending says that it is none."""
    ctx.norm.keep |= KEPT
    await ctx.start()
    await _step(ctx, cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id("child"), workflow_type=wtype("c"),
                         task_queue=tq(ctx.id("nobody"))), timer("t", 60), build="1")
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_STARTED")
    await _step(ctx, build="2")
    await ctx.terminate("child")
    await ctx.until("wf", "CHILD_WORKFLOW_EXECUTION_TERMINATED")
    await _step(ctx, build="3")
    await ctx.describe()
    await ctx.terminate()


async def continued(ctx):
    """Points go on to the next run with the time when the old one is deleted."""
    ctx.norm.keep |= KEPT
    run = await ctx.start()
    await _step(ctx, build="1", checksum="sum")
    await ctx.signal()
    await _step(ctx, cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue),
                         input=pl(1)), build="2")
    # The points of a run that went on carry the time as well, which is left to the next run here.
    ctx.norm.keep.discard("expire_time")
    await ctx.describe("wf", run, "first run")
    ctx.norm.keep.add("expire_time")
    await _step(ctx, build="1", checksum="sum")
    await ctx.signal()
    await _step(ctx, build="3")
    await ctx.describe(label="second run")
    await ctx.history(label="second run's history")
    await _step_again(ctx)


async def _step_again(ctx):
    await ctx.signal()
    await _step(ctx, cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue)),
                build="3")
    await ctx.history(label="third run's history")
    await ctx.describe(label="third run")
    await ctx.terminate()


async def retried(ctx):
    """A retried run takes points over too, and no build ids."""
    ctx.norm.keep |= KEPT
    from golden_lib import app_failure, retry
    await ctx.start(retry_policy=retry(initial=1, attempts=2), search_attributes=search_attributes(BatcherUser="u"))
    await _step(ctx, cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("again")), build="1")
    await _step(ctx, complete(), build="2")
    await ctx.describe()
    await ctx.history()


async def reset_run(ctx):
    """A reset run has the points before its own."""
    import uuid
    ctx.norm.keep |= KEPT
    await ctx.start()
    await _step(ctx, build="1")
    await ctx.signal()
    await _step(ctx, build="2")
    answer = await ctx.svc.ResetWorkflowExecution(ws.ResetWorkflowExecutionRequest(
        namespace=ctx.namespace, workflow_execution=ctx.exec(), reason="redo", request_id=str(uuid.uuid4()),
        workflow_task_finish_event_id=8), timeout=10)
    ctx.norm.name(answer.run_id, "run:reset")
    await ctx.describe(label="reset run")
    await _step(ctx, complete(), build="3")
    await ctx.describe(label="closed")
