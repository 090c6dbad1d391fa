"""A log row as it is stored: its columns, its checksum, and the way back to a LogRow.

The format says what the checksum covers and what the bytes mean. In both the bytes are a serialized
History and a serialized NoteList. Format 2: every other column as well as the bytes, so that no
flipped bit of a row is read as something else. Format 1, of files of schema 3 and before, is only
read: it left out the first event's id, the count, the time and the position.
A row of any other format is damaged: a newer release's file is refused by its schema.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - a class, whatever its name
from typing import Any
from zlib import crc32

from polyrhythm.base.errors import DataLoss, StoreError
from polyrhythm.stores.port import LogRow

FORMAT = 2
# The order in which `log_row` takes them; the last seven are a LogRow's.
COLUMNS = (
    "position",
    "format",
    "crc",
    "run_key",
    "sequence",
    "first_event_id",
    "event_count",
    "events",
    "notes",
    "committed_ns",
)
SELECTED = ", ".join(COLUMNS)
INSERT = f"INSERT INTO log ({SELECTED}) VALUES ({', '.join('?' for _ in COLUMNS)})"
# Position, format, run key, sequence, first event id, event count, time of the commit.
_PACK_HEADER = Struct("<7q").pack


def log_values(run_key: int, entry: LogRow, position: int, committed_ns: int) -> tuple[Any, ...]:
    """Return what INSERT takes. Raises StoreError for another run's entry."""
    if entry.run_key != run_key:
        raise StoreError(f"run {run_key} comes with a log row of run {entry.run_key}")
    sequence, first, count = entry.sequence, entry.first_event_id, entry.event_count
    events, notes = entry.events, entry.notes
    header = _PACK_HEADER(position, FORMAT, run_key, sequence, first, count, committed_ns)
    crc = crc32(notes, crc32(events, crc32(header)))
    return position, FORMAT, crc, run_key, sequence, first, count, events, notes, committed_ns


def log_row(values: tuple[Any, ...]) -> LogRow:
    """Return a row that was read as SELECTED. Raises DataLoss, which does not name the run."""
    if not is_sound(values):
        raise DataLoss(f"log row {values[4]} is damaged")
    return LogRow(*values[3:])


def is_sound(values: tuple[Any, ...]) -> bool:
    """Whether a row that was read as SELECTED is what was written."""
    position, form, crc, run_key, sequence, first, count, events, notes, committed_ns = values
    try:
        if form == FORMAT:
            header = _PACK_HEADER(position, form, run_key, sequence, first, count, committed_ns)
        elif form == 1:
            header = b"%d %d" % (run_key, sequence)
        else:
            return False
        return bool(crc32(notes, crc32(events, crc32(header))) == crc)
    except (TypeError, StructError):
        # A flip in a record's header gives a column another type.
        return False
