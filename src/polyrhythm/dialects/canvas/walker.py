"""The durable run that walks a canvas, and starts what comes next in the commit that it waited for.

A result, the next step and the acknowledgement of the task are one turn of the engine, hence one
commit. Nothing is kept beside the history: a replay walks the same tree with the recorded results.
Callbacks (`on_success`, `on_error`) are runs of their own, which go on when this one has ended: one
that fails is found among the dead letters by itself. Error callbacks are begun before the failure
goes on, also while the run is being revoked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from polyrhythm.base.limits import CANVAS_RUN_STEPS_MAX, CANVAS_STEPS_AT_ONCE_MAX, Limits
from polyrhythm.dialects.canvas.problem import (
    EXPIRED,
    NOT_A_LIST,
    TOO_LARGE,
    group_failed,
    problem_of,
)
from polyrhythm.dialects.canvas.wire import (
    Kind,
    Node,
    Plan,
    args_of,
    definition_of,
    pack,
)
from polyrhythm.sdk import wf
from polyrhythm.sdk.declare.verbs import define_workflow
from polyrhythm.sdk.definitions import ChildOptions, ParentClose, TaskDefinition, TaskOptions
from polyrhythm.sdk.errors import Failure, FailureError, Permanent
from polyrhythm.sdk.messages import Query
from polyrhythm.sdk.wf.inside import inside

CANVAS_WORKFLOW = "polyrhythm.canvas"
RESULT_BYTES_MAX = Limits().blob_bytes_max


@dataclass(slots=True)
class Progress:
    """How far a canvas is, in tasks of this run: those of callbacks and children are their own."""

    total: int = 0
    started: int = 0
    done: int = 0
    failed: int = 0


PROGRESS = Query("progress", Progress)


class Walk:
    """One walk over a tree."""

    __slots__ = ("_calls", "_context", "_plan", "_room", "progress")

    def __init__(self, plan: Plan) -> None:
        self._context = inside("a canvas")
        self._plan = plan
        self._calls: dict[int, tuple[TaskDefinition, TaskOptions]] = {}
        self._room = asyncio.Semaphore(CANVAS_STEPS_AT_ONCE_MAX)
        self.progress = Progress(total=leaves_of(plan.root))

    async def walk(self, node: Node, incoming: Sequence[Any]) -> Any:
        """Return the result of a node, of the one value that came in or of none."""
        if node.child:
            return await self._child(node, incoming)
        try:
            expires_s = await self._wait(node)
            value = await self._do(node, incoming, expires_s)
        except (FailureError, asyncio.CancelledError) as error:
            if node.on_error:
                told = problem_of(error, self._context.workflow_id)
                await wf.shielded(self._begin(node.on_error, "on-error", told))
            raise
        if node.on_success:
            await self._begin(node.on_success, "on-success", value)
        return value

    async def _do(self, node: Node, incoming: Sequence[Any], expires_s: float) -> Any:
        match node.kind:
            case Kind.TASK:
                return await self._task(node, incoming, expires_s)
            case Kind.CHAIN:
                for step in node.steps:
                    incoming = (await self.walk(step, incoming),)
                return incoming[0] if incoming else None
            case Kind.GROUP:
                return await self._group(node, incoming)
            case Kind.CHORD:
                results = await self._group(node, incoming)
                assert node.body is not None
                return await self.walk(node.body, (results,))
            case Kind.EACH:
                return await self._each(node, incoming)

    async def _task(self, node: Node, incoming: Sequence[Any], expires_s: float) -> Any:
        definition, options = self._call(node.call)
        if expires_s and (not options.pickup_s or expires_s < options.pickup_s):
            options = replace(options, pickup_s=expires_s)
        args = args_of(node)
        if node.takes:
            args = [*incoming, *args]
        async with self._room:
            self.progress.started += 1
            try:
                value = await self._context.schedule_task(definition, options, args)
            except BaseException:
                self.progress.failed += 1
                raise
            self.progress.done += 1
            return value

    async def _group(self, node: Node, incoming: Sequence[Any]) -> list[Any]:
        members = [asyncio.ensure_future(self.walk(one, incoming)) for one in node.steps]
        return await self._all(node, members)

    async def _each(self, node: Node, incoming: Sequence[Any]) -> list[Any]:
        items = incoming[0] if incoming else None
        if not isinstance(items, list):
            text = f"each() runs its member for every item of a list, not of {type(items).__name__}"
            raise Permanent(text, type=NOT_A_LIST)
        member = node.steps[0]
        weight = leaves_of(member)
        size = max(1, CANVAS_RUN_STEPS_MAX // weight)
        if len(items) > size and not node.flat:
            part = replace(node, child=True, flat=True, on_error=[], on_success=[])
            part.at_s = part.delay_s = part.expires_at_s = part.expires_s = 0.0
            parts = [items[first : first + size] for first in range(0, len(items), size)]
            walks = [asyncio.ensure_future(self.walk(part, (one,))) for one in parts]
            return await self._all(replace(node, flat=True), walks)
        self.progress.total += weight * (len(items) - 1)
        members = [asyncio.ensure_future(self.walk(member, (item,))) for item in items]
        return await self._all(replace(node, flat=False), members)

    async def _all(self, node: Node, members: Sequence[asyncio.Future[Any]]) -> list[Any]:
        """Wait for all members, and for none behind the first failure if that is wanted."""
        if node.fail_fast:
            for member in members:
                member.add_done_callback(lambda ended: _cancel_others(ended, members))
        values = await asyncio.gather(*members, return_exceptions=True)
        errors = {i: value for i, value in enumerate(values) if isinstance(value, BaseException)}
        for error in errors.values():
            if not isinstance(error, FailureError | asyncio.CancelledError):
                # Ours, or nondeterminism: it is the workflow task that fails.
                raise error
        failed = {
            i: one for i, one in errors.items() if not isinstance(one, asyncio.CancelledError)
        }
        if errors:
            raise group_failed(failed or errors, len(members))
        results: list[Any] = list(values)
        if node.flat:
            results = [value for part in results for value in part]
        size = self._context.settings.converter.encode(results).ByteSize()
        if size > RESULT_BYTES_MAX:
            text = f"the results of a group have {size:,} bytes, at most {RESULT_BYTES_MAX:,} are"
            raise Permanent(f"{text} kept: return where the values are", type=TOO_LARGE)
        return results

    async def _wait(self, node: Node) -> float:
        """Wait until a node is due; return in how many seconds it expires, 0 for never."""
        now_s = self._context.now_ns / 1e9
        expires_at_s = node.expires_at_s
        if node.expires_s:
            last_s = now_s + node.expires_s
            expires_at_s = min(expires_at_s, last_s) if expires_at_s else last_s
        due_s = max(node.at_s, now_s + node.delay_s)
        if expires_at_s and due_s >= expires_at_s:
            due_s = expires_at_s
        if due_s > now_s:
            await wf.sleep(due_s - now_s)
        if not expires_at_s:
            return 0.0
        left_s = expires_at_s - self._context.now_ns / 1e9
        if left_s <= 0:
            raise Permanent("it was not begun before it expired", type=EXPIRED)
        return left_s

    async def _begin(self, callbacks: list[Node], why: str, value: Any) -> None:
        """Start callbacks as runs of their own; they are durable when this returns."""
        started = [self._start(one, (value,), why, ParentClose.ABANDON) for one in callbacks]
        await asyncio.gather(*[run.started for run in started])

    async def _child(self, node: Node, incoming: Sequence[Any]) -> Any:
        run = self._start(node, incoming, "part", ParentClose.CANCEL)
        return await run.result

    def _start(self, node: Node, incoming: Sequence[Any], why: str, close: ParentClose) -> Any:
        context = self._context
        plan = pack(Plan(replace(node, child=False), self._plan.calls))
        child_id = f"{context.workflow_id}/{why}/{context.uuid().hex[:12]}"
        options = ChildOptions(id=child_id, parent_close=close)
        return context.start_child(CANVAS, options, (plan, list(incoming)))

    def _call(self, index: int) -> tuple[TaskDefinition, TaskOptions]:
        known = self._calls.get(index)
        if known is None:
            try:
                known = self._calls[index] = definition_of(self._plan.calls[index])
            except (LookupError, TypeError, ValueError) as error:
                raise Permanent(f"call {index} of the canvas: {error}", type="BadCanvas") from error
        return known


async def walk_canvas(plan: Plan, incoming: list[Any] | None = None) -> Any:
    """Walk a canvas that was written by `plan_canvas`, or by hand in the same words."""
    check_node(plan.root)
    walk = Walk(plan)
    PROGRESS.handler(lambda: walk.progress)
    return await walk.walk(plan.root, incoming or ())


def check_node(node: Node) -> None:
    """Refuse a tree that no program of ours wrote, before anything of it has run."""
    pending = [node]
    while pending:
        one = pending.pop()
        wanted = {Kind.TASK: one.call >= 0, Kind.CHORD: one.body is not None}
        if not wanted.get(one.kind, one.kind is Kind.GROUP or bool(one.steps)):
            raise Failure(f"a {one.kind} of the canvas is not complete", type="BadCanvas")
        pending += [*one.steps, *one.on_success, *one.on_error]
        if one.body is not None:
            pending.append(one.body)


def leaves_of(node: Node) -> int:
    """Return how many tasks a node calls itself; what a list decides counts once."""
    if node.kind is Kind.TASK or node.child:
        return 1
    below = [*node.steps, *([node.body] if node.body is not None else [])]
    return sum(leaves_of(one) for one in below)


def _cancel_others(ended: asyncio.Future[Any], members: Sequence[asyncio.Future[Any]]) -> None:
    if not ended.cancelled() and ended.exception() is not None:
        for one in members:
            one.cancel()


CANVAS = define_workflow(walk_canvas, {"name": CANVAS_WORKFLOW})
