"""What a client sends, as bytes, and what a server sent, as frames: for tests without I/O."""

from polyrhythm.transports.grpc.http2 import encode_header, frames
from polyrhythm.transports.grpc.http2.frames import Kind, encode_frame

CONNECT = frames.PREFACE + encode_frame(Kind.SETTINGS, 0, 0, b"")
PATH = b"/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo"


def request_block(path: bytes = PATH, *extra: tuple[bytes, bytes]) -> bytes:
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"here"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *extra,
    ]
    return b"".join(encode_header(name, value) for name, value in fields)


def headers(stream_id: int, block: bytes | None = None, end: bool = False) -> bytes:
    flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
    return encode_frame(Kind.HEADERS, flags, stream_id, block or request_block())


def data(stream_id: int, body: bytes, end: bool = True) -> bytes:
    return encode_frame(Kind.DATA, frames.END_STREAM if end else 0, stream_id, body)


def window(stream_id: int, more: int) -> bytes:
    return frames.encode_window(stream_id, more)


def settings(**values: int) -> bytes:
    return frames.encode_settings({frames.Setting[name.upper()]: v for name, v in values.items()})


def split_frames(output: bytes) -> list[tuple[Kind, int, int, bytes]]:
    """(kind, flags, stream, payload) of each frame."""
    found, at = [], 0
    while at < len(output):
        length = int.from_bytes(output[at : at + 3], "big")
        stream_id = int.from_bytes(output[at + 5 : at + 9], "big")
        payload = output[at + 9 : at + 9 + length]
        found.append((Kind(output[at + 3]), output[at + 4], stream_id, payload))
        at += 9 + length
    return found
