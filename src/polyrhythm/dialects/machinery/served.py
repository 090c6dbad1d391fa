"""A task as messages call it: its arguments and results between Machinery's types and Python's.

A message starts a durable task under an id of its own, so that it finds that task again whenever it
is delivered once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyrhythm.base.errors import ActivityAlreadyStarted
from polyrhythm.brokers.errors import WrongValue
from polyrhythm.brokers.machinery.kinds import Typed, check_kind, decode_values, typed
from polyrhythm.brokers.machinery.signature import Signature
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.client.task_run import TaskRun
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.declare.task import Task
from polyrhythm.sdk.definitions import IdReuse
from polyrhythm.sdk.retry import ByError, Retry
from polyrhythm.sdk.settings import IdConflict

# An error of the function is its outcome: how often a message is tried is said by the message. What
# ended an attempt from outside is none, nor is the wish for a later one.
ATTEMPTS_MAX = 20
OUTSIDE = Retry(max_attempts=ATTEMPTS_MAX)
ONCE = ByError(
    dict.fromkeys(("WorkerStopped", "TaskPaused", "TaskReset", "RetryAfter"), OUTSIDE), None
)
ID_LENGTH_MAX = 200


@dataclass(slots=True)
class Served:
    """A task that messages call by `name`. `kinds`: the types of its results, guessed if empty.

    `collect`: its one parameter gets all arguments as a list, however many a group appends.
    """

    name: str
    task: Task[Any, Any, Any]
    kinds: tuple[str, ...] = ()
    collect: bool = False

    def __post_init__(self) -> None:
        """Refuse types that Machinery does not have. Raises WrongValue."""
        for kind in self.kinds:
            check_kind(kind)

    def arguments(self, signature: Signature) -> list[Any]:
        """Return the arguments of a call. Raises WrongValue, and TypeError for their number."""
        definition = self.task.definition
        values = decode_values(signature.args)
        if self.collect:
            values = [values]
        return list(bind(definition.signature, definition.name, values, {}))

    def results(self, value: Any) -> list[Typed]:
        """Return what the task gave back, with types: one, or a tuple's. Raises WrongValue."""
        values = () if value is None else value if isinstance(value, tuple) else (value,)
        if not self.kinds:
            return [typed(one) for one in values]
        if len(values) != len(self.kinds):
            raise WrongValue(f"{self.name} gave {len(values)} results, not {len(self.kinds)}")
        return [typed(one, kind) for one, kind in zip(values, self.kinds, strict=True)]

    async def begin(
        self, session: Session, signature: Signature, values: Sequence[Any], again: bool
    ) -> TaskRun[Any]:
        """Start the durable task of a message, or find the one that was started for it before.

        A message that was in nobody's hand before is a call of its own, even under an id that a
        closed task had: Go programs send periodic tasks under one id.
        """
        reuse = IdReuse.REJECT if again else IdReuse.ALLOW
        task = self.task.options(
            id=message_id(signature), id_reuse=reuse, id_conflict=IdConflict.JOIN
        )
        if self.task.definition.options.retry is None:
            task = task.options(retry=ONCE)
        definition, starter = self.task.definition, task.aio
        try:
            run: TaskRun[Any] = await starter.start(*values)
        except ActivityAlreadyStarted:
            kind = definition.signature.result
            run = TaskRun(session, definition.name, message_id(signature), "", kind)
        return run


def message_id(signature: Signature) -> str:
    """Return the id of a message: attempts of one task have one each."""
    text = f"{signature.uuid}/{signature.retry_count}/{signature.eta_ns or 0}"
    if len(text) > ID_LENGTH_MAX:
        return hashlib.sha256(text.encode()).hexdigest()
    return text
