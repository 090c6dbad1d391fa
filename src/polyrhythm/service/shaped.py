"""A Reply that says another thing than the engine's: the one place where answers are reshaped.

The engine answers lists with rows and a failed activity with its own response; the caller asked
for something else. NOTE: the inner reply may be resolved by the lane's thread while it is being
hooked; `_pass_on` may then run twice, which is harmless since a Reply is resolved once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from polyrhythm.engine.reply import Reply


def shaped(reply: Reply, shape: Callable[[Any], Any]) -> Reply:
    """Return a reply that resolves with `shape(value)`; errors pass as they are."""
    outer = Reply()
    reply.wake = partial(_pass_on, reply, outer, shape)
    if reply.done:
        _pass_on(reply, outer, shape)
    return outer


def instead(reply: Reply, value: Any) -> Reply:
    """Return a reply that resolves with `value` once the engine's has succeeded."""
    return shaped(reply, lambda _: value)


def _pass_on(reply: Reply, outer: Reply, shape: Callable[[Any], Any]) -> None:
    if reply.error is not None:
        outer.fail(reply.error)
    else:
        outer.resolve(shape(reply.value))
