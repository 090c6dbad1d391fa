"""HTTP/2 under random bytes: only its own faults leave it, however the bytes are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from polyrhythm.transports.grpc.http2 import Bounds, Connection, ConnectionFault, frames
from polyrhythm.transports.grpc.http2.frames import Kind, encode_frame
from transports.frames_of_a_client import CONNECT, data, headers, window

SMALL = Bounds(streams=4, stream_window=300, waiting_bytes=100_000, header_bytes=500, resets=3)

frame = st.one_of(
    st.builds(
        encode_frame,
        st.sampled_from(list(Kind)),
        st.integers(0, 255),
        st.integers(0, 12),
        st.binary(max_size=40),
    ),
    st.builds(headers, st.integers(0, 12), end=st.booleans()),
    st.builds(data, st.integers(0, 12), st.binary(max_size=200), end=st.booleans()),
    st.builds(window, st.integers(0, 12), st.integers(0, frames.WINDOW_MAX)),
    st.binary(max_size=30),
)


def outcome(pieces: list[bytes]) -> tuple[list[tuple[str, int]], str, bytes]:
    """What happened, the fault that ended it, and what was sent."""
    connection = Connection(SMALL)
    happened = []
    try:
        for piece in pieces:
            happened += [(event.name, stream.id) for event, stream in connection.receive(piece)]
    except ConnectionFault as fault:
        return happened, fault.text, b""
    return happened, "", connection.take_output()


@settings(max_examples=300, deadline=None)
@given(st.lists(frame, max_size=12).map(b"".join), st.integers(1, 50))
def test_the_same_bytes_mean_the_same_however_they_arrive(sent, size):
    sent = CONNECT + sent
    whole = outcome([sent])
    cut = outcome([sent[at : at + size] for at in range(0, len(sent), size)])
    assert cut[1:] == whole[1:]
    if not whole[1]:
        assert cut[0] == whole[0]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_noise_after_the_preface(noise):
    outcome([frames.PREFACE + noise])


@settings(max_examples=200, deadline=None)
@given(st.lists(frame, max_size=30).map(b"".join))
def test_nothing_is_kept_of_streams_that_are_gone(sent):
    connection = Connection(SMALL)
    try:
        connection.receive(CONNECT + sent)
    except ConnectionFault:
        return
    for stream in list(connection.streams.values()):
        connection.send_headers(stream, b"\x88", end=True)
    assert connection.streams == {}
    assert connection._waiting_bytes == 0
    assert connection._sender._blocked == {}
