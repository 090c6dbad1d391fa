"""FarmHash's 32-bit fingerprint of more than 24 bytes, which the jitter of schedules is drawn by.

A fingerprint never changes between releases and machines, so two servers draw the same jitter.
Shorter texts have rules of their own in FarmHash and are refused: a schedule's are always longer.
"""

from __future__ import annotations

from struct import iter_unpack, unpack_from

_MASK = 0xFFFFFFFF
_C1 = 0xCC9E2D51
_C2 = 0x1B873593
_ADD = 0xE6546B64
# Bytes that are hashed apart from the rest of the text: its last ones.
_LONG_MIN = 25
_ROUND_BYTES = 20


def fingerprint32(data: bytes) -> int:
    """Return the fingerprint of at least 25 bytes."""
    size = len(data)
    assert size >= _LONG_MIN, "a shorter text has another fingerprint"
    last = [_scatter(unpack_from("<I", data, size - back)[0]) for back in (4, 8, 16, 12, 20)]
    h = _fold(_fold(size ^ last[0]) ^ last[2])
    g = f = _C1 * size & _MASK
    g = _fold(_fold(g ^ last[1]) ^ last[3])
    f = (_rotate(f + last[4] & _MASK, 19) + 113) & _MASK
    rounds = (size - 1) // _ROUND_BYTES
    for a, b, c, d, e in iter_unpack("<5I", data[: rounds * _ROUND_BYTES]):
        h = (_mix(d, h + a & _MASK) + e) & _MASK
        g = (_mix(c, g + b & _MASK) + a) & _MASK
        f = (_mix(b + e * _C1 & _MASK, f + c & _MASK) + d) & _MASK
        f = f + g & _MASK
        g = g + f & _MASK
    g = _rotate(_rotate(g, 11) * _C1 & _MASK, 17) * _C1 & _MASK
    f = _rotate(_rotate(f, 11) * _C1 & _MASK, 17) * _C1 & _MASK
    h = _rotate(_fold(h + g & _MASK), 17) * _C1 & _MASK
    return _rotate(_fold(h + f & _MASK), 17) * _C1 & _MASK


def _rotate(value: int, right: int) -> int:
    return (value >> right | value << 32 - right) & _MASK


def _fold(value: int) -> int:
    return (_rotate(value, 19) * 5 + _ADD) & _MASK


def _scatter(word: int) -> int:
    return _rotate(word * _C1 & _MASK, 17) * _C2 & _MASK


def _mix(word: int, value: int) -> int:
    return _fold(_scatter(word) ^ value)
