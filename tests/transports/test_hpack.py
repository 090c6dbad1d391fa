"""Header compression against the examples of RFC 7541, appendix C, and against what is damaged."""

import pytest

from polyrhythm.transports.grpc.http2 import ConnectionFault, encode_header
from polyrhythm.transports.grpc.http2.hpack import Decoder
from polyrhythm.transports.grpc.http2.huffman import BadHuffmanError, decode_huffman

PLAIN_REQUESTS = (
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
)
HUFFMAN_REQUESTS = (
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
)
FIELDS = (
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
        (b"cache-control", b"no-cache"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
)
BIG = 1 << 16
# Every byte once, in order, encoded by the table of the RFC.
ALL_BYTES = (
    "ffc7fffd8fffffe2fffffe3fffffe4fffffe5fffffe6fffffe7fffffe8ffffeafffffff3fffffa7fffffabffff"
    "ffdfffffebfffffecfffffedfffffeefffffefffffff0ffffff1ffffff2fffffffbfffffcffffffd3fffffd7ff"
    "fffdbfffffdffffffe3fffffe7fffffebfffffed4fe3f9ffaffcabf1febfafefe7fdfd2cbb00089969b71d79fb"
    "9f7fff20ffbff3ff50ddbd7f061c58f265cd9f469d5af66dddbf871e5f9cff7ff7fffc3ff9ffe45fff4719242c"
    "b34e6e9d68a6a3d7dac426defe3cfaf7fffbfe7ffbffdffffffcfffe6ffff4bfff9ffffa3fffd3ffff53fffd5f"
    "fffb3fffeb7fffdaffffb7ffff73fffeeffffdeffffebffffbfffffd9ffffdbfffebffffe0ffffeeffffc3ffff"
    "8bffff1ffffe4fffee7fffb1ffff97fffd9ffffcdffff9fffffbffffdafffeeffff4ffffb7fffee7fffe8ffffd"
    "3fffdeffffd5fffeeffffbdffffe1fffdfffff7fffff5ffffecffff07fff87fffe0ffff17fffedffff87ffff77"
    "fffeffffeaffff8bfffe3ffff93ffff87fffcbffff37ffff1fffff83ffffe1fffebfffe3ffff3fffff2ffffa3f"
    "fffd9fffff17ffffc7fffff27ffffdefffffbffffff2fffff8fffffb7fff97fff8fffffe6fffffc1fffff87fff"
    "fe7fffffc5ffffe5fffe4ffff2fffffd1fffff4ffffffefffffe3fffffc9fffff97fffb3ffffcffffb7fffcdff"
    "ff4ffff9ffffd1ffffcffffeaffffafffffddffffeffffff4fffff5fffffabffffa7ffffd7fffff9bffffecfff"
    "ffb7fffff3fffffe8fffffd3fffffabfffff5fffffff7ffffecfffffdbfffffbbfffff7ffffff0fffffbbf"
)


@pytest.mark.parametrize("blocks", [PLAIN_REQUESTS, HUFFMAN_REQUESTS], ids=["plain", "huffman"])
def test_requests_of_the_rfc(blocks):
    decoder = Decoder(BIG)
    assert [decoder.decode(bytes.fromhex(block)) for block in blocks] == list(FIELDS)


def test_a_table_of_the_rfc_that_evicts():
    # Appendix C.5: three responses through a table of 256 bytes.
    decoder = Decoder(BIG)
    decoder.decode(b"\x3f\xe1\x01")  # the table's size becomes 256
    first = (
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231"
        "20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d"
    )
    assert decoder.decode(bytes.fromhex(first))[0] == (b":status", b"302")
    assert decoder.decode(bytes.fromhex("4803333037c1c0bf"))[0] == (b":status", b"307")
    # The newest entry pushed the oldest, `:status 302`, out: only four fit.
    assert decoder.decode(b"\xbe") == [(b":status", b"307")]
    with pytest.raises(ConnectionFault):
        decoder.decode(b"\xc2")


def test_what_we_encode_decodes():
    for value in (b"", b"x", b"y" * 126, b"z" * 127, b"w" * 128, b"v" * 40_000):
        block = encode_header(b"grpc-message", value)
        assert Decoder(BIG).decode(block) == [(b"grpc-message", value)]


@pytest.mark.parametrize(
    "block",
    [
        "80",  # index 0
        "be",  # an index past the empty table
        "40",  # a literal that ends
        "400561",  # a text past the block
        "7fffffffffffffffffff",  # a number past every bound
        "3fe21f",  # a table of 4097 bytes
        "8220",  # a change of the table's size after a field
        "00810000",  # padding longer than a byte's rest
    ],
)
def test_damaged_blocks_end_the_connection(block):
    with pytest.raises(ConnectionFault):
        Decoder(BIG).decode(bytes.fromhex(block))


def test_a_few_bytes_cannot_become_many_headers():
    decoder = Decoder(BIG)
    decoder.decode(b"\x40\x01a" + b"\x7f\x81\x1e" + b"b" * 3968)
    with pytest.raises(ConnectionFault, match="too long"):
        decoder.decode(b"\xbe" * 100)


@pytest.mark.parametrize("data", ["00", "ff", "ffffffff", "fffffffc", "fe"])
def test_bits_that_are_no_text(data):
    with pytest.raises(BadHuffmanError):
        decode_huffman(bytes.fromhex(data))


def test_all_bytes_through_the_code():
    coded = bytes.fromhex(ALL_BYTES)
    assert decode_huffman(coded) == bytes(range(256))
