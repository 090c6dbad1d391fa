"""Values to payloads and back, as every Temporal SDK reads and writes them.

`converter.py` is the door; `write.py` and `read.py` are JSON with types, `shapes.py` the types that
the fast reader refuses, `codec.py` encryption and compression on the way out and in.
"""

from polyrhythm.sdk.values.codec import Codec, decode_message, encode_message
from polyrhythm.sdk.values.converter import Converter
from polyrhythm.sdk.values.custom import Custom

__all__ = ["Codec", "Converter", "Custom", "decode_message", "encode_message"]
