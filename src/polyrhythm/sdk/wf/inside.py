"""The way from a verb to its run, with one error for whoever calls a verb elsewhere.

Kept apart so that every file of verbs can be read without the loop behind it.
"""

from __future__ import annotations

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.loop.context import Context, current


def inside(verb: str) -> Context:
    """Return the run whose code this is. Raises MisuseError outside of workflows."""
    context = current()
    if context is None:
        raise MisuseError(f"{verb} works inside a workflow only")
    return context
