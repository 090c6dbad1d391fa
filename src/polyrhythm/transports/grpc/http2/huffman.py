"""The Huffman code of HPACK (RFC 7541, appendix B), decoding only: we never compress.

The code is canonical: symbols of one length have consecutive codes in the order of their values, so
the lengths alone define it. Decoding goes bit by bit over a dictionary, 0.1 us a bit; blocks of
headers repeat and are kept decoded, so this runs once for a method and connection.
"""

from __future__ import annotations

# Length in bits -> symbols, as numbers and ranges of numbers. 256 ends the text.
SYMBOLS = {
    5: "48-50 97 99 101 105 111 115-116",
    6: "32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117",
    7: "58 66-87 89 106-107 113 118-122",
    8: "38 42 44 59 88 90",
    10: "33-34 40-41 63",
    11: "39 43 124",
    12: "35 62",
    13: "0 36 64 91 93 126",
    14: "94 125",
    15: "60 96 123",
    19: "92 195 208",
    20: "128 130-131 162 184 194 224 226",
    21: "153 161 167 172 176-177 179 209 216-217 227 229-230",
    22: (
        "129 132-134 136 146 154 156 160 163-164 169-170 173 178 181 185-187 189-190 196 "
        "198 228 232-233"
    ),
    23: (
        "1 135 137-141 143 147 149-152 155 157-158 165-166 168 174-175 180 182-183 188 "
        "191 197 231 239"
    ),
    24: "9 142 144-145 148 159 171 206 215 225 236-237",
    25: "199 207 234-235",
    26: "192-193 200-202 205 210 213 218-219 238 240 242-243 255",
    27: "203-204 211-212 214 221-223 241 244-248 250-254",
    28: "2-8 11-12 14-21 23-31 127 220 249",
    30: "10 13 22 256",
}
SHORTEST = min(SYMBOLS)
LONGEST = max(SYMBOLS)
END = 256


class BadHuffmanError(Exception):
    """The bits are no text of this code."""


def _spread(text: str) -> list[int]:
    symbols: list[int] = []
    for part in text.split():
        first, _, last = part.partition("-")
        symbols += range(int(first), int(last or first) + 1)
    return symbols


def _codes() -> dict[tuple[int, int], int]:
    """(length, code) -> symbol."""
    codes: dict[tuple[int, int], int] = {}
    code = length = 0
    for bits, text in SYMBOLS.items():
        code <<= bits - length
        length = bits
        for symbol in _spread(text):
            codes[length, code] = symbol
            code += 1
    return codes


CODES = _codes()


def decode_huffman(data: bytes) -> bytes:
    """Return the text. Raises BadHuffmanError for an unknown code, a coded end, bad padding."""
    text = bytearray()
    bits = int.from_bytes(data, "big")
    left = 8 * len(data)
    code = length = 0
    while left:
        left -= 1
        code = code << 1 | bits >> left & 1
        length += 1
        if length < SHORTEST:
            continue
        symbol = CODES.get((length, code))
        if symbol is not None:
            if symbol == END:
                raise BadHuffmanError("the end symbol is coded")
            text.append(symbol)
            code = length = 0
        elif length > LONGEST:
            raise BadHuffmanError("no such code")
    # What is left over is padding: up to seven bits, the first ones of the end symbol, all ones.
    if length > 7 or code != (1 << length) - 1:
        raise BadHuffmanError("bad padding")
    return bytes(text)
