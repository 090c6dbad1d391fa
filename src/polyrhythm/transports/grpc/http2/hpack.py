"""HPACK (RFC 7541): header blocks to fields, and fields to plain literals.

Decoding keeps the peer's dynamic table. What we send is the same few dozen bytes for every answer,
made once; it uses neither a dynamic table nor Huffman codes, so nothing has to be kept in step.
`changes` counts changes of the table: a block means the same as long as it stands still.
"""

from __future__ import annotations

from polyrhythm.transports.grpc.http2.faults import ConnectionFault, ErrorCode
from polyrhythm.transports.grpc.http2.huffman import BadHuffmanError, decode_huffman

Field = tuple[bytes, bytes]
# Appendix A, in order from index 1; a value follows the first `=`.
STATIC_NAMES = """:authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http
:scheme=https :status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500
accept-charset accept-encoding=gzip,_deflate accept-language accept-ranges accept
access-control-allow-origin age allow authorization cache-control content-disposition
content-encoding content-language content-length content-location content-range content-type cookie
date etag expect expires from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization
range referer refresh retry-after server set-cookie strict-transport-security transfer-encoding
user-agent vary via www-authenticate"""
# An entry of a table weighs its bytes and this much.
ENTRY_BYTES = 32
TABLE_BYTES_MAX = 4096
# An integer with more continuation bytes than this is past any length we accept.
INTEGER_BYTES_MAX = 5


def _static() -> tuple[Field, ...]:
    fields = (entry.partition("=") for entry in STATIC_NAMES.split())
    return tuple((name.encode(), value.replace("_", " ").encode()) for name, _, value in fields)


STATIC = _static()


def broken(text: str) -> ConnectionFault:
    """Return the fault of a block that cannot be decoded: the tables are out of step for good."""
    return ConnectionFault(ErrorCode.COMPRESSION_ERROR, text)


class Decoder:
    """The reading side of one connection."""

    def __init__(self, list_bytes_max: int) -> None:
        # Past this much, fields of one block are not kept: a few bytes can name a large entry
        # again and again.
        self._list_bytes_max = list_bytes_max
        # Newest last.
        self._table: list[Field] = []
        self._table_bytes = 0
        self._table_bytes_max = TABLE_BYTES_MAX
        self.changes = 0

    def decode(self, block: bytes) -> list[Field]:
        """Return the fields of a block. Raises ConnectionFault when it is no HPACK."""
        fields: list[Field] = []
        size = at = 0
        try:
            while at < len(block):
                first = block[at]
                if first & 0x80:
                    index, at = _integer(block, at, 7)
                    field = self._field(index)
                elif first & 0x40:
                    field, at = self._literal(block, at, 6)
                    self._insert(field)
                elif first & 0x20:
                    if fields:
                        raise broken("the table's size changes after a field")
                    limit, at = _integer(block, at, 5)
                    self._resize(limit)
                    continue
                else:
                    field, at = self._literal(block, at, 4)
                size += len(field[0]) + len(field[1]) + ENTRY_BYTES
                if size > self._list_bytes_max:
                    raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "the headers are too long")
                fields.append(field)
        except IndexError:
            raise broken("a header block ends too early") from None
        except BadHuffmanError as error:
            raise broken(str(error)) from None
        return fields

    def _field(self, index: int) -> Field:
        if not index:
            raise broken("index 0")
        if index <= len(STATIC):
            return STATIC[index - 1]
        index -= len(STATIC)
        if index > len(self._table):
            raise broken("an index past the table")
        return self._table[-index]

    def _literal(self, block: bytes, at: int, bits: int) -> tuple[Field, int]:
        index, at = _integer(block, at, bits)
        if index:
            name = self._field(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return (name, value), at

    def _insert(self, field: Field) -> None:
        self.changes += 1
        self._table.append(field)
        self._table_bytes += len(field[0]) + len(field[1]) + ENTRY_BYTES
        self._evict()

    def _resize(self, limit: int) -> None:
        if limit > TABLE_BYTES_MAX:
            raise broken("a table larger than we allow")
        self.changes += 1
        self._table_bytes_max = limit
        self._evict()

    def _evict(self) -> None:
        gone = 0
        while self._table_bytes > self._table_bytes_max:
            name, value = self._table[gone]
            self._table_bytes -= len(name) + len(value) + ENTRY_BYTES
            gone += 1
        del self._table[:gone]


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    full = (1 << bits) - 1
    value = block[at] & full
    at += 1
    if value < full:
        return value, at
    for count in range(INTEGER_BYTES_MAX):
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at
    raise broken("a number is too large")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    coded = block[at] & 0x80
    length, at = _integer(block, at, 7)
    end = at + length
    if end > len(block):
        raise broken("a text ends past its block")
    text = block[at:end]
    return (decode_huffman(text) if coded else text), end


def encode_header(name: bytes, value: bytes) -> bytes:
    """Return a field as a literal that no table keeps."""
    return b"\0" + _encode_text(name) + _encode_text(value)


def _encode_text(text: bytes) -> bytes:
    length = len(text)
    if length < 0x7F:
        return bytes((length,)) + text
    coded = bytearray((0x7F,))
    length -= 0x7F
    while length >= 0x80:
        coded.append(length & 0x7F | 0x80)
        length >>= 7
    coded.append(length)
    return bytes(coded) + text
