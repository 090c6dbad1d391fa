"""Read models as programs use them: read, build anew, moved on by one page of the log.

Position and model are written together, and only from the position they were read at: so every
event counts once, although several processes may fold the same page at the same time, or die while
they do. Whoever was late reads again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.api import service as api
from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.projections.fold import Fold, ProjectionDefinition

M = TypeVar("M")
A = TypeVar("A", bound=Message)
PAGE_ENTRIES = 200


@dataclass(slots=True)
class Page:
    """What one step read: where it ended, whether there was more, whether anything was relevant."""

    position: int
    more: bool
    relevant: bool


class Model(Generic[M]):
    """The read model of a projection at one service."""

    __slots__ = ("_fold", "_session", "name")

    def __init__(self, session: Session, definition: ProjectionDefinition, name: str) -> None:
        self._session = session
        self._fold = Fold(definition, session.converter, session.codec)
        self.name = name

    async def read(self, *, fresh: bool = False) -> M:
        """Return the model: as it was kept last, a moment behind the runs; `fresh`: with everything
        that was committed before this call, which takes as long as the way that is missing.

        The value is a copy: changing it changes nothing.
        """
        kept = await self._get()
        model: M = await self._fold.decode(kept.body)
        position = kept.position
        while fresh:
            page = await self.entries(position)
            for entry in page.entries:
                model = self._fold.apply(model, entry, await self._fold.events_of(entry))
            position = page.next_position
            fresh = len(page.entries) > 0
        return model

    async def position(self) -> int:
        """Return how far in the log the kept model is."""
        return (await self._get()).position

    async def rebuild(self) -> None:
        """Forget the model and make it again from the first event, with the code of now: after a
        change of handlers or of the model. Returns when it has caught up.
        """
        request = api.DeleteProjectionRequest(namespace=self._session.namespace, name=self.name)
        await self._call("DeleteProjection", request, api.DeleteProjectionResponse)
        while (await self.step()).more:
            pass

    async def step(self) -> Page:
        """Move the kept model on by one page. Raises what keeps it where it is, after everything
        before that was kept: EventError, what a handler raises, InvalidArgument for a model that
        has grown too large.
        """
        kept = await self._get()
        page = await self.entries(kept.position)
        relevant: list[tuple[api.LogEntry, list[HistoryEvent]]] = []
        for entry in page.entries:
            events = await self._fold.events_of(entry)
            if events:
                relevant.append((entry, events))
        if page.next_position == kept.position:
            return Page(kept.position, more=False, relevant=False)
        model = await self._fold.decode(kept.body)
        done = 0
        try:
            for entry, events in relevant:
                model = self._fold.apply(model, entry, events)
                done += 1
        except Exception:
            # The handler may have changed the model half: it is made again up to the entry before.
            model = await self._fold.decode(kept.body)
            for entry, events in relevant[:done]:
                model = self._fold.apply(model, entry, events)
            if done:
                await self._put(kept.position, relevant[done - 1][0].position, model)
            raise
        if not await self._put(kept.position, page.next_position, model):
            return Page(kept.position, more=True, relevant=True)
        return Page(page.next_position, more=True, relevant=bool(relevant))

    async def entries(self, after: int) -> api.ReadLogResponse:
        """Return the next page of the log; it has entries of all runs, or none at its end."""
        request = api.ReadLogRequest(
            namespace=self._session.namespace, after_position=after, limit=PAGE_ENTRIES
        )
        while True:
            page = await self._call("ReadLog", request, api.ReadLogResponse)
            # A page of commits without events is not the end.
            if page.entries or page.next_position == request.after_position:
                return page
            request.after_position = page.next_position

    async def concerns(self, page: api.ReadLogResponse) -> bool:
        """Whether a page has anything for this projection."""
        for entry in page.entries:
            if await self._fold.events_of(entry):
                return True
        return False

    async def _get(self) -> api.Projection:
        request = api.GetProjectionRequest(namespace=self._session.namespace, name=self.name)
        answer = await self._call("GetProjection", request, api.GetProjectionResponse)
        return answer.projection

    async def _put(self, expected: int, position: int, model: Any) -> bool:
        """Keep a model; False when somebody else has moved it meanwhile."""
        request = api.PutProjectionRequest(
            namespace=self._session.namespace,
            name=self.name,
            expected_position=expected,
            position=position,
            body=await self._fold.encode(model),
        )
        try:
            await self._call("PutProjection", request, api.PutProjectionResponse)
        except FailedPrecondition:
            return False
        return True

    async def _call(self, method: str, request: Any, kind: type[A]) -> A:
        return await self._session.call_own(method, request, kind, "a projection")
