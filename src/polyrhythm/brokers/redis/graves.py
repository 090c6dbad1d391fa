"""Dead messages as they are kept: the body as it came, why nobody could take it, and since when.

One JSON text each; the body is base64, since poison need not be text.
"""

from __future__ import annotations

import base64

from polyrhythm.brokers.machinery.reading import Fields, encode_json, parse_json
from polyrhythm.brokers.machinery.times import decode_time, encode_time
from polyrhythm.brokers.port import DeadMessage

REASON_CHARACTERS_MAX = 1000


def encode_dead(dead: DeadMessage) -> bytes:
    """Write the record of a dead message."""
    return encode_json(
        {
            "Reason": dead.reason[:REASON_CHARACTERS_MAX],
            "BuriedAt": encode_time(dead.buried_ns),
            "Body": base64.b64encode(dead.body).decode("ascii"),
        }
    )


def decode_dead(record: bytes) -> DeadMessage:
    """Read the record of a dead message. Raises BadMessage for what is none."""
    members = Fields(parse_json(record), "the record")
    return DeadMessage(
        base64.b64decode(members.get("Body", str, "")),
        members.get("Reason", str, ""),
        decode_time(members.get("BuriedAt", str, "")),
    )
