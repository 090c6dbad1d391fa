"""Keeps the projections of an open application: each moves on as runs record events.

Looks at the log often while it grows and every second while it rests. What keeps a projection where
it is (a handler that raises, an event of a newer version, a model over its limit, a service that is
away) is said once and tried again; it never ends the application.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from polyrhythm.base.errors import Unavailable
from polyrhythm.sdk.client.projections import Model
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.projections.fold import ProjectionDefinition

LOG = logging.getLogger("polyrhythm.projection")
REST_S_MIN = 0.05
REST_S_MAX = 1.0
STUCK_S = 5.0
# A projection that was built anew by another process is noticed after so many rests.
RESTS_MAX = 10


async def keep_projections(session: Session, definitions: Iterable[ProjectionDefinition]) -> None:
    """Keep all of them until cancelled."""
    async with asyncio.TaskGroup() as group:
        for definition in definitions:
            model: Model[Any] = Model(session, definition, definition.name)
            group.create_task(_keep(model))


async def _keep(model: Model[Any]) -> None:
    problem = ""
    while True:
        try:
            await _follow(model)
        except Unavailable as error:
            LOG.debug("projection %r waits for its service: %s", model.name, error)
        except Exception as error:
            if (text := repr(error)) != problem:
                problem = text
                LOG.exception("projection %r does not move on; it is tried again", model.name)
        await asyncio.sleep(STUCK_S)


async def _follow(model: Model[Any]) -> None:
    """Catch up and follow the log. Raises what a step raises."""
    while True:
        page = await model.step()
        while page.more:
            page = await model.step()
        await _rest(model, page.position)


async def _rest(model: Model[Any], position: int) -> None:
    """Wait until the log has something for the projection."""
    rest_s, rests = REST_S_MIN, 0
    while rests < RESTS_MAX:
        await asyncio.sleep(rest_s)
        page = await model.entries(position)
        if await model.concerns(page):
            return
        moved = page.next_position > position
        position = page.next_position
        rest_s = REST_S_MIN if moved else min(REST_S_MAX, 2 * rest_s)
        rests += 0 if moved else 1
