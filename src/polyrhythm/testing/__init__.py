"""Test tools: for users a stage, its pytest plugin and replays; for ourselves the simulator,
story runner and contract suites.

    from polyrhythm.testing import Stage, replay

Importing this package imports nothing else of ours: a name is looked up when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polyrhythm.testing.replaying import replay
    from polyrhythm.testing.stage import Stage

__all__ = ["Stage", "replay"]
PLACES = {
    "Stage": "polyrhythm.testing.stage",
    "replay": "polyrhythm.testing.replaying",
}


if not TYPE_CHECKING:  # else every misspelt name would be accepted

    def __getattr__(name: str) -> Any:
        """Import what a name stands for, once."""
        if name not in PLACES:
            raise AttributeError(f"module 'polyrhythm.testing' has no attribute {name!r}")
        value = getattr(import_module(PLACES[name]), name)
        globals()[name] = value
        return value
