"""Starts canvases: a single task as a plain task, everything else as a run that walks its tree.

Nothing is started that could be known not to run: the plan is checked first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polyrhythm.dialects.canvas.plan import Planner, is_plain, named_by_content, result_type
from polyrhythm.dialects.canvas.walker import CANVAS
from polyrhythm.dialects.canvas.wire import pack
from polyrhythm.sdk.client.run import Run
from polyrhythm.sdk.client.starter import Starter
from polyrhythm.sdk.client.task_run import TaskRun
from polyrhythm.sdk.client.task_starter import TaskStarter
from polyrhythm.sdk.definitions import Signature as Parameters
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.context import current
from polyrhythm.sdk.settings import IdConflict, PlainOptions, StartOptions

if TYPE_CHECKING:
    from polyrhythm.dialects.canvas.signature import Signature

Started = Run[Any] | TaskRun[Any]


@dataclass(slots=True)
class CanvasStarter:
    """The starts of one signature, to be awaited."""

    signature: Signature

    async def start(self, *args: Any) -> Started:
        """Start it; it is durable when this returns. `args` are given to the first tasks.

        Raises MisuseError and PayloadError for what cannot run, ActivityAlreadyStarted and
        AlreadyStarted.
        """
        if current() is not None:
            raise MisuseError("a canvas is started by a program, not inside a workflow")
        if is_plain(self.signature):
            return await self._start_task(args)
        return await self._start_canvas(args)

    async def execute(self, *args: Any) -> Any:
        """Start it and wait for its result. Raises a TaskError or a WorkflowError."""
        started = await self.start(*args)
        return await started.result()

    async def _start_task(self, given: tuple[Any, ...]) -> TaskRun[Any]:
        signature = self.signature
        task, session = signature.task, signature.at_home.session
        assert task is not None
        planner = Planner(session.converter)
        values = planner.arguments(signature, given, takes=False)
        plain, calls = self._when()
        if signature.unique:
            content = task.name.encode() + session.converter.encode_values(
                values
            ).SerializeToString(deterministic=True)
            plain = _unique(plain, signature.unique, content)
        if not task.signature.names and values:
            names = tuple(f"argument {index}" for index in range(1, len(values) + 1))
            parameters = Parameters(names, (Any,) * len(values), result=task.signature.result)
            task = replace(task, signature=parameters)
        starter: TaskStarter[Any, Any] = TaskStarter(session, task, calls, plain)
        return await starter.start(*values)

    async def _start_canvas(self, given: tuple[Any, ...]) -> Run[Any]:
        signature = self.signature
        session, plain = signature.at_home.session, signature.plain
        plan = pack(Planner(session.converter).plan(signature, given))
        if signature.unique:
            content = session.converter.encode(plan).data
            plain = _unique(plain, signature.unique, content)
        options = StartOptions(
            id=plain.id,
            id_reuse=plain.id_reuse,
            id_conflict=plain.id_conflict,
            search_attributes=plain.search_attributes,
            summary=signature.calls.summary or repr(signature)[:200],
            details=plain.details,
        )
        parameters = replace(CANVAS.signature, result=result_type(signature))
        definition = replace(CANVAS, signature=parameters)
        starter: Starter[Any, Any] = Starter(session, definition, options)
        return await starter.start(plan)

    def _when(self) -> tuple[PlainOptions, Any]:
        """Return the options of a plain task, with the times of its signature in their words."""
        signature = self.signature
        timing, plain, calls = signature.timing, signature.plain, signature.calls
        now = datetime.now(UTC)
        delay_s = plain.delay_s
        eta_s = 0.0 if timing.eta is None else (timing.eta - now).total_seconds()
        if eta_s > delay_s:
            delay_s = eta_s
            plain = replace(plain, delay_s=0.0, eta=timing.eta)
        expires_s = timing.expires_s
        if timing.expires_at is not None:
            expires_s = (timing.expires_at - now).total_seconds()
        elif not expires_s:
            return plain, calls
        left_s = expires_s - delay_s
        if left_s <= 0:
            raise MisuseError(f"{signature!r} expires before it is due")
        return plain, replace(calls, pickup_s=min(left_s, calls.pickup_s or left_s))


def _unique(plain: PlainOptions, unique: bool | str, content: bytes) -> PlainOptions:
    key = named_by_content(plain, unique, content)
    return replace(plain, id=key, id_conflict=IdConflict.JOIN)
