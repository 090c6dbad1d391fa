"""Reads events of a run as bytes: from the tail in memory, or from the log.

Events are kept framed as elements of a History message, so a page is a slice and a join, and is
never parsed on its way to a client.
"""

from __future__ import annotations

from polyrhythm.api import notes
from polyrhythm.core.decide.task import transient_events
from polyrhythm.core.decision import encode_frame
from polyrhythm.core.tables import HISTORY_PAGE_EVENTS
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.desk import Desk

# Rows read at a time; a row holds a commit's events, about two on average.
ROWS_PER_READ = 64


def read_frames(desk: Desk, run: LoadedRun, first_id: int, end_id: int) -> list[bytes]:
    """Return the framed events with first_id <= id < end_id, at most a page of them."""
    end_id = min(end_id, run.state.next_event_id, first_id + HISTORY_PAGE_EVENTS)
    if first_id >= end_id:
        return []
    start = first_id - run.frames_first_id
    if start >= 0:
        return run.frames[start : end_id - run.frames_first_id]
    frames: list[bytes] = []
    at = first_id
    while at < end_id:
        rows = desk.memory.world.store.read_log(run.key, at, ROWS_PER_READ)
        for row in rows:
            if row.event_count:
                frames.extend(split_frames(row.events)[at - row.first_event_id :])
                at = row.first_event_id + row.event_count
        if not rows or at >= run.frames_first_id:
            break
    frames = frames[: end_id - first_id]
    missing = first_id + len(frames)
    if missing < end_id:
        # The rest is staged in this turn and not in the log yet; the tail may have dropped it.
        tail, tail_id = run.frames, run.frames_first_id
        if missing < tail_id:
            staged = desk.turn.staged[run.key]
            tail, tail_id = staged.events, staged.first_event_id
        frames.extend(tail[missing - tail_id : end_id - tail_id])
    return frames


def read_page(
    desk: Desk, run: LoadedRun, first_id: int, end_id: int, identity: str = ""
) -> tuple[bytes, bytes]:
    """Return a page of events as a serialized History, and the token of the next page (empty at
    the end, where the events of a transient task are added that the log does not hold; only the
    worker of that task, `identity`, sees whose it is)."""
    frames = read_frames(desk, run, first_id, end_id)
    next_id = first_id + len(frames)
    if next_id < min(end_id, run.state.next_event_id):
        token = notes.HistoryToken(
            run_key=run.key, run_id=run.state.run_id, next_event_id=next_id, end_event_id=end_id
        )
        return b"".join(frames), token.SerializeToString()
    frames += unwritten_frames(run, next_id, identity)
    return b"".join(frames), b""


def read_whole(
    desk: Desk, run: LoadedRun, first_id: int, end_id: int, identity: str = ""
) -> tuple[bytes, bytes]:
    """Return all the events of a run from `first_id` on, as a page after which nothing comes."""
    end_id = min(end_id, run.state.next_event_id)
    parts: list[bytes] = []
    while first_id < end_id:
        frames = read_frames(desk, run, first_id, end_id)
        assert frames
        parts += frames
        first_id += len(frames)
    parts += unwritten_frames(run, first_id, identity)
    return b"".join(parts), b""


def unwritten_frames(run: LoadedRun, next_id: int, identity: str = "") -> list[bytes]:
    """Return the framed events of a task that the log does not hold, if they come next."""
    if next_id != run.state.next_event_id or not run.state.running:
        return []
    events = transient_events(run.state, identity)
    return [encode_frame(event.SerializeToString()) for event in events]


def split_frames(data: bytes) -> list[bytes]:
    """Split a serialized History into its framed events."""
    frames = []
    at, end = 0, len(data)
    while at < end:
        size, shift, cursor = 0, 0, at + 1
        while True:
            byte = data[cursor]
            cursor += 1
            size |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        frames.append(data[at : cursor + size])
        at = cursor + size
    return frames
