"""Signatures run here and now, for tests: no service, no thread, retries without their waits.

Members of a group run one after another, callbacks when their task has ended; times, queues, rates
and hard limits mean nothing. A callback that fails is logged and changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polyrhythm.dialects.canvas.batch import BATCH_TASK
from polyrhythm.dialects.canvas.celery.errors import Retry
from polyrhythm.dialects.canvas.celery.request import REQUEST, Request
from polyrhythm.dialects.canvas.problem import Problem, problem_of
from polyrhythm.dialects.canvas.signature import Signature
from polyrhythm.dialects.canvas.wire import Kind

if TYPE_CHECKING:
    from polyrhythm.dialects.canvas.celery.front import CeleryFront

LOG = logging.getLogger("polyrhythm.celery")


def run_here(front: CeleryFront, signature: Signature, incoming: Sequence[Any]) -> Any:
    """Return the result of a signature. Raises what its tasks raise."""
    incoming = () if signature.immutable else incoming
    try:
        value = _do(front, signature, incoming)
    except Exception as error:
        problem = problem_of(error, "eager")
        for callback in signature.errors:
            run_here(front, callback, (problem,))
        raise
    for callback in signature.successes:
        try:
            run_here(front, callback, (value,))
        except Exception as error:  # noqa: BLE001 - a callback may raise anything
            LOG.warning("the callback %r of %r failed: %r", callback, signature, error)
    return value


def _do(front: CeleryFront, signature: Signature, incoming: Sequence[Any]) -> Any:
    if signature.kind is Kind.TASK:
        return _task(front, signature, incoming)
    if signature.kind is Kind.CHAIN:
        for part in signature.parts:
            incoming = (run_here(front, part, incoming),)
        return incoming[0]
    if signature.kind is Kind.EACH:
        return [run_here(front, signature.parts[0], (item,)) for item in incoming[0]]
    results = [run_here(front, part, incoming) for part in signature.parts]
    return results if signature.body is None else run_here(front, signature.body, (results,))


def _task(front: CeleryFront, signature: Signature, incoming: Sequence[Any]) -> Any:
    assert signature.task is not None
    name, args = signature.task.name, (*incoming, *signature.args)
    if name == BATCH_TASK:
        task, items = front.tasks[args[0]], args[1]
        return [_attempts(front, task.name, tuple(item), {}) for item in items]
    if name == front.errback.name:
        problem = args[0]
        assert isinstance(problem, Problem)
        return front.errback.definition.function(*args)
    return _attempts(front, name, args, signature.named)


def _attempts(front: CeleryFront, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    task, retries = front.tasks[name], 0
    if task.parameters.others:
        named = {**named, **named.get("kwargs", {})}
        named.pop("kwargs", None)
    while True:
        request = Request("eager", name, retries, args, named, is_eager=True)
        request.called_directly = False
        token = REQUEST.set(request)
        try:
            return task.attempt(args, named)
        except Retry:
            retries += 1
        finally:
            REQUEST.reset(token)
