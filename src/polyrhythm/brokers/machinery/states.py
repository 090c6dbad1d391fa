"""What is kept of a task and of a group where those who wait look: one JSON document each.

A state is written whole each time. The states of one task follow one another: pending, received,
started, then retry (and pending again), success or failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.brokers.errors import BadMessage
from polyrhythm.brokers.machinery.kinds import Typed
from polyrhythm.brokers.machinery.reading import Fields, encode_json, parse_json
from polyrhythm.brokers.machinery.signature import read_typed, write_typed
from polyrhythm.brokers.machinery.times import ZERO_NS, decode_time, encode_time


class State(StrEnum):
    """Where a task stands."""

    PENDING = "PENDING"
    RECEIVED = "RECEIVED"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


ENDED = (State.SUCCESS, State.FAILURE)


@dataclass(slots=True)
class TaskState:
    """Where one task stands. `results` of a task that succeeded, `error` of one that failed."""

    uuid: str
    name: str = ""
    state: State = State.PENDING
    results: list[Typed] = field(default_factory=list)
    error: str = ""
    created_ns: int = ZERO_NS

    @property
    def ended(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.state in ENDED


@dataclass(slots=True)
class GroupRecord:
    """The members of a group in order, and whether its chord's callback was sent."""

    uuid: str
    members: list[str]
    chord_sent: bool = False
    locked: bool = False
    created_ns: int = ZERO_NS


def encode_state(state: TaskState) -> bytes:
    """Write a state."""
    has_results = state.state is State.SUCCESS
    return encode_json(
        {
            "TaskUUID": state.uuid,
            "TaskName": state.name,
            "State": state.state.value,
            "Results": [write_typed(one) for one in state.results] if has_results else None,
            "Error": state.error,
            "CreatedAt": encode_time(state.created_ns),
            "TTL": 0,
        }
    )


def decode_state(body: bytes) -> TaskState:
    """Read a state. Raises BadMessage."""
    members = Fields(parse_json(body), "the state")
    name = members.get("State", str, "")
    if name not in State.__members__:
        raise BadMessage(f"{name!r} is not a state of a task")
    return TaskState(
        uuid=members.get("TaskUUID", str, ""),
        name=members.get("TaskName", str, ""),
        state=State(name),
        results=[read_typed(one, "a result") for one in members.get("Results", list, [])],
        error=members.get("Error", str, ""),
        created_ns=_time(members),
    )


def encode_group(group: GroupRecord) -> bytes:
    """Write the record of a group."""
    return encode_json(
        {
            "GroupUUID": group.uuid,
            "TaskUUIDs": group.members,
            "ChordTriggered": group.chord_sent,
            "Lock": group.locked,
            "CreatedAt": encode_time(group.created_ns),
            "TTL": 0,
        }
    )


def decode_group(body: bytes) -> GroupRecord:
    """Read the record of a group. Raises BadMessage."""
    members = Fields(parse_json(body), "the group")
    names = members.get("TaskUUIDs", list, [])
    if not all(isinstance(name, str) for name in names):
        raise BadMessage("the group's members are not texts")
    return GroupRecord(
        uuid=members.get("GroupUUID", str, ""),
        members=names,
        chord_sent=members.get("ChordTriggered", bool, False),
        locked=members.get("Lock", bool, False),
        created_ns=_time(members),
    )


def _time(members: Fields) -> int:
    text = members.get("CreatedAt", str, "")
    try:
        return decode_time(text) if text else ZERO_NS
    except InvalidArgument as error:
        raise BadMessage(f"CreatedAt: {error}") from error
