"""Namespaces: registered, changed, deprecated, deleted. Their rows are part of the turn's commit.

The registry shows a change only after that commit, so a second change of one turn builds on the
row that the first one has staged. A namespace that is deleted gets another name at once and loses
its runs in the turns that follow.
"""

from __future__ import annotations

from google.protobuf.message import Message
from temporalio.api.enums.v1 import NamespaceState
from temporalio.api.namespace.v1 import NamespaceConfig, UpdateNamespaceInfo
from temporalio.api.operatorservice.v1 import DeleteNamespaceResponse
from temporalio.api.workflowservice.v1 import (
    DeprecateNamespaceResponse,
    DescribeNamespaceResponse,
    RegisterNamespaceResponse,
    UpdateNamespaceResponse,
)

from polyrhythm.base.errors import InvalidArgument, NamespaceAlreadyExists, NamespaceNotFound
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.search_types import FIELDS
from polyrhythm.engine.calls import AddAttributes, Call, RemoveAttributes
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.namespaces import new_row
from polyrhythm.stores.port import NamespaceRow

_REGISTERED = NamespaceState.NAMESPACE_STATE_REGISTERED
_DEPRECATED = NamespaceState.NAMESPACE_STATE_DEPRECATED
_DELETED = NamespaceState.NAMESPACE_STATE_DELETED
# What a namespace may become.
_NEXT_STATES = {_REGISTERED: (_DEPRECATED, _DELETED), _DEPRECATED: (_DELETED,)}
# How much of its id the name of a deleted namespace gets; more where that name is taken.
_SUFFIX_LETTERS = 5


def register_namespace(desk: Desk, call: Call) -> None:
    """Add a namespace. Raises NamespaceAlreadyExists."""
    request, turn = call.request, desk.turn
    registry = desk.memory.registry
    if _is_taken(desk, request.namespace):
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
    """Change what a namespace says of itself, its retention, or the names of its attributes."""
    request = call.request
    body = _describe(desk, request.namespace)
    if request.HasField("update_info"):
        _update_info(body, request.update_info)
    if request.HasField("config"):
        _update_config(body, request.config, desk.now_ns)
    binaries = body.config.bad_binaries.binaries
    if request.delete_bad_binary:
        if request.delete_bad_binary not in binaries:
            raise InvalidArgument(
                f"Bad binary checksum {request.delete_bad_binary} doesn't exists."
            )
        del binaries[request.delete_bad_binary]
    _store(desk, request.namespace, body)
    answer = UpdateNamespaceResponse()
    answer.namespace_info.CopyFrom(body.namespace_info)
    answer.config.CopyFrom(body.config)
    answer.replication_config.CopyFrom(body.replication_config)
    desk.turn.answer(call.reply, answer)


def deprecate_namespace(desk: Desk, call: Call) -> None:
    """Mark a namespace as deprecated: what runs goes on."""
    body = _describe(desk, call.request.namespace)
    body.namespace_info.state = _DEPRECATED
    _store(desk, call.request.namespace, body)
    desk.turn.answer(call.reply, DeprecateNamespaceResponse())


def delete_namespace(desk: Desk, call: Call) -> None:
    """Give a namespace another name and let its runs go. Raises NamespaceNotFound."""
    request, registry = call.request, desk.memory.registry
    info = registry.find(request.namespace)
    body = _describe(desk, info.name)
    body.namespace_info.state = _DELETED
    letters = _SUFFIX_LETTERS
    while _is_taken(desk, f"{info.name}-deleted-{info.namespace_id[:letters]}"):
        letters += 1
    name = f"{info.name}-deleted-{info.namespace_id[:letters]}"
    if info.name.endswith(f"-deleted-{info.namespace_id[:_SUFFIX_LETTERS]}"):
        name = info.name
    body.namespace_info.name = name
    _store(desk, info.name, body)
    desk.memory.retention.hurry()
    desk.turn.answer(call.reply, DeleteNamespaceResponse(deleted_namespace=name))


def add_attributes(desk: Desk, call: Call) -> None:
    """Give names to fields that have none yet. Raises InvalidArgument when all are taken."""
    wanted: AddAttributes = call.request
    body = _describe(desk, call.namespace.name)
    aliases = body.config.custom_search_attribute_aliases
    for name, kind in wanted.kinds.items():
        if name in aliases.values():
            continue
        fields = [field for field, its_kind in FIELDS.items() if its_kind == kind]
        free = [field for field in fields if field not in aliases]
        if not free:
            raise InvalidArgument(
                f"Unable to create search attributes: cannot have more than {len(fields)} search "
                f"attribute of type {kind}."
            )
        aliases[free[0]] = name
    _answer_attributes(desk, call, body, wanted.response)


def remove_attributes(desk: Desk, call: Call) -> None:
    """Take names from fields; values stay with their runs, unseen."""
    wanted: RemoveAttributes = call.request
    body = _describe(desk, call.namespace.name)
    aliases = body.config.custom_search_attribute_aliases
    for name in wanted.names:
        for field in [field for field, alias in aliases.items() if alias == name]:
            del aliases[field]
    _answer_attributes(desk, call, body, wanted.response)


def _answer_attributes(
    desk: Desk, call: Call, body: DescribeNamespaceResponse, response: Message
) -> None:
    _store(desk, call.namespace.name, body)
    desk.turn.answer(call.reply, response)


def _update_info(body: DescribeNamespaceResponse, changes: UpdateNamespaceInfo) -> None:
    info = body.namespace_info
    if changes.description:
        info.description = changes.description
    if changes.owner_email:
        info.owner_email = changes.owner_email
    info.data.update(changes.data)
    if changes.state and changes.state != info.state:
        if changes.state not in _NEXT_STATES.get(info.state, ()):
            raise InvalidArgument("Invalid namespace state update.")
        info.state = changes.state


def _update_config(body: DescribeNamespaceResponse, changes: NamespaceConfig, now_ns: int) -> None:
    config = body.config
    if changes.HasField("workflow_execution_retention_ttl"):
        config.workflow_execution_retention_ttl.CopyFrom(changes.workflow_execution_retention_ttl)
    for checksum, binary in changes.bad_binaries.binaries.items():
        kept = config.bad_binaries.binaries[checksum]
        kept.CopyFrom(binary)
        set_span(kept.create_time, now_ns)
    aliases = config.custom_search_attribute_aliases
    before = dict(aliases)
    for field, name in changes.custom_search_attribute_aliases.items():
        if not name:
            aliases.pop(field, None)
        elif name in before.values():
            continue
        elif field in before:
            raise InvalidArgument("Custom search attribute field name already allocated.")
        else:
            aliases[field] = name


def _is_taken(desk: Desk, name: str) -> bool:
    try:
        desk.memory.registry.find(name)
    except NamespaceNotFound:
        return any(row.name == name for row in desk.turn.namespaces)
    return True


def _row(desk: Desk, name: str) -> NamespaceRow:
    """Return a namespace's row as this turn leaves it. Raises NamespaceNotFound."""
    for row in reversed(desk.turn.namespaces):
        if row.name == name:
            return row
    row = desk.memory.registry.row(name)
    if any(staged.key == row.key for staged in desk.turn.namespaces):
        raise NamespaceNotFound(name)
    return row


def _describe(desk: Desk, name: str) -> DescribeNamespaceResponse:
    return DescribeNamespaceResponse.FromString(_row(desk, name).body)


def _store(desk: Desk, name: str, body: DescribeNamespaceResponse) -> None:
    before = _row(desk, name)
    retention_ns = span_ns(body.config.workflow_execution_retention_ttl)
    desk.turn.namespaces.append(
        NamespaceRow(
            before.key,
            body.namespace_info.name,
            before.namespace_id,
            retention_ns,
            body.SerializeToString(),
        )
    )
