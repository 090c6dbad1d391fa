"""A signature: one call of a task by its name, and what follows it. The body of every message.

Keys are Go's field names, all of them always there. A chain is signatures in the `on_success` of
one another; a chord is a callback that every member of a group carries whole. What comes from a
broker is read generously, what is sent is checked to the last argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SIGNATURE_DEPTH_MAX
from polyrhythm.brokers.errors import BadMessage, WrongValue
from polyrhythm.brokers.machinery.kinds import Typed, decode_value
from polyrhythm.brokers.machinery.reading import Fields, encode_json, parse_json
from polyrhythm.brokers.machinery.times import decode_time, encode_time

INT_MAX = 2**63 - 1
PRIORITY_MAX = 255


@dataclass(slots=True)
class Signature:
    """A call of a task. Times in nanoseconds since 1970, `retry_timeout_s` in seconds.

    `immutable`: this task's results are not appended to the arguments of what follows it; of a
    chord's callback: it takes none. `ignore_unknown`: a worker without the task drops the message.
    """

    name: str
    args: list[Typed] = field(default_factory=list)
    uuid: str = ""
    routing_key: str = ""
    eta_ns: int | None = None
    group_uuid: str = ""
    group_size: int = 0
    headers: dict[str, Any] = field(default_factory=dict)
    priority: int = 0
    immutable: bool = False
    retry_count: int = 0
    retry_timeout_s: int = 0
    on_success: list[Signature] = field(default_factory=list)
    on_error: list[Signature] = field(default_factory=list)
    chord_callback: Signature | None = None
    ignore_unknown: bool = False
    # Of Amazon's queues, which are not spoken here: passed on as they came.
    broker_group: str = ""
    broker_receipt: str = ""
    stop_deletion: bool = False


def decode_signature(body: bytes) -> Signature:
    """Read a message. Raises BadMessage."""
    try:
        signature = _read(parse_json(body), 0)
    except RecursionError as error:
        raise BadMessage("a message nested too deep") from error
    if not signature.name:
        raise BadMessage("a message without the name of a task")
    if not signature.uuid:
        raise BadMessage(f"a message for {signature.name} without a UUID")
    return signature


def encode_signature(signature: Signature) -> bytes:
    """Write a message. Raises BadMessage for one that is too deep."""
    return encode_json(_write(signature, 0))


def check_signature(signature: Signature) -> None:
    """Refuse what a worker could not run, callbacks included: names, types, ranges, cycles.

    Raises BadMessage and WrongValue.
    """
    for one in walk(signature):
        if not one.name:
            raise BadMessage("a signature needs the name of a task")
        for number, arg in enumerate(one.args):
            try:
                decode_value(arg)
            except WrongValue as error:
                raise WrongValue(f"argument {number} of {one.name}: {error}") from error
        if not 0 <= one.priority <= PRIORITY_MAX:
            raise BadMessage(f"{one.name}: a priority is 0 to {PRIORITY_MAX}, not {one.priority}")
        for count in (one.retry_count, one.retry_timeout_s, one.group_size):
            if not 0 <= count <= INT_MAX:
                raise BadMessage(f"{one.name}: {count} retries, seconds or members")
        if one.stop_deletion:
            raise BadMessage(f"{one.name}: StopTaskDeletionOnError stops a Go worker on Redis")


def walk(signature: Signature, depth: int = 0) -> Iterator[Signature]:
    """Every signature of a message, itself first. Raises BadMessage past the depth limit."""
    if depth > SIGNATURE_DEPTH_MAX:
        raise BadMessage(
            f"signatures within signatures deeper than {SIGNATURE_DEPTH_MAX}, or in a circle"
        )
    yield signature
    following = [*signature.on_success, *signature.on_error]
    if signature.chord_callback is not None:
        following.append(signature.chord_callback)
    for one in following:
        yield from walk(one, depth + 1)


def write_typed(value: Typed) -> dict[str, Any]:
    """Return a result as Go writes it."""
    return {"Type": value.kind, "Value": value.wire}


def read_typed(value: object, what: str) -> Typed:
    """Read an argument or a result. Raises BadMessage."""
    members = Fields(value, what)
    return Typed(members.get("Type", str, ""), members.raw("Value"), members.get("Name", str, ""))


def _write(one: Signature, depth: int) -> dict[str, Any]:
    if depth > SIGNATURE_DEPTH_MAX:
        raise BadMessage(
            f"signatures within signatures deeper than {SIGNATURE_DEPTH_MAX}, or in a circle"
        )
    callback = one.chord_callback
    return {
        "UUID": one.uuid,
        "Name": one.name,
        "RoutingKey": one.routing_key,
        "ETA": None if one.eta_ns is None else encode_time(one.eta_ns),
        "GroupUUID": one.group_uuid,
        "GroupTaskCount": one.group_size,
        "Args": [{"Name": arg.name, **write_typed(arg)} for arg in one.args],
        "Headers": one.headers,
        "Priority": one.priority,
        "Immutable": one.immutable,
        "RetryCount": one.retry_count,
        "RetryTimeout": one.retry_timeout_s,
        "OnSuccess": [_write(each, depth + 1) for each in one.on_success] or None,
        "OnError": [_write(each, depth + 1) for each in one.on_error] or None,
        "ChordCallback": None if callback is None else _write(callback, depth + 1),
        "BrokerMessageGroupId": one.broker_group,
        "SQSReceiptHandle": one.broker_receipt,
        "StopTaskDeletionOnError": one.stop_deletion,
        "IgnoreWhenTaskNotRegistered": one.ignore_unknown,
    }


def _read(value: object, depth: int) -> Signature:
    if depth > SIGNATURE_DEPTH_MAX:
        raise BadMessage(f"signatures within signatures deeper than {SIGNATURE_DEPTH_MAX}")
    members = Fields(value, "the signature")
    eta = members.get("ETA", str, "")
    callback = members.raw("ChordCallback")
    priority = members.get("Priority", int, 0)
    if not 0 <= priority <= PRIORITY_MAX:
        raise BadMessage(f"a priority is 0 to {PRIORITY_MAX}, not {priority}")
    try:
        eta_ns = decode_time(eta) if eta else None
    except InvalidArgument as error:
        raise BadMessage(f"ETA: {error}") from error
    return Signature(
        name=members.get("Name", str, ""),
        args=[read_typed(arg, "an argument") for arg in members.get("Args", list, [])],
        uuid=members.get("UUID", str, ""),
        routing_key=members.get("RoutingKey", str, ""),
        eta_ns=eta_ns,
        group_uuid=members.get("GroupUUID", str, ""),
        group_size=members.get("GroupTaskCount", int, 0),
        headers=members.get("Headers", dict, {}),
        priority=priority,
        immutable=members.get("Immutable", bool, False),
        retry_count=members.get("RetryCount", int, 0),
        retry_timeout_s=members.get("RetryTimeout", int, 0),
        on_success=[_read(one, depth + 1) for one in members.get("OnSuccess", list, [])],
        on_error=[_read(one, depth + 1) for one in members.get("OnError", list, [])],
        chord_callback=None if callback is None else _read(callback, depth + 1),
        ignore_unknown=members.get("IgnoreWhenTaskNotRegistered", bool, False),
        broker_group=members.get("BrokerMessageGroupId", str, ""),
        broker_receipt=members.get("SQSReceiptHandle", str, ""),
        stop_deletion=members.get("StopTaskDeletionOnError", bool, False),
    )
