"""What every template may name: `workflow.name`, its parameters, labels, times.

All are texts. Times have the verbs of strftime, one key each.
"""

from __future__ import annotations

from datetime import UTC, datetime

from polyrhythm.dialects.argo.model.fields import as_text
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.walk.arguments import ArgumentError, read_config
from polyrhythm.dialects.argo.walk.nodes import Node, spell_time
from polyrhythm.dialects.argo.walk.plan import Plan
from polyrhythm.dialects.argo.walk.scope import to_json

SCHEDULED = "workflows.argoproj.io/scheduled-time"
VERBS = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ"


def workflow_values(plan: Plan, uid: str, created: datetime) -> dict[str, str]:
    """The values of a workflow as it begins. Raises ArgumentError for a parameter without one."""
    spec, metadata = plan.spec, plan.metadata
    stamp = spell_time(created)
    values = {
        "workflow.name": plan.name,
        "workflow.namespace": str(metadata.get("namespace") or "default"),
        "workflow.mainEntrypoint": str(spec.get("entrypoint") or ""),
        "workflow.serviceAccountName": str(spec.get("serviceAccountName") or ""),
        "workflow.uid": uid,
        "workflow.creationTimestamp": stamp,
        "workflow.creationTimestamp.RFC3339": stamp,
    }
    utc = created.astimezone(UTC)
    for verb in VERBS:
        values[f"workflow.creationTimestamp.{verb}"] = utc.strftime(f"%{verb}")
    values["workflow.creationTimestamp.s"] = str(int(created.timestamp()))
    if spec.get("priority") is not None:
        values["workflow.priority"] = str(spec["priority"])
    scheduled = (metadata.get("annotations") or {}).get(SCHEDULED)
    if scheduled:
        values["workflow.scheduledTime"] = scheduled
    parameters = named((spec.get("arguments") or {}).get("parameters"))
    for word in ("workflow.parameters", "workflow.parameters.json"):
        values[word] = to_json(parameters)
    for parameter in parameters:
        values[f"workflow.parameters.{parameter['name']}"] = _value(parameter, values, plan)
    more = spec.get("workflowMetadata") or {}
    for part in ("annotations", "labels"):
        own = {**(metadata.get(part) or {})}
        for word in (f"workflow.{part}", f"workflow.{part}.json"):
            values[word] = to_json(own)
        for key, text in {**own, **(more.get(part) or {})}.items():
            values[f"workflow.{part}.{key}"] = as_text(text)
    return values


def _value(parameter: Tree, values: dict[str, str], plan: Plan) -> str:
    name = parameter["name"]
    if parameter.get("value") is not None:
        return as_text(parameter["value"])
    source = parameter.get("valueFrom") or {}
    if source.get("configMapKeyRef"):
        try:
            return read_config(source["configMapKeyRef"], source, values, plan.library)
        except ArgumentError as error:
            reference = source["configMapKeyRef"]
            raise ArgumentError(
                f"failed to set global parameter {name} from configmap with name"
                f" {reference.get('name')} and key {reference.get('key')}: {error}"
            ) from None
    if source.get("default") is not None:
        return as_text(source["default"])
    raise ArgumentError(
        f"either value or valueFrom must be specified in order to set global parameter {name}"
    )


def failures_of(nodes: list[Node]) -> str:
    """`workflow.failures`: what failed, as JSON in quotes, as Argo gives it."""
    rows = [
        {
            "displayName": node.display_name,
            "message": node.message,
            "templateName": node.template_name,
            "phase": node.phase,
            "podName": node.pod_name,
            "finishedAt": spell_time(node.finished) if node.finished else None,
        }
        for node in nodes
        if node.bad
    ]
    # Go writes a list that was never made as null.
    return to_json(to_json(rows or None))
