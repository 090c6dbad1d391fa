"""What a power cut leaves of recorded operations.

A file is its durable bytes and the changes since its last sync. At a crash each of those changes
is on the disk or not, in any combination, and a write may be there in part, cut at any byte.
A deletion without a sync of the directory may come undone. After a failed sync the kernel counts
the changes as written though some are not: no later sync brings them; which ones made it is
decided then and there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from random import Random

from polyrhythm.testing.crash.recording import Kind, Operation

TORN = 0.3


class Cut(Enum):
    """How much of the unsynced changes a crash keeps: NONE, ANY of them, or ALL (a process
    that was killed while the machine lives on)."""

    NONE = "none"
    ANY = "any"
    ALL = "all"


@dataclass(slots=True)
class FileState:
    """One file; `durable` None means that its name is not on the disk."""

    durable: bytearray | None = None
    pending: list[Operation] = field(default_factory=list)


class Disk:
    """The files of one folder, followed through a recording; `honest` False models a disk that
    answers syncs without doing them, to prove that the checker sees it."""

    def __init__(self, chance: Random, honest: bool = True) -> None:
        self.chance = chance
        self.honest = honest
        self.files: dict[str, FileState] = {}

    def follow(self, operation: Operation) -> None:
        """Take in one operation."""
        state = self.files.setdefault(operation.name, FileState())
        if operation.kind is Kind.DELETE and operation.at:
            del self.files[operation.name]
        elif operation.kind in (Kind.WRITE, Kind.TRUNCATE, Kind.DELETE):
            state.pending.append(operation)
        elif operation.kind is Kind.SYNC and self.honest:
            state.durable = _settle(state, state.pending, self.chance, 0.0)
            state.pending = []
        elif operation.kind is Kind.SYNC_FAILED:
            kept = [op for op in state.pending if self.chance.random() < 0.5]
            state.durable = _settle(state, kept, self.chance, TORN)
            state.pending = []

    def crash(self, chance: Random, cut: Cut) -> dict[str, bytes]:
        """Return the files as a power cut now may leave them."""
        left: dict[str, bytes] = {}
        for name, state in self.files.items():
            kept = state.pending if cut is Cut.ALL else []
            torn = 0.0
            if cut is Cut.ANY:
                kept = [op for op in state.pending if chance.random() < 0.5]
                torn = TORN
            content = _settle(state, kept, chance, torn)
            if content is not None:
                left[name] = bytes(content)
        return left


def _settle(
    state: FileState, operations: list[Operation], chance: Random, torn: float
) -> bytearray | None:
    """Apply changes to a copy of the durable bytes, tearing writes with this probability."""
    content = bytearray(state.durable) if state.durable is not None else None
    for operation in operations:
        if operation.kind is Kind.DELETE:
            content = None
            continue
        if content is None:
            content = bytearray()
        if operation.kind is Kind.TRUNCATE:
            del content[operation.at :]
        else:
            _write(content, operation, chance, torn)
    return content


def _write(content: bytearray, operation: Operation, chance: Random, torn: float) -> None:
    start, data = operation.at, operation.data
    if torn and chance.random() < torn:
        cut = chance.randrange(len(data) + 1)
        if chance.random() < 0.5:
            data = data[:cut]
        else:
            start, data = start + cut, data[cut:]
    if not data:
        return
    if len(content) < start:
        content.extend(bytes(start - len(content)))
    content[start : start + len(data)] = data
