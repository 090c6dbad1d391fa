"""Namespaces: registered, changed, deprecated. Their rows are part of the turn's commit.

The registry shows a change only after that commit.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import NamespaceState
from temporalio.api.workflowservice.v1 import (
    DeprecateNamespaceResponse,
    DescribeNamespaceResponse,
    RegisterNamespaceResponse,
    UpdateNamespaceResponse,
)

from polyrhythm.base.errors import NamespaceAlreadyExists, NamespaceNotFound
from polyrhythm.core.durations import span_ns
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.namespaces import new_row
from polyrhythm.stores.port import NamespaceRow


def register_namespace(desk: Desk, call: Call) -> None:
    """Add a namespace. Raises NamespaceAlreadyExists."""
    request, turn = call.request, desk.turn
    registry = desk.memory.registry
    try:
        registry.find(request.namespace)
        taken = True
    except NamespaceNotFound:
        taken = any(row.name == request.namespace for row in turn.namespaces)
    if taken:
        raise NamespaceAlreadyExists(f'Namespace "{request.namespace}" already exists')
    key = max([registry.next_key(), *(row.key + 1 for row in turn.namespaces)])
    retention_ns = span_ns(request.workflow_execution_retention_period)
    row = new_row(key, request.namespace, turn.world.ids.run_id(), retention_ns)
    body = DescribeNamespaceResponse.FromString(row.body)
    body.namespace_info.description = request.description
    body.namespace_info.owner_email = request.owner_email
    body.namespace_info.data.update(request.data)
    row.body = body.SerializeToString()
    turn.namespaces.append(row)
    turn.answer(call.reply, RegisterNamespaceResponse())


def update_namespace(desk: Desk, call: Call) -> None:
    """Change what a namespace says of itself, or its retention."""
    request = call.request
    body = desk.memory.registry.describe(request.namespace)
    if request.HasField("update_info"):
        info = request.update_info
        if info.description:
            body.namespace_info.description = info.description
        if info.owner_email:
            body.namespace_info.owner_email = info.owner_email
        body.namespace_info.data.update(info.data)
        if info.state:
            body.namespace_info.state = info.state
    if request.HasField("config"):
        body.config.MergeFrom(request.config)
    _store(desk, call, body)
    answer = UpdateNamespaceResponse()
    answer.namespace_info.CopyFrom(body.namespace_info)
    answer.config.CopyFrom(body.config)
    answer.replication_config.CopyFrom(body.replication_config)
    desk.turn.answer(call.reply, answer)


def deprecate_namespace(desk: Desk, call: Call) -> None:
    """Mark a namespace as deprecated: what runs goes on."""
    body = desk.memory.registry.describe(call.request.namespace)
    body.namespace_info.state = NamespaceState.NAMESPACE_STATE_DEPRECATED
    _store(desk, call, body)
    desk.turn.answer(call.reply, DeprecateNamespaceResponse())


def _store(desk: Desk, call: Call, body: DescribeNamespaceResponse) -> None:
    before = desk.memory.registry.row(call.request.namespace)
    retention_ns = span_ns(body.config.workflow_execution_retention_ttl)
    desk.turn.namespaces.append(
        NamespaceRow(
            before.key,
            before.name,
            before.namespace_id,
            retention_ns,
            body.SerializeToString(),
        )
    )
