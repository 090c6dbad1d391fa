"""A suspend node: it waits for a resume, for its duration, or for the end of the workflow.

Outputs that are `supplied` come with the resume; those that were not take their default.
"""

from __future__ import annotations

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.durations import parse_duration
from polyrhythm.dialects.argo.walk.nodes import ERROR, FAILED, PENDING, RUNNING, SUCCEEDED, Node
from polyrhythm.dialects.argo.walk.walk import Call, Walk
from polyrhythm.sdk import wf

LATE = "Step exceeded its deadline"


async def run_suspend(walk: Walk, call: Call, template: Tree) -> Node:
    """Wait at a suspend node until it goes on."""
    node = walk.begin(call, "Suspend", PENDING)
    node.inputs = template.get("inputs")
    node.outputs = _wanted(template)
    duration = (template.get("suspend") or {}).get("duration")
    try:
        wait_s = None if not duration else parse_duration(duration)
    except PolyrhythmError as error:
        raise walk.fail_call(call, str(error)) from None
    walk.mark(node, RUNNING)
    control = walk.control

    def over() -> bool:
        return (
            node.id in control.resumed
            or bool(control.shutdown and not call.on_exit)
            or (control.late and not call.on_exit)
        )

    went = await wf.wait_for(over, timeout=wait_s)
    if went and node.id not in control.resumed:
        text = f"Stopped with strategy '{control.shutdown}'" if control.shutdown else LATE
        return walk.mark(node, FAILED, text)
    given = control.resumed.pop(node.id, {})
    phase = str(given.get("phase") or SUCCEEDED)
    message = str(given.get("message") or "")
    values = given.get("parameters")
    supplied = (
        {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}
    )
    missing = _supply(node, supplied)
    if missing and phase == SUCCEEDED:
        return walk.mark(
            node,
            ERROR,
            f"raw output parameter '{missing}' has not been set and does not have a default value",
        )
    walk.export(node.outputs)
    return walk.mark(node, phase, message)


def _wanted(template: Tree) -> Tree | None:
    """The outputs that somebody has to supply."""
    defaults = {
        each["name"]: each.get("default")
        for each in named((template.get("inputs") or {}).get("parameters"))
    }
    made = []
    for parameter in named((template.get("outputs") or {}).get("parameters")):
        source = parameter.get("valueFrom") or {}
        if source.get("supplied") is None:
            continue
        default = source.get("default", defaults.get(parameter["name"]))
        own = {**source, "default": default} if default is not None else source
        made.append({**parameter, "valueFrom": own})
    return {"parameters": made} if made else None


def _supply(node: Node, values: dict[str, str]) -> str:
    """Fill the outputs of a node; the name of one that has neither value nor default."""
    for parameter in named((node.outputs or {}).get("parameters")):
        source = parameter.pop("valueFrom", None) or {}
        if parameter["name"] in values:
            parameter["value"] = values[parameter["name"]]
        elif source.get("default") is not None:
            parameter["value"] = source["default"]
        else:
            parameter["valueFrom"] = source
            return str(parameter["name"])
    return ""
