"""Worker deployments: versions, routing, drainage, who may change what."""
import asyncio

from golden_lib import activity, cmd, complete, payload, tq, ws, wtype
from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions

KEPT = {"build_id", "worker_version", "most_recent_worker_version_stamp", "versioning_info", "worker_deployment_name",
        "deployment_version", "versioning_behavior", "deployment_options", "worker_deployment_version",
        "create_time", "current_since_time", "ramping_since_time", "routing_changed_time", "routing_update_time",
        "first_activation_time", "last_current_time", "last_deactivation_time", "last_changed_time",
        "last_checked_time", "current_version_changed_time", "ramping_version_changed_time",
        "ramping_version_percentage_changed_time", "version"}
PINNED, AUTO = 1, 2


def _keep(ctx):
    ctx.norm.keep |= KEPT
    ctx.name = ctx.id("dep").replace(".", "-")
    ctx.norm.name(ctx.name, "dep")
    ctx.norm.prefix_dep = ctx.name
    old = ctx.norm.text
    ctx.norm.text = lambda s: old(s.replace(ctx.name, "<dep>"))


def _options(ctx, build):
    return WorkerDeploymentOptions(deployment_name=ctx.name, build_id=build, worker_versioning_mode=2)


def _version(ctx, build):
    return WorkerDeploymentVersion(deployment_name=ctx.name, build_id=build)


async def _poll(ctx, build="", queue=None, timeout=10.0, kind="Workflow", sticky=""):
    queue = queue or ctx.queue
    named = tq(queue)
    if sticky:
        named = tq(sticky)
        named.kind, named.normal_name = 2, queue
    cls = getattr(ws, f"Poll{kind}TaskQueueRequest")
    request = cls(namespace=ctx.namespace, task_queue=named, identity=f"w{build}")
    if build:
        request.deployment_options.CopyFrom(_options(ctx, build))
    return await getattr(ctx.svc, f"Poll{kind}TaskQueue")(request, timeout=timeout)


async def _register(ctx, *builds, kind="Workflow", queue=None):
    """Makes versions known by polls that find nothing, and waits until they are."""
    for build in builds:
        await asyncio.gather(_poll(ctx, build, timeout=2.5, kind=kind, queue=queue), return_exceptions=True)
        await _until(ctx, lambda d, b=build: any(v.version.endswith("." + b) for v in d.version_summaries))


async def _info(ctx):
    try:
        answer = await ctx.svc.DescribeWorkerDeployment(ws.DescribeWorkerDeploymentRequest(
            namespace=ctx.namespace, deployment_name=ctx.name), timeout=10)
    except Exception:  # noqa: BLE001
        return None
    return answer.worker_deployment_info


async def _until(ctx, holds, timeout=10.0):
    end = asyncio.get_running_loop().time() + timeout
    while True:
        info = await _info(ctx)
        if info is not None and info.routing_config_update_state != 1 and holds(info):
            return info
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"never so: {info}")
        await asyncio.sleep(0.1)


async def _current(ctx, build, **kw):
    kw.setdefault("identity", "op")
    kw.setdefault("ignore_missing_task_queues", True)
    answer = await ctx.svc.SetWorkerDeploymentCurrentVersion(ws.SetWorkerDeploymentCurrentVersionRequest(
        namespace=ctx.namespace, deployment_name=ctx.name, build_id=build, **kw), timeout=10)
    if not kw.get("allow_no_pollers"):
        await _until(ctx, lambda d: True)
    return answer


async def _ramp(ctx, build, percentage, **kw):
    kw.setdefault("identity", "op")
    kw.setdefault("ignore_missing_task_queues", True)
    answer = await ctx.svc.SetWorkerDeploymentRampingVersion(ws.SetWorkerDeploymentRampingVersionRequest(
        namespace=ctx.namespace, deployment_name=ctx.name, build_id=build, percentage=percentage, **kw), timeout=10)
    if not kw.get("allow_no_pollers"):
        await _until(ctx, lambda d: True)
    return answer


async def _done(ctx, task, build, behavior, *commands, sticky="", **kw):
    request = ws.RespondWorkflowTaskCompletedRequest(
        namespace=ctx.namespace, task_token=task.task_token, identity=f"w{build}", commands=list(commands),
        versioning_behavior=behavior, **kw)
    if build:
        request.deployment_options.CopyFrom(_options(ctx, build))
    if sticky:
        request.sticky_attributes.worker_task_queue.CopyFrom(tq(sticky))
        request.sticky_attributes.worker_task_queue.kind = 2
        request.sticky_attributes.worker_task_queue.normal_name = ctx.queue
        request.sticky_attributes.schedule_to_start_timeout.seconds = 5
    return await ctx.svc.RespondWorkflowTaskCompleted(request, timeout=10)


async def _step(ctx, build, behavior, *commands, **kw):
    task = await _poll(ctx, build)
    assert task.task_token, "no task"
    await _done(ctx, task, build, behavior, *commands, **kw)
    return task


async def _nothing(ctx, build="", kind="Workflow"):
    try:
        answer = await _poll(ctx, build, timeout=2.5, kind=kind)
    except Exception:  # noqa: BLE001
        return True
    return not answer.task_token


async def _setup(ctx, *builds, current=""):
    _keep(ctx)
    await _register(ctx, *builds)
    if current:
        await _current(ctx, current)


async def described(ctx):
    """A poll makes a deployment and a version; current, ramping and unset ones are shown."""
    await _setup(ctx, "1", "2")
    d = lambda: ctx.svc.DescribeWorkerDeployment(  # noqa: E731
        ws.DescribeWorkerDeploymentRequest(namespace=ctx.namespace, deployment_name=ctx.name), timeout=10)
    v = lambda build: ctx.svc.DescribeWorkerDeploymentVersion(  # noqa: E731
        ws.DescribeWorkerDeploymentVersionRequest(namespace=ctx.namespace, deployment_version=_version(ctx, build)),
        timeout=10)
    await ctx.call("known", d())
    await ctx.call("version 1", v("1"))
    await ctx.call("current 1", _current(ctx, "1"))
    await ctx.call("with a current one", d())
    await ctx.call("version 1, current", v("1"))
    await ctx.call("ramping 2", _ramp(ctx, "2", 25))
    await ctx.call("with a ramping one", d())
    await ctx.call("version 2, ramping", v("2"))
    await ctx.call("ramping 2 more", _ramp(ctx, "2", 50))
    await ctx.call("current 2", _current(ctx, "2"))
    await ctx.call("promoted", d())
    await ctx.call("version 1, draining", v("1"))
    await ctx.call("current none", _current(ctx, ""))
    await ctx.call("none", d())


async def repeated_and_unset(ctx):
    """The same again changes nothing; a ramp is unset; tokens of earlier states are refused."""
    await _setup(ctx, "1", "2")
    first = await ctx.call("current", _current(ctx, "1"))
    await ctx.call("the same", _current(ctx, "1"))
    await ctx.call("the same by another", _current(ctx, "1", identity="op2"))
    await ctx.call("an old token", _current(ctx, "2", conflict_token=first.conflict_token))
    await ctx.call("ramp", _ramp(ctx, "2", 10))
    await ctx.call("ramp again", _ramp(ctx, "2", 10))
    await ctx.call("ramp of the current", _ramp(ctx, "1", 10))
    await ctx.call("unset", _ramp(ctx, "", 0))
    await ctx.call("unset again", _ramp(ctx, "", 0))
    await ctx.call("ramp to none", _ramp(ctx, "", 30))
    ctx.record("routing", (await _info(ctx)).routing_config)


async def unknown(ctx):
    """Deployments and versions that nobody has polled for."""
    await _setup(ctx, "1")
    known, ctx.name = ctx.name, ctx.name + "-none"
    await ctx.call("describe", ctx.svc.DescribeWorkerDeployment(
        ws.DescribeWorkerDeploymentRequest(namespace=ctx.namespace, deployment_name=ctx.name), timeout=10))
    await ctx.call("version", ctx.svc.DescribeWorkerDeploymentVersion(ws.DescribeWorkerDeploymentVersionRequest(
        namespace=ctx.namespace, deployment_version=_version(ctx, "1")), timeout=10))
    for label, call in (("current", _current(ctx, "1")), ("ramp", _ramp(ctx, "1", 1))):
        await ctx.call(label, call)
    await ctx.call("delete", ctx.svc.DeleteWorkerDeployment(
        ws.DeleteWorkerDeploymentRequest(namespace=ctx.namespace, deployment_name=ctx.name), timeout=10))
    ctx.name = known
    for label, call in (("current of a known one", _current(ctx, "9")), ("ramp of a known one", _ramp(ctx, "9", 1))):
        await ctx.call(label, call)
    await ctx.call("version of a known one", ctx.svc.DescribeWorkerDeploymentVersion(
        ws.DescribeWorkerDeploymentVersionRequest(namespace=ctx.namespace, deployment_version=_version(ctx, "9")),
        timeout=10))
    await ctx.call("delete a version", ctx.svc.DeleteWorkerDeploymentVersion(
        ws.DeleteWorkerDeploymentVersionRequest(namespace=ctx.namespace, deployment_version=_version(ctx, "9")),
        timeout=10))


async def bad_names(ctx):
    """Names and parts that cannot be."""
    _keep(ctx)
    for name in ("", "a.b", "a:b", "__a", "n" * 500):
        await ctx.call(f"describe {name[:5]}", ctx.svc.DescribeWorkerDeployment(
            ws.DescribeWorkerDeploymentRequest(namespace=ctx.namespace, deployment_name=name), timeout=10))
        await ctx.call(f"current {name[:5]}", ctx.svc.SetWorkerDeploymentCurrentVersion(
            ws.SetWorkerDeploymentCurrentVersionRequest(namespace=ctx.namespace, deployment_name=name, build_id="1"),
            timeout=10))
        await ctx.call(f"ramping {name[:5]}", ctx.svc.SetWorkerDeploymentRampingVersion(
            ws.SetWorkerDeploymentRampingVersionRequest(namespace=ctx.namespace, deployment_name=name, build_id="1"),
            timeout=10))
        await ctx.call(f"manager {name[:5]}", ctx.svc.SetWorkerDeploymentManager(
            ws.SetWorkerDeploymentManagerRequest(namespace=ctx.namespace, deployment_name=name, identity="i",
                                                 manager_identity="m"), timeout=10))
    for text in ("", "x", ".x", "x.", "__unversioned__", "a.b.c"):
        await ctx.call(f"version '{text}'", ctx.svc.DescribeWorkerDeploymentVersion(
            ws.DescribeWorkerDeploymentVersionRequest(namespace=ctx.namespace, version=text), timeout=10))
        await ctx.call(f"current '{text}'", ctx.svc.SetWorkerDeploymentCurrentVersion(
            ws.SetWorkerDeploymentCurrentVersionRequest(namespace=ctx.namespace, deployment_name="other-one",
                                                        version=text), timeout=10))
    for share in (-1, 101):
        await ctx.call(f"share {share}", _ramp(ctx, "1", share))
    await ctx.call("no metadata", ctx.svc.UpdateWorkerDeploymentVersionMetadata(
        ws.UpdateWorkerDeploymentVersionMetadataRequest(namespace=ctx.namespace,
                                                        deployment_version=_version(ctx, "1")), timeout=10))
    await ctx.call("no identity", ctx.svc.SetWorkerDeploymentManager(
        ws.SetWorkerDeploymentManagerRequest(namespace=ctx.namespace, deployment_name="x"), timeout=10))


async def managed(ctx):
    """Only the manager changes the routing."""
    await _setup(ctx, "1")

    async def manage(**kw):
        return await ctx.svc.SetWorkerDeploymentManager(ws.SetWorkerDeploymentManagerRequest(
            namespace=ctx.namespace, deployment_name=ctx.name, **kw), timeout=10)
    await ctx.call("another", manage(identity="a", manager_identity="boss"))
    await ctx.call("again", manage(identity="a", manager_identity="boss"))
    await ctx.call("current by a stranger", _current(ctx, "1"))
    await ctx.call("ramp by a stranger", _ramp(ctx, "1", 5))
    await ctx.call("current by the manager", _current(ctx, "1", identity="boss"))
    await ctx.call("myself", manage(identity="me", self=True))
    await ctx.call("nobody", manage(identity="me"))
    await ctx.call("current", _current(ctx, ""))


async def metadata(ctx):
    """Metadata of a version is merged and removed."""
    await _setup(ctx, "1")

    async def update(upsert=None, remove=()):
        request = ws.UpdateWorkerDeploymentVersionMetadataRequest(
            namespace=ctx.namespace, deployment_version=_version(ctx, "1"), remove_entries=list(remove), identity="i")
        for key, value in (upsert or {}).items():
            request.upsert_entries[key].CopyFrom(payload(value))
        return await ctx.svc.UpdateWorkerDeploymentVersionMetadata(request, timeout=10)
    await ctx.call("two", update({"a": 1, "b": 2}))
    await ctx.call("one changed, one removed", update({"a": 3}, ["b", "c"]))
    await ctx.call("the last removed", update(None, ["a"]))
    await ctx.call("described", ctx.svc.DescribeWorkerDeploymentVersion(ws.DescribeWorkerDeploymentVersionRequest(
        namespace=ctx.namespace, deployment_version=_version(ctx, "1")), timeout=10))


async def created(ctx):
    """Deployments and versions made before their workers."""
    _keep(ctx)

    async def create(request_id):
        return await ctx.svc.CreateWorkerDeployment(ws.CreateWorkerDeploymentRequest(
            namespace=ctx.namespace, deployment_name=ctx.name, identity="i", request_id=request_id), timeout=10)

    async def version(build, request_id):
        return await ctx.svc.CreateWorkerDeploymentVersion(ws.CreateWorkerDeploymentVersionRequest(
            namespace=ctx.namespace, deployment_version=_version(ctx, build), identity="i", request_id=request_id),
            timeout=10)
    await ctx.call("version of nothing", version("1", "r1"))
    await ctx.call("create", create("r1"))
    await ctx.call("again", create("r1"))
    await ctx.call("another", create("r2"))
    await ctx.call("version", version("1", "r1"))
    await ctx.call("version again", version("1", "r1"))
    await ctx.call("version by another", version("1", "r2"))
    ctx.record("described", await _info(ctx))
    await _register(ctx, "1")
    ctx.record("with a worker", await _info(ctx))
    await ctx.call("without a build", version("", "r3"))


async def allowed_without_pollers(ctx):
    """A version may be made current before it has workers."""
    _keep(ctx)
    ctx.norm.drop.add("routing_config_update_state")
    await ctx.call("current", _current(ctx, "1", allow_no_pollers=True))
    await ctx.call("ramping", _ramp(ctx, "2", 5, allow_no_pollers=True))
    ctx.record("described", await _info(ctx))


async def deleted(ctx):
    """What may be deleted."""
    await _setup(ctx, "1", current="1")

    async def version(build, **kw):
        return await ctx.svc.DeleteWorkerDeploymentVersion(ws.DeleteWorkerDeploymentVersionRequest(
            namespace=ctx.namespace, deployment_version=_version(ctx, build), identity="i", **kw), timeout=10)

    async def deployment():
        return await ctx.svc.DeleteWorkerDeployment(ws.DeleteWorkerDeploymentRequest(
            namespace=ctx.namespace, deployment_name=ctx.name, identity="i"), timeout=10)
    await ctx.call("the current one", version("1"))
    await ctx.call("with versions", deployment())
    await _current(ctx, "")
    await ctx.call("a draining one", version("1"))
    await ctx.call("with pollers", version("1", skip_drainage=True))
    await ctx.call("unknown", version("2"))
    await ctx.svc.CreateWorkerDeployment(ws.CreateWorkerDeploymentRequest(
        namespace=ctx.namespace, deployment_name=ctx.name + "-b", identity="i"), timeout=10)
    ctx.name += "-b"
    await ctx.call("an empty one", deployment())
    await ctx.call("again", deployment())


async def auto_upgrade(ctx):
    """A run follows the current version: attributes, transition, history."""
    await _setup(ctx, "1", "2", current="1")
    await ctx.start()
    await ctx.describe(label="started")
    task = await _poll(ctx, "1")
    await ctx.describe(label="with a worker")
    await _done(ctx, task, "1", AUTO)
    await ctx.describe(label="on 1")
    await _current(ctx, "2")
    await ctx.signal()
    ctx.record("nothing for 1", await _nothing(ctx, "1"))
    task = await _poll(ctx, "2")
    await ctx.describe(label="in transition")
    await _done(ctx, task, "2", AUTO)
    await ctx.describe(label="on 2")
    await ctx.signal()
    await _step(ctx, "2", AUTO, complete())
    await ctx.describe(label="closed")
    await ctx.history()


async def pinned(ctx):
    """A pinned run stays at its version, and its worker is told of the new one once."""
    await _setup(ctx, "1", "2", current="1")
    await ctx.start()
    await _step(ctx, "1", PINNED)
    await ctx.describe(label="pinned")
    await _current(ctx, "2")
    await ctx.signal()
    ctx.record("nothing for 2", await _nothing(ctx, "2"))
    await _step(ctx, "1", PINNED)
    await ctx.signal()
    await _step(ctx, "1", PINNED, complete())
    await ctx.describe(label="closed")
    await ctx.history()


async def unversioned_beside(ctx):
    """Without a current version only workers without one get tasks; then they get none."""
    await _setup(ctx, "1")
    await ctx.start("a")
    ctx.record("nothing for 1", await _nothing(ctx, "1"))
    task = await _poll(ctx)
    await _done(ctx, task, "", 0)
    await ctx.describe("a", label="unversioned")
    await _current(ctx, "1")
    await ctx.signal("a")
    ctx.record("nothing without a version", await _nothing(ctx))
    await _step(ctx, "1", AUTO)
    await ctx.describe("a", label="moved to 1")
    await _current(ctx, "")
    await ctx.signal("a")
    task = await _poll(ctx)
    await ctx.describe("a", label="moving away")
    await _done(ctx, task, "", 0, complete())
    await ctx.describe("a", label="closed")
    await ctx.history("a")


async def behavior_without_version(ctx):
    """A behavior needs versioned options; a deployment without versioning is only a name."""
    await _setup(ctx, "1")
    await ctx.start()
    task = await _poll(ctx)
    await ctx.call("no options", _done(ctx, task, "", PINNED))
    request = ws.RespondWorkflowTaskCompletedRequest(
        namespace=ctx.namespace, task_token=task.task_token, identity="w", versioning_behavior=0)
    request.deployment_options.deployment_name, request.deployment_options.build_id = ctx.name, "7"
    request.deployment_options.worker_versioning_mode = 1
    await ctx.call("unversioned options", ctx.svc.RespondWorkflowTaskCompleted(request, timeout=10))
    await ctx.describe()
    await ctx.history()
    await ctx.terminate()


async def overridden(ctx):
    """Overrides at start and by options: pinned, auto-upgrade, unset."""
    await _setup(ctx, "1", "2", current="1")

    def pin(build):
        override = VersioningOverride()
        override.pinned.behavior = 1
        override.pinned.version.CopyFrom(_version(ctx, build))
        return override

    async def update(override):
        request = ws.UpdateWorkflowExecutionOptionsRequest(
            namespace=ctx.namespace, workflow_execution=ctx.exec(), identity="i")
        request.update_mask.paths.append("versioning_override")
        request.workflow_execution_options.SetInParent()
        if override is not None:
            request.workflow_execution_options.versioning_override.CopyFrom(override)
        return await ctx.svc.UpdateWorkflowExecutionOptions(request, timeout=10)
    await ctx.call("start at an unknown one", ctx.svc.StartWorkflowExecution(
        ctx.start_request(versioning_override=pin("9")), timeout=10))
    await ctx.start(versioning_override=pin("2"))
    await ctx.describe(label="pinned at start")
    await _step(ctx, "2", AUTO)
    await ctx.describe(label="after a task")
    await ctx.call("to 1", update(pin("1")))
    await ctx.call("to 1 again", update(pin("1")))
    await ctx.describe(label="pinned to 1")
    await ctx.signal()
    await _step(ctx, "1", AUTO)
    await ctx.call("auto upgrade", update(VersioningOverride(auto_upgrade=True)))
    await ctx.describe(label="auto upgrade")
    await ctx.call("unset", update(None))
    await ctx.describe(label="unset")
    await ctx.call("to an unknown one", update(pin("9")))
    await ctx.call("pinned without a version", update(VersioningOverride(
        pinned=VersioningOverride.PinnedOverride(behavior=1))))
    await ctx.call("empty", update(VersioningOverride()))
    await ctx.call("in the old words", update(VersioningOverride(behavior=1, pinned_version=f"{ctx.name}.2")))
    await ctx.history()
    await ctx.terminate()


async def continued_as_new(ctx):
    """A pinned run hands its version on, unless it asks to move; an auto-upgrade run its source."""
    await _setup(ctx, "1", "2", current="1")
    again = cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue))
    move = cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION", workflow_type=wtype("wf"), task_queue=tq(ctx.queue),
               initial_versioning_behavior=1)
    await ctx.start()
    await _step(ctx, "1", PINNED, again)
    await ctx.describe(label="second run")
    await _current(ctx, "2")
    await _step(ctx, "1", PINNED)
    await ctx.signal()
    await _step(ctx, "1", PINNED, again)
    await ctx.describe(label="third run")
    await _step(ctx, "1", PINNED, move)
    await ctx.history(label="fourth run before a task")
    await ctx.describe(label="fourth run")
    await _step(ctx, "2", AUTO, again)
    await ctx.history(label="fifth run")
    await _step(ctx, "2", AUTO, complete())
    await ctx.describe(label="closed")


async def children_inherit(ctx):
    """Children of pinned and of auto-upgrade parents at the same queue."""
    await _setup(ctx, "1", "2", current="1")
    for name, behavior in (("p", PINNED), ("a", AUTO)):
        child = cmd("START_CHILD_WORKFLOW_EXECUTION", workflow_id=ctx.id(name + "child"), workflow_type=wtype("c"),
                    task_queue=tq(ctx.queue), parent_close_policy=1)
        await ctx.start(name)
        await _step(ctx, "1", behavior, child)
        await ctx.until(name, "CHILD_WORKFLOW_EXECUTION_STARTED")
        await ctx.history(name + "child", label=f"child of {name}")
        await ctx.describe(name + "child", label=f"child of {name}, described")
        await ctx.terminate(name)
        await asyncio.sleep(0.5)


async def activities_follow(ctx):
    """Activities of a pinned run stay with its version, those of an auto-upgrade run move it."""
    await _setup(ctx, "1", "2")
    await _register(ctx, "1", "2", kind="Activity")
    await _current(ctx, "1")
    await ctx.start("p")
    await _step(ctx, "1", PINNED, activity("x", ctx.queue))
    await _current(ctx, "2")
    ctx.record("nothing for 2", await _nothing(ctx, "2", kind="Activity"))
    task = await _poll(ctx, "1", kind="Activity")
    ctx.record("pinned activity", task.activity_id)
    await ctx.terminate("p")
    await ctx.start("a")
    await _step(ctx, "2", AUTO, activity("y", ctx.queue))
    await _current(ctx, "1")
    ctx.record("no activity before the move", await _nothing(ctx, "1", kind="Activity"))
    await ctx.describe("a", label="moved by its activity")
    task = await _poll(ctx, "1")
    await _done(ctx, task, "1", AUTO)
    task = await _poll(ctx, "1", kind="Activity")
    ctx.record("then the activity", task.activity_id)
    await ctx.describe("a", label="on 1")
    await ctx.history("a")
    await ctx.terminate("a")


async def ramped(ctx):
    """All runs go to a version ramped to 100, none to one ramped to 0."""
    await _setup(ctx, "1", "2", current="1")
    await _ramp(ctx, "2", 100)
    await ctx.start("a")
    ctx.record("nothing for 1", await _nothing(ctx, "1"))
    await _step(ctx, "2", AUTO, complete())
    await _ramp(ctx, "2", 0)
    await ctx.start("b")
    ctx.record("nothing for 2", await _nothing(ctx, "2"))
    await _step(ctx, "1", AUTO, complete())
    await ctx.describe("a")
    await ctx.describe("b")
    ctx.record("described", await _info(ctx))


async def sticky_workers(ctx):
    """A sticky queue keeps its run until another version is current."""
    await _setup(ctx, "1", "2", current="1")
    await ctx.start()
    sticky = ctx.id("sticky")
    waiting = asyncio.ensure_future(_poll(ctx, "1", sticky=sticky, timeout=12))
    await asyncio.sleep(0.3)
    await _step(ctx, "1", AUTO, sticky=sticky)
    await ctx.signal()
    task = await waiting
    ctx.record("sticky", [e.event_id for e in task.history.events])
    await _done(ctx, task, "1", AUTO, sticky=sticky)
    await _current(ctx, "2")
    await ctx.signal()
    task = await _poll(ctx, "2")
    ctx.record("moved", [e.event_id for e in task.history.events])
    await _done(ctx, task, "2", AUTO, complete())
    await ctx.history()


async def queried(ctx):
    """Queries of a pinned run go to its version."""
    await _setup(ctx, "1", "2", current="1")
    await ctx.start()
    await _step(ctx, "1", PINNED)
    await _current(ctx, "2")
    asked = asyncio.ensure_future(ctx.call("query", ctx.query()))
    ctx.record("nothing for 2", await _nothing(ctx, "2"))
    task = await _poll(ctx, "1")
    from golden_lib import pl
    await ctx.svc.RespondQueryTaskCompleted(ws.RespondQueryTaskCompletedRequest(
        namespace=ctx.namespace, task_token=task.task_token, completed_type=1, query_result=pl("here")), timeout=10)
    await asked
    await ctx.terminate()


async def failed_task_in_transition(ctx):
    """A task that fails in a transition leaves the run in it; a rolled back one goes back."""
    await _setup(ctx, "1", "2", current="1")
    await ctx.start()
    await _step(ctx, "1", AUTO)
    await _current(ctx, "2")
    await ctx.signal()
    task = await _poll(ctx, "2")
    await ctx.raw().fail_wft(task)
    await ctx.describe(label="still in transition")
    await _current(ctx, "1")
    task = await _poll(ctx, "1")
    await ctx.describe(label="going back")
    await _done(ctx, task, "1", AUTO, complete())
    await ctx.describe(label="closed")
    await ctx.history()


async def queues_described(ctx):
    """A task queue says its versions."""
    await _setup(ctx, "1", "2")
    ask = lambda: ctx.svc.DescribeTaskQueue(ws.DescribeTaskQueueRequest(  # noqa: E731
        namespace=ctx.namespace, task_queue=tq(ctx.queue), task_queue_type=1), timeout=10)
    ctx.norm.drop |= {"pollers", "stats", "effective_rate_limit"}
    await ctx.call("none", ask())
    await _current(ctx, "1")
    await _ramp(ctx, "2", 20)
    await asyncio.sleep(1)
    await ctx.call("current and ramping", ask())


async def old_apis(ctx):
    """What is left of earlier versioning."""
    n = ctx.namespace
    await ctx.call("deployments", ctx.svc.ListDeployments(ws.ListDeploymentsRequest(namespace=n), timeout=10))
    await ctx.call("deployment", ctx.svc.DescribeDeployment(ws.DescribeDeploymentRequest(namespace=n), timeout=10))
    await ctx.call("current", ctx.svc.GetCurrentDeployment(ws.GetCurrentDeploymentRequest(namespace=n), timeout=10))
    await ctx.call("set current", ctx.svc.SetCurrentDeployment(ws.SetCurrentDeploymentRequest(namespace=n), timeout=10))
    await ctx.call("reachability", ctx.svc.GetDeploymentReachability(
        ws.GetDeploymentReachabilityRequest(namespace=n), timeout=10))
    await ctx.call("sets", ctx.svc.GetWorkerBuildIdCompatibility(
        ws.GetWorkerBuildIdCompatibilityRequest(namespace=n, task_queue=ctx.queue), timeout=10))
    await ctx.call("update sets", ctx.svc.UpdateWorkerBuildIdCompatibility(
        ws.UpdateWorkerBuildIdCompatibilityRequest(namespace=n, task_queue=ctx.queue,
                                                   add_new_build_id_in_new_default_set="1"), timeout=10))
    await ctx.call("rules", ctx.svc.GetWorkerVersioningRules(
        ws.GetWorkerVersioningRulesRequest(namespace=n, task_queue=ctx.queue), timeout=10))
    await ctx.call("update rules", ctx.svc.UpdateWorkerVersioningRules(
        ws.UpdateWorkerVersioningRulesRequest(namespace=n, task_queue=ctx.queue), timeout=10))
    await ctx.call("task reachability", ctx.svc.GetWorkerTaskReachability(
        ws.GetWorkerTaskReachabilityRequest(namespace=n, build_ids=["1"]), timeout=10))
