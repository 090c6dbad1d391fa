"""Encodes a state whole, so that a long log need not be folded from its first row.

A snapshot is a cache: it carries the version of the fold that made it and is ignored when that
has changed. Deadlines are derived and left out. The format is MessagePack of the state's fields.
"""

from __future__ import annotations

import msgspec

from polyrhythm.core import deadlines
from polyrhythm.core.state import RunState

# Raised whenever `apply` or RunState changes what a fold gives.
FOLD_VERSION = 12


def encode_state(state: RunState) -> bytes:
    """Return the state's bytes."""
    kept, state.deadlines = state.deadlines, []
    try:
        return msgspec.msgpack.encode(state)
    finally:
        state.deadlines = kept


def decode_state(data: bytes) -> RunState:
    """Return the state of `encode_state`, its deadlines rebuilt."""
    state = msgspec.msgpack.decode(data, type=RunState)
    deadlines.rebuild(state)
    return state
