"""Task tokens: what a worker was given to answer with, checked before anything is decided.

A token names its namespace, and only calls of that namespace may use it.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from polyrhythm.api import notes
from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk


def decode_token(data: bytes) -> notes.TaskToken:
    """Return a task token. Raises InvalidArgument when it is none of ours."""
    try:
        token = notes.TaskToken.FromString(data)
    except DecodeError as error:
        raise InvalidArgument("Error deserializing task token.") from error
    if not token.run_key:
        raise InvalidArgument("Error deserializing task token.")
    return token


def load_of_token(desk: Desk, call: Call, token: notes.TaskToken, missing: str) -> LoadedRun:
    """Return the run a token belongs to. Raises NotFound(`missing`) when there is none."""
    if token.namespace_key != call.namespace.key:
        raise InvalidArgument("Operation requested with a token from a different namespace.")
    try:
        run = desk.turn.load(token.run_key)
    except NotFound as error:
        raise NotFound(missing) from error
    if run.state.run_id != token.run_id:
        raise NotFound(missing)
    return run
