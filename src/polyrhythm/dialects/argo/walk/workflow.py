"""The durable workflow of one Argo workflow: from its object to the status that it ends with.

It asks nobody while it runs: the object, and all that it refers to, are its input. Signals bring
what people want of it, a query shows its nodes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.dialects.argo.expressions import ExpressionError, evaluate, substitute
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.arguments import ArgumentError
from polyrhythm.dialects.argo.walk.control import TERMINATE, ControlState
from polyrhythm.dialects.argo.walk.execute import execute
from polyrhythm.dialects.argo.walk.hooks import EXIT, exit_hook
from polyrhythm.dialects.argo.walk.nodes import (
    ERROR,
    FAILED,
    RUNNING,
    SUCCEEDED,
    Node,
    NodeTreeState,
    spell_time,
)
from polyrhythm.dialects.argo.walk.plan import PlanError, make_plan
from polyrhythm.dialects.argo.walk.selecting import select_suspended
from polyrhythm.dialects.argo.walk.values import failures_of, workflow_values
from polyrhythm.dialects.argo.walk.walk import Call, Hands, NodeFailed, Walk
from polyrhythm.sdk import wf
from polyrhythm.sdk.messages import Query, Signal

CONTROL = Signal("argo.control", dict[str, Any])
STATUS = Query("argo.status", dict[str, Any])
ON_SUCCESS = "OnWorkflowSuccess"
LABEL = "workflows.argoproj.io/"
PREPARING = (PlanError, ArgumentError, PolyrhythmError)


@dataclass(slots=True)
class Submission:
    """What a run is made of: a Workflow with its name, and the objects that it may refer to."""

    workflow: dict[str, Any]
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)


async def walk_workflow(submission: Submission, hands: Hands) -> Tree:
    """Walk a workflow to its end and return its object, with its status."""
    run = WorkflowRun(submission, hands)
    STATUS.handler(run.status)
    try:
        run.prepare()
    except PREPARING as error:
        run.phase, run.message = FAILED, f"invalid spec: {error}"
        run.finished = wf.now()
        return run.status()
    listening = asyncio.ensure_future(run.listen())
    timing = asyncio.ensure_future(run.strike_deadline())
    try:
        await run.walk_all()
    finally:
        listening.cancel()
        timing.cancel()
        for flight in run.walk.control.running.values():
            flight.future.cancel()
    await run.forget_claims()
    return run.status()


class WorkflowRun:
    """One run as its status shows it."""

    def __init__(self, submission: Submission, hands: Hands) -> None:
        self.submission = submission
        self.hands = hands
        self.phase = RUNNING
        self.message = ""
        self.started = wf.now()
        self.finished: Any = None
        self.labels: dict[str, str] = {}
        name = str(submission.workflow["metadata"]["name"])
        self.nodes = NodeTreeState(name)
        self.walk: Walk

    def prepare(self) -> None:
        """Make the plan and what every template may name. Raises what an invalid spec raises."""
        library = Library(self.submission.objects)
        plan = make_plan(self.submission.workflow, library)
        uid = wf.info().run_id
        values = workflow_values(plan, uid, self.started)
        spec = plan.spec
        kept: Tree = {
            key: spec[key]
            for key in ("templates", "templateDefaults", "workflowMetadata")
            if key in spec
        }
        plan.spec = {**substitute(spec_without(spec, kept), values), **kept}
        self._label(plan.spec.get("workflowMetadata") or {}, values)
        values["workflow.status"] = RUNNING
        control = ControlState(suspended=bool(spec.get("suspend")))
        self.walk = Walk(plan, self.nodes, values, control, self.hands, uid, self.started)
        if spec.get("parallelism"):
            self.walk.pods = asyncio.Semaphore(int(spec["parallelism"]))
        if spec.get("activeDeadlineSeconds"):
            seconds = float(spec["activeDeadlineSeconds"])
            self.walk.deadline = self.started + timedelta(seconds=seconds)

    def _label(self, metadata: Tree, values: dict[str, str]) -> None:
        """Labels that the spec asks for, and those that expressions make."""
        self.labels.update(substitute(metadata.get("labels") or {}, values))
        for name, source in (metadata.get("labelsFrom") or {}).items():
            made = evaluate(source["expression"], values)
            if not isinstance(made, str):
                raise ExpressionError(f"failed to evaluate label {name!r} expression to a text")
            self.labels[name] = values[f"workflow.labels.{name}"] = made

    async def walk_all(self) -> None:
        """The entrypoint, the hooks beside it, the exit handler."""
        walk = self.walk
        spec = walk.plan.spec
        hooks = {key: each for key, each in (spec.get("hooks") or {}).items() if key != EXIT}
        watching = [asyncio.ensure_future(self._watch(name, hooks[name])) for name in hooks]
        holder = {"template": spec.get("entrypoint")}
        root = self._call(walk.plan.name, holder, spec.get("arguments") or {})
        try:
            node = await execute(walk, root)
        except NodeFailed as error:
            self._end(ERROR, f"error in entry template execution: {error}")
            return
        walk.values["workflow.status"] = node.phase if node.bad else SUCCEEDED
        walk.values["workflow.failures"] = failures_of(list(self.nodes.nodes.values()))
        self.nodes.version += 1
        await asyncio.gather(*watching)
        on_exit = await self._run_exit()
        self._judge(node, on_exit)

    def _judge(self, node: Node, on_exit: Node | None) -> None:
        shutdown = self.walk.control.shutdown
        if self.finished is not None:
            return
        if node.bad:
            text = f"Stopped with strategy '{shutdown}'" if shutdown else node.message
            self._end(node.phase, text)
        elif on_exit is not None and on_exit.bad:
            self._end(on_exit.phase, on_exit.message)
        else:
            self._end(SUCCEEDED, "")

    async def _run_exit(self) -> Node | None:
        walk = self.walk
        hook = exit_hook(walk.plan.spec.get("hooks"), walk.plan.spec.get("onExit"))
        if hook is None or not walk.control.may_execute(True):
            return None
        arguments = substitute(hook.get("arguments") or {}, walk.values)
        holder = {key: hook[key] for key in ("template", "templateRef") if hook.get(key)}
        call = self._call(f"{walk.plan.name}.onExit", holder, arguments)
        try:
            return await execute(walk, call.below(on_exit=True, hooked=True))
        except NodeFailed as error:
            self._end(ERROR, f"error in exit template execution : {error}")
            return error.node

    async def _watch(self, name: str, hook: Tree) -> None:
        """A hook of the workflow itself: once its expression holds, while it runs or at its end."""
        walk = self.walk
        expression = str(hook.get("expression") or "")

        def over() -> bool:
            return self.phase != RUNNING or "workflow.failures" in walk.values

        def due() -> bool:
            return bool(self.nodes.nodes) and (over() or evaluate(expression, walk.values) is True)

        await wf.wait_for(due)
        if evaluate(expression, walk.values) is not True:
            return
        holder = {key: hook[key] for key in ("template", "templateRef") if hook.get(key)}
        arguments = substitute(hook.get("arguments") or {}, walk.values)
        call = self._call(f"{walk.plan.name}.hooks.{name}", holder, arguments)
        await execute(walk, call.below(hooked=True, parents=(self.nodes.workflow_name,)))

    def _call(self, name: str, holder: Tree, arguments: Tree) -> Call:
        return Call(name, holder, self.walk.plan.context(), arguments, family="steps")

    def _end(self, phase: str, message: str) -> None:
        self.phase, self.message, self.finished = phase, message, wf.now()
        self.nodes.version += 1

    async def listen(self) -> None:
        """Do what signals ask for."""
        while True:
            asked = await CONTROL.next()
            self._obey(str(asked.get("verb")), asked)

    def _obey(self, verb: str, asked: Tree) -> None:
        control = self.walk.control
        if verb == "suspend":
            control.suspended = True
        elif verb in ("resume", "set"):
            selector = str(asked.get("selector") or "")
            if verb == "resume" and not selector:
                control.suspended = False
            for node in select_suspended(self.nodes, selector):
                control.resumed[node.id] = {
                    key: asked[key] for key in ("phase", "message", "parameters") if key in asked
                }
        elif verb == "ready":
            control.ready[str(asked.get("node"))] = str(asked.get("address"))
        elif verb in ("stop", "terminate"):
            wanted = "Stop" if verb == "stop" else TERMINATE
            if control.shutdown != TERMINATE:
                control.shutdown = wanted
            control.interrupt()
        self.nodes.version += 1

    async def strike_deadline(self) -> None:
        """End what runs when the workflow's own deadline is over."""
        if self.walk.deadline is None:
            return
        await wf.sleep(max((self.walk.deadline - wf.now()).total_seconds(), 0.0))
        self.walk.control.late = True
        self.walk.control.interrupt()

    async def forget_claims(self) -> None:
        """Delete the volumes of claim templates, when the spec's strategy says so."""
        spec = self.walk.plan.spec
        strategy = str((spec.get("volumeClaimGC") or {}).get("strategy") or ON_SUCCESS)
        ended_well = self.phase == SUCCEEDED
        if spec.get("volumeClaimTemplates") and (ended_well or strategy != ON_SUCCESS):
            await self.hands.do_chore({"verb": "forget", "uid": self.walk.uid})

    def status(self) -> dict[str, Any]:
        """The workflow object as the API shows it: with its status and the labels of that."""
        nodes = {node.id: node.to_tree() for node in self.nodes.nodes.values()}
        made: Tree = {
            "phase": self.phase,
            "startedAt": spell_time(self.started),
            "finishedAt": spell_time(self.finished) if self.finished else None,
            "message": self.message,
            "progress": self.nodes.progress(),
            "nodes": nodes,
            "outputs": self.walk.outputs if hasattr(self, "walk") else None,
        }
        if self.finished:
            made["conditions"] = [{"type": "Completed", "status": "True"}]
        workflow = self.submission.workflow
        metadata = {
            **workflow["metadata"],
            "uid": wf.info().run_id,
            "creationTimestamp": spell_time(self.started),
        }
        labels = {**(metadata.get("labels") or {}), **self.labels, LABEL + "phase": self.phase}
        if self.finished:
            labels[LABEL + "completed"] = "true"
        metadata["labels"] = labels
        status = {key: value for key, value in made.items() if value}
        return {**workflow, "metadata": metadata, "status": status}


def spec_without(spec: Tree, kept: Tree) -> Tree:
    """The parts of a spec whose tags are replaced as the workflow begins."""
    return {key: value for key, value in spec.items() if key not in kept}
