"""A canvas on its way to its run: a tree of nodes, and the calls that its leaves make.

The tree is the input of the durable run that walks it, as JSON without what is empty, so that it
can be read in a history and written by hand. Arguments that are not JSON (bytes, protobuf messages)
travel as base64 beside the metadata of their payload. Seconds are floats, times Unix seconds.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any

import msgspec
from temporalio.api.common.v1 import Payload

from polyrhythm.sdk.definitions import (
    Cancellation,
    Signature,
    TaskDefinition,
    TaskKind,
    TaskOptions,
)
from polyrhythm.sdk.retry_wire import pack as pack_strategy
from polyrhythm.sdk.retry_wire import unpack as unpack_strategy
from polyrhythm.sdk.values import Converter

JSON, NULL = b"json/plain", b"binary/null"


class Kind(StrEnum):
    """What a node does with what comes in."""

    TASK = "task"
    # One after another, each with the result of the one before.
    CHAIN = "chain"
    # Side by side, each with what came in; the results in order.
    GROUP = "group"
    # A group, and a body that gets its results.
    CHORD = "chord"
    # One member for each item of the list that came in, side by side.
    EACH = "each"


@dataclass(slots=True)
class Calling:
    """A task and the options of its calls, which all leaves share that are called alike."""

    task: str
    timeout_s: float = 0.0
    deadline_s: float = 0.0
    pickup_s: float = 0.0
    heartbeat_s: float = 0.0
    queue: str = ""
    priority: int = 0
    fairness_key: str = ""
    fairness_weight: float = 0.0
    summary: str = ""
    cancellation: str = Cancellation.ASK.value
    retry: dict[str, Any] | None = None


@dataclass(slots=True)
class Node:
    """One piece. `takes`: what comes in is the first argument. `body` is a chord's. `child`: it is
    walked by a run of its own. `flat`: the members' lists are one list."""

    kind: Kind = Kind.TASK
    call: int = -1
    args: list[Any] = field(default_factory=list)
    # By the index of an argument that is not JSON: the metadata of its payload.
    encoded: dict[str, dict[str, str]] = field(default_factory=dict)
    takes: bool = False
    steps: list[Node] = field(default_factory=list)
    body: Node | None = None
    at_s: float = 0.0
    delay_s: float = 0.0
    expires_at_s: float = 0.0
    expires_s: float = 0.0
    fail_fast: bool = False
    child: bool = False
    flat: bool = False
    on_success: list[Node] = field(default_factory=list)
    on_error: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """What a run of a canvas walks."""

    root: Node
    calls: list[Calling]


def pack(value: Any) -> Any:
    """Return a plan, a node or a call as plain values, without what is empty."""
    if isinstance(value, list):
        return [pack(one) for one in value]
    if not isinstance(value, Plan | Node | Calling):
        return value
    packed = {}
    for name, default in DEFAULTS[type(value)]:
        given = getattr(value, name)
        if given != default:
            # Arguments are values of users: nothing in them is ours.
            packed[name] = given if name == "args" else pack(given)
    return packed


def calling_of(task: str, options: TaskOptions) -> Calling:
    """Return how a task is called."""
    return Calling(
        task=task,
        timeout_s=options.timeout_s,
        deadline_s=options.deadline_s,
        pickup_s=options.pickup_s,
        heartbeat_s=options.heartbeat_s,
        queue=options.queue,
        priority=options.priority,
        fairness_key=options.fairness_key,
        fairness_weight=options.fairness_weight,
        summary=options.summary,
        cancellation=options.cancellation.value,
        retry=pack_strategy(options.retry),
    )


def definition_of(calling: Calling) -> tuple[TaskDefinition, TaskOptions]:
    """Return what a workflow calls. Raises LookupError, TypeError, ValueError, InvalidArgument."""
    options = TaskOptions(
        retry=unpack_strategy(calling.retry),
        timeout_s=calling.timeout_s,
        deadline_s=calling.deadline_s,
        pickup_s=calling.pickup_s,
        heartbeat_s=calling.heartbeat_s,
        queue=calling.queue,
        priority=calling.priority,
        fairness_key=calling.fairness_key,
        fairness_weight=calling.fairness_weight,
        summary=calling.summary,
        cancellation=Cancellation(calling.cancellation),
    )
    return TaskDefinition(calling.task, _elsewhere, TaskKind.LOOP, Signature()), options


def put_args(node: Node, values: Sequence[Any], converter: Converter) -> None:
    """Write arguments into a node. Raises PayloadError naming the one that cannot travel."""
    for index, value in enumerate(values):
        payload = converter.encode(value)
        encoding = payload.metadata["encoding"]
        if encoding == JSON:
            node.args.append(msgspec.Raw(payload.data))
        elif encoding == NULL:
            node.args.append(None)
        else:
            metadata = {name: text.decode() for name, text in payload.metadata.items()}
            node.encoded[str(index)] = metadata
            node.args.append(base64.b64encode(payload.data).decode())


def args_of(node: Node) -> list[Any]:
    """Return a node's arguments, those that are not JSON as payloads."""
    if not node.encoded:
        return node.args
    values = list(node.args)
    for index, metadata in node.encoded.items():
        payload = Payload(data=base64.b64decode(values[int(index)]))
        for name, text in metadata.items():
            payload.metadata[name] = text.encode()
        values[int(index)] = payload
    return values


def _defaults(kind: type[Any]) -> list[tuple[str, Any]]:
    return [
        (f.name, f.default_factory() if f.default_factory is not MISSING else f.default)
        for f in fields(kind)
    ]


def _elsewhere() -> None:
    """Stand for a function that this process need not have."""


DEFAULTS = {kind: _defaults(kind) for kind in (Plan, Node, Calling)}
