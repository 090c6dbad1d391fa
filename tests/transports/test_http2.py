"""HTTP/2 without I/O: what is taken, what ends a stream, what ends the connection, windows."""

import pytest

from polyrhythm.transports.grpc.http2 import (
    Bounds,
    Connection,
    ConnectionFault,
    ErrorCode,
    Event,
    encode_header,
    frames,
)
from polyrhythm.transports.grpc.http2.frames import Kind, encode_frame
from transports.frames_of_a_client import (
    CONNECT,
    PATH,
    data,
    headers,
    request_block,
    settings,
    split_frames,
    window,
)


def connected(bounds: Bounds | None = None) -> Connection:
    connection = Connection(bounds or Bounds())
    assert connection.receive(CONNECT) == []
    connection.take_output()
    return connection


def test_greeting_and_settings_are_acknowledged():
    connection = Connection(Bounds())
    connection.receive(CONNECT)
    kinds = [(kind, flags) for kind, flags, _, _ in split_frames(connection.take_output())]
    assert kinds == [(Kind.SETTINGS, 0), (Kind.WINDOW_UPDATE, 0), (Kind.SETTINGS, frames.ACK)]


def test_a_request_byte_by_byte():
    connection = Connection(Bounds())
    happened = []
    for byte in CONNECT + headers(1) + data(1, b"hello"):
        happened += connection.receive(bytes((byte,)))
    assert [event for event, _ in happened] == [Event.OPENED, Event.ARRIVED]
    stream = happened[0][1]
    assert (stream.headers.path, stream.body, stream.ended) == (PATH, b"hello", True)


def test_the_same_block_is_decoded_once_while_the_table_stands_still():
    connection = connected()
    one = connection.receive(headers(1))[0][1]
    two = connection.receive(headers(3))[0][1]
    assert one.headers is two.headers
    # This block changes the table, so nothing that was kept may be used after it.
    indexed = request_block() + b"\x40\x01a\x01b"
    changed = connection.receive(headers(5, indexed))[0][1]
    assert changed.headers.fields[-1] == (b"a", b"b")
    again = connection.receive(headers(7))[0][1]
    assert again.headers is not one.headers
    # Now the table's newest entry is named by index 62.
    named = connection.receive(headers(9, request_block() + b"\xbe"))[0][1]
    assert named.headers.fields[-1] == (b"a", b"b")
    connection.receive(headers(11, request_block() + b"\x40\x01c\x01d"))
    renamed = connection.receive(headers(13, request_block() + b"\xbe"))[0][1]
    assert renamed.headers.fields[-1] == (b"c", b"d")


def test_headers_in_many_frames():
    connection = connected()
    block = request_block()
    parts = [block[at : at + 7] for at in range(0, len(block), 7)]
    sent = encode_frame(Kind.HEADERS, 0, 1, parts[0])
    for part in parts[1:-1]:
        sent += encode_frame(Kind.CONTINUATION, 0, 1, part)
    sent += encode_frame(Kind.CONTINUATION, frames.END_HEADERS, 1, parts[-1])
    [(event, stream)] = connection.receive(sent)
    assert (event, stream.headers.path) == (Event.OPENED, PATH)


def test_padding_and_priority_are_taken_off():
    connection = connected()
    flags = frames.END_HEADERS | frames.PADDED | frames.PRIORITY_FLAG
    payload = b"\x03" + b"\0\0\0\0\x10" + request_block() + b"\0\0\0"
    [(_, stream)] = connection.receive(encode_frame(Kind.HEADERS, flags, 1, payload))
    assert stream.headers.path == PATH
    padded = encode_frame(Kind.DATA, frames.PADDED | frames.END_STREAM, 1, b"\x02hi\0\0")
    connection.receive(padded)
    assert stream.body == b"hi"


FAULTS = {
    "no preface": (b"GET / HTTP/1.1\r\nhost: here\r\n", ErrorCode.PROTOCOL_ERROR),
    "no settings first": (frames.PREFACE + headers(1), ErrorCode.PROTOCOL_ERROR),
    "a long frame": (CONNECT + b"\x00\x40\x01\x00\x00\0\0\0\x01", ErrorCode.FRAME_SIZE_ERROR),
    "data of stream 0": (CONNECT + data(0, b"x"), ErrorCode.PROTOCOL_ERROR),
    "data of an idle stream": (CONNECT + data(1, b"x"), ErrorCode.PROTOCOL_ERROR),
    "headers of an even stream": (CONNECT + headers(2), ErrorCode.PROTOCOL_ERROR),
    "headers of an older stream": (CONNECT + headers(3) + headers(1), ErrorCode.STREAM_CLOSED),
    "an interrupted block": (
        CONNECT + encode_frame(Kind.HEADERS, 0, 1, b"") + data(1, b""),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "a continuation of nothing": (
        CONNECT + encode_frame(Kind.CONTINUATION, 4, 1, b""),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "headers that are no hpack": (CONNECT + headers(1, b"\x80"), ErrorCode.COMPRESSION_ERROR),
    "padding past the frame": (
        CONNECT + headers(1) + encode_frame(Kind.DATA, frames.PADDED, 1, b"\x05x"),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "pushing": (CONNECT + encode_frame(Kind.PUSH_PROMISE, 0, 1, b""), ErrorCode.PROTOCOL_ERROR),
    "a short ping": (CONNECT + encode_frame(Kind.PING, 0, 0, b"1"), ErrorCode.FRAME_SIZE_ERROR),
    "a ping of a stream": (
        CONNECT + encode_frame(Kind.PING, 0, 1, b"12345678"),
        ErrorCode.PROTOCOL_ERROR,
    ),
    "odd settings": (CONNECT + encode_frame(Kind.SETTINGS, 0, 0, b"1"), ErrorCode.FRAME_SIZE_ERROR),
    "settings of a stream": (CONNECT + encode_frame(Kind.SETTINGS, 0, 1, b""), ErrorCode(1)),
    "a window past all": (
        CONNECT + settings(initial_window_size=1 << 31),
        ErrorCode.FLOW_CONTROL_ERROR,
    ),
    "a tiny frame size": (CONNECT + settings(max_frame_size=1), ErrorCode.PROTOCOL_ERROR),
    "an update of nothing": (CONNECT + window(0, 0), ErrorCode.PROTOCOL_ERROR),
    "a window too large": (CONNECT + window(0, frames.WINDOW_MAX), ErrorCode.FLOW_CONTROL_ERROR),
    "a reset of an idle stream": (CONNECT + frames.encode_reset(1, 8), ErrorCode.PROTOCOL_ERROR),
    "an update of an idle stream": (CONNECT + window(1, 1), ErrorCode.PROTOCOL_ERROR),
    "a short reset": (CONNECT + encode_frame(Kind.RST_STREAM, 0, 1, b""), ErrorCode(6)),
    "a priority of stream 0": (CONNECT + encode_frame(Kind.PRIORITY, 0, 0, bytes(5)), ErrorCode(1)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_ends_the_connection(name):
    sent, code = FAULTS[name]
    with pytest.raises(ConnectionFault) as caught:
        Connection(Bounds()).receive(sent)
    assert caught.value.code is code


def malformed(*extra: tuple[bytes, bytes], drop: bytes = b"") -> bytes:
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a/b"), *extra]
    return b"".join(encode_header(name, value) for name, value in fields if name != drop)


MALFORMED = {
    "upper case": malformed((b"Name", b"x")),
    "a pseudo-header late": malformed((b"name", b"x"), (b":authority", b"x")),
    "a pseudo-header twice": malformed((b":method", b"POST")),
    "an unknown pseudo-header": malformed((b":status", b"200")),
    "no path": malformed(drop=b":path"),
    "no method": malformed(drop=b":method"),
    "no scheme": malformed(drop=b":scheme"),
    "a header of HTTP/1": malformed((b"connection", b"close")),
    "te of HTTP/1": malformed((b"te", b"gzip")),
    "a length that is none": malformed((b"content-length", b"-1")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_ends_only_its_stream(name):
    connection = connected()
    assert connection.receive(headers(1, MALFORMED[name])) == []
    [(kind, _, stream_id, payload)] = split_frames(connection.take_output())
    assert (kind, stream_id, payload[3]) == (Kind.RST_STREAM, 1, ErrorCode.PROTOCOL_ERROR)
    assert len(connection.receive(headers(3))) == 1


def test_data_after_the_end_of_a_stream_resets_it():
    connection = connected()
    connection.receive(headers(1, end=True))
    happened = connection.receive(data(1, b"x"))
    assert happened[-1][0] is Event.CANCELLED
    assert split_frames(connection.take_output())[-1][0] is Kind.RST_STREAM


def test_a_content_length_that_does_not_hold():
    connection = connected()
    connection.receive(headers(1, request_block(PATH, (b"content-length", b"9"))))
    happened = connection.receive(data(1, b"short"))
    assert [event for event, _ in happened] == [Event.CANCELLED]


def test_more_data_than_the_window_of_a_stream():
    connection = connected(Bounds(stream_window=10))
    connection.receive(headers(1))
    happened = connection.receive(data(1, b"x" * 11))
    assert [event for event, _ in happened] == [Event.CANCELLED]


def test_the_connections_window_is_opened_again_and_again():
    connection = connected(Bounds(waiting_bytes=100_000))
    for stream_id in range(1, 41, 2):
        connection.receive(headers(stream_id) + data(stream_id, b"x" * 16_000))
        [(_, stream)] = [(i, s) for i, s in connection.streams.items() if i == stream_id]
        connection.send_headers(stream, b"\x88", end=True)
    updates = [f for f in split_frames(connection.take_output()) if f[0] is Kind.WINDOW_UPDATE]
    assert updates
    assert all(stream_id == 0 for _, _, stream_id, _ in updates)


def test_a_reset_is_told_once_and_late_frames_are_harmless():
    connection = connected()
    [(_, stream)] = connection.receive(headers(1))
    happened = connection.receive(frames.encode_reset(1, ErrorCode.CANCEL))
    assert happened == [(Event.CANCELLED, stream)]
    assert stream.gone
    assert connection.receive(window(1, 5) + frames.encode_reset(1, 8)) == []
    connection.send_headers(stream, b"\x88")
    connection.send_data(stream, b"nobody")
    connection.send_trailers(stream, b"\x88")
    assert not connection.has_output


def test_an_answer_before_the_end_of_the_request_stops_the_client():
    connection = connected()
    [(_, stream)] = connection.receive(headers(1))
    connection.send_headers(stream, b"\x88", end=True)
    sent = split_frames(connection.take_output())
    assert [(kind, payload[-1]) for kind, _, _, payload in sent] == [
        (Kind.HEADERS, 0x88),
        (Kind.RST_STREAM, ErrorCode.NO_ERROR),
    ]


def test_a_body_waits_for_windows_and_its_trailers_with_it():
    connection = Connection(Bounds())
    connection.receive(CONNECT + settings(initial_window_size=10))
    [(_, stream), _] = connection.receive(headers(1, end=True))
    connection.take_output()
    connection.send_headers(stream, b"\x88")
    connection.send_data(stream, b"a" * 25)
    connection.send_trailers(stream, b"\x89")
    sent = split_frames(connection.take_output())
    assert [(kind, len(payload)) for kind, _, _, payload in sent] == [
        (Kind.HEADERS, 1),
        (Kind.DATA, 10),
    ]
    assert not stream.gone
    connection.receive(window(1, 5))
    assert [len(f[3]) for f in split_frames(connection.take_output())] == [5]
    # A setting moves the windows of open streams too.
    connection.receive(settings(initial_window_size=40))
    sent = split_frames(connection.take_output())
    assert [(kind, len(p)) for kind, _, _, p in sent if kind is not Kind.SETTINGS] == [
        (Kind.DATA, 10),
        (Kind.HEADERS, 1),
    ]
    assert stream.gone


def test_the_connections_window_holds_back_every_stream():
    connection = Connection(Bounds())
    connection.receive(CONNECT + settings(initial_window_size=1 << 20))
    connection.receive(headers(1, end=True) + headers(3, end=True))
    one, three = connection.streams.values()
    connection.take_output()
    for stream in (one, three):
        connection.send_headers(stream, b"\x88")
        connection.send_data(stream, b"x" * 60_000)
        connection.send_trailers(stream, b"\x88")
    sent = split_frames(connection.take_output())
    assert sum(len(p) for kind, _, _, p in sent if kind is Kind.DATA) == frames.WINDOW_START
    connection.receive(window(0, 100_000))
    sent = split_frames(connection.take_output())
    assert sum(len(p) for kind, _, _, p in sent if kind is Kind.DATA) == 120_000 - 65_535
    assert connection.streams == {}


def test_long_trailers_go_on_in_other_frames():
    connection = connected()
    [(_, stream), _] = connection.receive(headers(1, end=True))
    connection.send_headers(stream, encode_header(b"x", b"y" * 40_000), end=True)
    sent = split_frames(connection.take_output())
    assert [kind for kind, *_ in sent] == [Kind.HEADERS, Kind.CONTINUATION, Kind.CONTINUATION]
    assert [flags for _, flags, *_ in sent] == [frames.END_STREAM, 0, frames.END_HEADERS]


def test_after_a_goodbye_new_streams_are_refused_and_old_ones_answered():
    connection = connected()
    [(_, stream)] = connection.receive(headers(1))
    connection.go_away()
    connection.take_output()
    assert connection.receive(headers(3) + data(3, b"in flight")) == []
    sent = split_frames(connection.take_output())
    assert (sent[0][0], sent[0][3][3]) == (Kind.RST_STREAM, ErrorCode.REFUSED_STREAM)
    assert connection.receive(data(1, b"x")) == [(Event.ARRIVED, stream)]


BOUNDS = {
    "streams": (Bounds(streams=2), headers(1) + headers(3) + headers(5), None),
    "header blocks": (
        Bounds(header_bytes=200),
        headers(1, request_block(PATH, (b"x", b"y" * 300))),
        ErrorCode.ENHANCE_YOUR_CALM,
    ),
    "continuations": (
        Bounds(header_bytes=100),
        encode_frame(Kind.HEADERS, 0, 1, b"")
        + encode_frame(Kind.CONTINUATION, 0, 1, b"\0" * 60) * 2,
        ErrorCode.ENHANCE_YOUR_CALM,
    ),
    "unfinished messages": (
        Bounds(waiting_bytes=70_000),
        b"".join(headers(i) + data(i, b"x" * 16_000, end=False) for i in range(1, 11, 2)),
        ErrorCode.ENHANCE_YOUR_CALM,
    ),
    "resets": (
        Bounds(resets=2),
        b"".join(headers(i) + frames.encode_reset(i, 8) for i in range(1, 7, 2)),
        ErrorCode.ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_what_one_client_may_take_up(name):
    bounds, sent, code = BOUNDS[name]
    connection = connected(bounds)
    if code is None:
        connection.receive(sent)
        assert len(connection.streams) == bounds.streams
        assert split_frames(connection.take_output())[-1][3][3] == ErrorCode.REFUSED_STREAM
        return
    with pytest.raises(ConnectionFault) as caught:
        connection.receive(sent)
    assert caught.value.code is code


def test_signs_of_life():
    connection = connected()
    connection.receive(encode_frame(Kind.PING, 0, 0, b"12345678"))
    assert split_frames(connection.take_output()) == [(Kind.PING, frames.ACK, 0, b"12345678")]
    connection.ping()
    assert not connection.pong
    [(_, _, _, payload)] = split_frames(connection.take_output())
    connection.receive(encode_frame(Kind.PING, frames.ACK, 0, payload))
    assert connection.pong
