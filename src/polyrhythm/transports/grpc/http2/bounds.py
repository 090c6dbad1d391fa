"""What one connection may take up, each bound with its reason.

A peer past a bound is told to calm down, or its newest stream is refused.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bounds:
    """What one connection may take up; sizes in bytes."""

    # Streams open at once; a worker has some hundred polls, a client may share one connection.
    streams: int = 10_000
    # One message and its frame heads: so the largest that is accepted needs no second window.
    stream_window: int = 4 * 1024 * 1024 + 64 * 1024
    # Parts of messages that wait for their rest, over all streams.
    waiting_bytes: int = 64 * 1024 * 1024
    # The largest frame a peer may send: the protocol's least, no more has to be held at once.
    frame: int = 16_384
    # The largest frame we send to a peer that takes more: fewer, and still no stream in the way of
    # the others for long.
    frame_sent: int = 64 * 1024
    # A block of headers, as sent and as decoded.
    header_bytes: int = 64 * 1024
    # Requests given up before they are answered, between two looks of the sweeper.
    resets: int = 10_000
    # Header blocks kept decoded.
    blocks_kept: int = 256
