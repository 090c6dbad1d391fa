"""Chains, groups and chords of signatures, and what an outcome makes of those that follow.

Every signature gets its id here, before anything is sent, so that whoever waits knows where to
look. Ids are given by a source of fresh ones; nothing else is drawn from outside. What is returned
shares nothing with what was given: a signature may stand in several workflows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

from polyrhythm.brokers.errors import BadMessage
from polyrhythm.brokers.machinery.kinds import Typed
from polyrhythm.brokers.machinery.signature import (
    Signature,
    decode_signature,
    encode_signature,
    walk,
)

FreshId = Callable[[], str]
SECOND_NS = 1_000_000_000
RETURNS = "polyrhythm-returns"


@dataclass(slots=True)
class Group:
    """Signatures that run beside one another, as one group of that id."""

    uuid: str
    members: list[Signature]


def single(signature: Signature, fresh: FreshId) -> Signature:
    """Return a copy that has an id, as all that follows it. Raises BadMessage."""
    for _ in walk(signature):
        pass
    copy = deepcopy(signature)
    for one in walk(copy):
        if not one.uuid:
            one.uuid = f"task_{fresh()}"
    return copy


def chain(signatures: Sequence[Signature], fresh: FreshId) -> list[Signature]:
    """Return the links of a chain, of which the first is to be sent. Raises BadMessage."""
    if not signatures:
        raise BadMessage("a chain of no tasks")
    links = [single(one, fresh) for one in signatures]
    for before, after in pairwise(links):
        before.on_success = [*before.on_success, after]
    return links


def group(signatures: Sequence[Signature], fresh: FreshId) -> Group:
    """Return the members of a group, each to be sent. Raises BadMessage."""
    if not signatures:
        raise BadMessage("a group of no tasks")
    made = Group(f"group_{fresh()}", [single(one, fresh) for one in signatures])
    if len({one.uuid for one in made.members}) < len(made.members):
        raise BadMessage("two members of a group have the same id")
    for one in made.members:
        one.group_uuid = made.uuid
        one.group_size = len(made.members)
    return made


def chord(signatures: Sequence[Signature], callback: Signature, fresh: FreshId) -> Group:
    """Return a group whose members carry a callback for when all have ended. Raises BadMessage."""
    made = group(signatures, fresh)
    copy = deepcopy(callback)
    copy.uuid = copy.uuid or f"chord_{fresh()}"
    copy = single(copy, fresh)
    for one in made.members:
        one.chord_callback = copy
    return made


def after_success(signature: Signature, results: Sequence[Typed]) -> list[Signature]:
    """Return what is sent when a task has succeeded, with its results appended."""
    given = [] if signature.immutable else [Typed(one.kind, one.wire) for one in results]
    following = deepcopy(signature.on_success)
    for one in following:
        one.args = [*one.args, *given]
    return following


def after_failure(signature: Signature, error: str) -> list[Signature]:
    """Return what is sent when a task has failed, with the error before its arguments."""
    following = deepcopy(signature.on_error)
    for one in following:
        one.args = [Typed("string", error), *one.args]
    return following


def after_group(callback: Signature, results: Sequence[Sequence[Typed]]) -> Signature:
    """Return a chord's callback with the results of all members appended, in their order."""
    ready = deepcopy(callback)
    if not ready.immutable:
        ready.args = [
            *ready.args,
            *(Typed(one.kind, one.wire) for member in results for one in member),
        ]
    return ready


def again(signature: Signature, now_ns: int) -> Signature:
    """Return the next attempt of a task that failed: one retry less, after a longer pause.

    Pauses in seconds are the next number of Fibonacci above the last one: 1, 2, 3, 5, 8 and so on.
    """
    following = deepcopy(signature)
    following.retry_count -= 1
    following.retry_timeout_s = fibonacci_above(signature.retry_timeout_s)
    following.eta_ns = now_ns + following.retry_timeout_s * SECOND_NS
    return following


def fibonacci_above(number: int) -> int:
    """Return the next number of Fibonacci that is greater."""
    low, high = 1, 1
    while low <= number:
        low, high = high, low + high
    return low


def returns(signature: Signature) -> int:
    """Return how often workers of ours have handed a message back, each without its task."""
    count = signature.headers.get(RETURNS, "0")
    return int(count) if isinstance(count, str) and count.isdecimal() and len(count) < 10 else 0


def returned(signature: Signature) -> Signature:
    """Return a message with one more return counted in its headers, which Go peers keep."""
    copy = deepcopy(signature)
    copy.headers = {**copy.headers, RETURNS: str(returns(signature) + 1)}
    return copy


def revived(body: bytes) -> bytes:
    """Return a dead message as it is sent again: its returns count from none."""
    try:
        signature = decode_signature(body)
    except BadMessage:
        return body
    if RETURNS not in signature.headers:
        return body
    del signature.headers[RETURNS]
    return encode_signature(signature)
