"""Signatures to the tree that a run walks, and whether one needs such a run at all.

Everything that can be known before it runs is checked here, with the place in the canvas: counts
and types of arguments, cycles, depth, values that cannot travel. What is longer than one history
should be is cut into parts that are runs of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from polyrhythm.base.limits import CANVAS_DEPTH_MAX, CANVAS_RUN_STEPS_MAX
from polyrhythm.dialects.canvas.wire import Calling, Kind, Node, Plan, calling_of, put_args
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.definitions import Signature as Parameters
from polyrhythm.sdk.definitions import TaskDefinition
from polyrhythm.sdk.errors import MisuseError, PayloadError
from polyrhythm.sdk.settings import PlainOptions
from polyrhythm.sdk.values import Converter

if TYPE_CHECKING:
    from polyrhythm.dialects.canvas.signature import Signature

# Stands for the value that comes in, while arguments are bound.
HOLE = object()


class Planner:
    """Makes the plan of one canvas."""

    __slots__ = ("_calls", "_converter", "_within")

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._calls: dict[str, tuple[int, Calling]] = {}
        # The pieces around the one at hand, outermost first.
        self._within: list[Signature] = []

    def plan(self, signature: Signature, given: Sequence[Any]) -> Plan:
        """Return the plan. Raises MisuseError and PayloadError, which name the place."""
        root = self._node(signature, False, given)
        return Plan(root, [calling for _, calling in self._calls.values()])

    def arguments(self, signature: Signature, given: Sequence[Any], takes: bool) -> list[Any]:
        """Return a task's arguments behind the one that comes in."""
        task = signature.task
        assert task is not None
        front = [HOLE] if takes else []
        args = [*front, *given, *signature.args]
        try:
            if task.signature.names or not args:
                args = list(bind(task.signature, task.name, args, signature.named))
            elif signature.named or (takes and not _is_open(task)):
                raise TypeError(f"{task.name}() takes no arguments")
        except TypeError as error:
            raise MisuseError(f"{self._place(signature)}: {error}") from error
        values = args[len(front) :]
        self._check_types(signature, task, values, len(front))
        return values

    def _node(self, signature: Signature, takes: bool, given: Sequence[Any]) -> Node:
        self._check_nesting(signature)
        takes = takes and not signature.immutable
        given = () if signature.immutable else given
        self._within.append(signature)
        node = Node(signature.kind, takes=takes, fail_fast=signature.fail_fast)
        if signature.kind is Kind.TASK:
            self._put_task(node, signature, given)
        elif signature.kind is Kind.CHAIN:
            first, *rest = signature.parts
            node.steps = [self._node(first, takes, given)]
            node.steps += [self._node(step, True, ()) for step in rest]
        elif signature.kind is Kind.EACH:
            if given or not takes:
                raise MisuseError(
                    f"{self._place(signature)}: each() stands behind what gives it a list; for a"
                    " list that is known write a group"
                )
            node.steps = [self._node(signature.parts[0], True, ())]
        else:
            node.steps = [self._node(member, takes, given) for member in signature.parts]
            if signature.body is not None:
                node.body = self._node(signature.body, True, ())
        node.on_success = [self._node(one, True, ()) for one in signature.successes]
        node.on_error = [self._node(one, True, ()) for one in signature.errors]
        self._within.pop()
        _put_times(node, signature)
        return _cut(node)

    def _put_task(self, node: Node, signature: Signature, given: Sequence[Any]) -> None:
        task = signature.task
        assert task is not None
        values = self.arguments(signature, given, node.takes)
        try:
            put_args(node, values, self._converter)
        except PayloadError as error:
            raise PayloadError(f"{self._place(signature)}: {error}") from error
        calling = calling_of(task.name, signature.calls)
        key = repr(calling)
        index, _ = self._calls.setdefault(key, (len(self._calls), calling))
        node.call = index

    def _check_types(
        self, signature: Signature, task: TaskDefinition, values: Sequence[Any], skipped: int
    ) -> None:
        converter, parameters = self._converter, task.signature
        last = skipped + len(values)
        later = Parameters(parameters.names[skipped:last], parameters.types[skipped:last])
        try:
            payloads = converter.encode_all(values, later)
            if later.names:
                converter.decode_all(payloads, later)
        except PayloadError as error:
            raise PayloadError(f"{self._place(signature)}: {error}") from error

    def _check_nesting(self, signature: Signature) -> None:
        if any(one is signature for one in self._within):
            raise MisuseError(f"{self._place(signature)}: the canvas contains itself")
        if len(self._within) >= CANVAS_DEPTH_MAX:
            raise MisuseError(f"the canvas is nested more than {CANVAS_DEPTH_MAX} levels deep")

    def _place(self, signature: Signature) -> str:
        path = [*self._within, signature]
        names = [one.task.name if one.task is not None else str(one.kind) for one in path]
        if len(path) > 1 and path[-1] is path[-2]:
            names.pop()
        return " > ".join(names)


def is_plain(signature: Signature) -> bool:
    """Whether a signature is one task and nothing around it: then it needs no run to walk it."""
    return signature.kind is Kind.TASK and not signature.successes and not signature.errors


def named_by_content(plain: PlainOptions, unique: bool | str, plan: Any) -> str:
    """Return the id of a start that is unique: of the key, or of everything that would run."""
    if plain.id or not unique:
        return plain.id
    if isinstance(unique, str):
        return f"unique-{unique}"
    return f"unique-{hashlib.sha256(plan).hexdigest()[:32]}"


def result_type(signature: Signature) -> Any:
    """Return what the result of a canvas is read as."""
    match signature.kind:
        case Kind.TASK:
            assert signature.task is not None
            return signature.task.signature.result
        case Kind.CHAIN:
            return result_type(signature.parts[-1])
        case Kind.CHORD:
            assert signature.body is not None
            return result_type(signature.body)
    kinds = [result_type(part) for part in signature.parts]
    if not kinds or any(kind != kinds[0] for kind in kinds) or kinds[0] is None:
        return Any
    return GenericAlias(list, (kinds[0],))


def _put_times(node: Node, signature: Signature) -> None:
    timing = signature.timing
    node.delay_s = signature.plain.delay_s
    node.at_s = timing.eta.timestamp() if timing.eta is not None else 0.0
    node.expires_at_s = timing.expires_at.timestamp() if timing.expires_at is not None else 0.0
    node.expires_s = timing.expires_s


def _cut(node: Node) -> Node:
    """Have what is too long for one history be walked by runs of its own, part by part."""
    steps = node.steps
    if node.kind not in (Kind.CHAIN, Kind.GROUP, Kind.CHORD):
        return node
    weights = [_weight(step) for step in steps]
    if sum(weights) <= CANVAS_RUN_STEPS_MAX:
        return node
    kind = Kind.CHAIN if node.kind is Kind.CHAIN else Kind.GROUP
    parts: list[Node] = []
    weight = 0
    for step, step_weight in zip(steps, weights, strict=True):
        if not parts or weight + step_weight > CANVAS_RUN_STEPS_MAX:
            parts.append(Node(kind, takes=True, fail_fast=node.fail_fast, child=True))
            weight = 0
        parts[-1].steps.append(step)
        weight += step_weight
    node.steps, node.flat = parts, kind is Kind.GROUP
    return node


def _weight(node: Node) -> int:
    if node.kind is Kind.TASK or node.child:
        return 1
    return sum(_weight(one) for one in [*node.steps, *([node.body] if node.body else [])])


def _is_open(task: TaskDefinition) -> bool:
    """Whether a task is known by its name only: any arguments are sent."""
    return task.signature.result is Any and not task.signature.names
