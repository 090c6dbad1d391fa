"""Where in a user's code a verb was called, kept cheaply and spelt out only for an error.

A place is a code object and an instruction: two pointers and no line number, which costs a search
through a table. Frames of the SDK and of asyncio are passed over, so that `wf.sleep` inside a
library of ours names the line of the workflow.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import CodeType

Place = tuple[CodeType, int]

OURS = (str(Path(__file__).parents[1]) + "/", str(Path(asyncio.__file__).parent) + "/")


def find_place() -> Place | None:
    """Return the innermost place outside of the SDK and asyncio."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(OURS):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def spell_place(place: Place | None) -> str:
    """Return `file:line` of a place."""
    if place is None:
        return "an unknown place"
    code, instruction = place
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= instruction < end and number is not None:
            line = number
            break
    return f"{code.co_filename}:{line}"
