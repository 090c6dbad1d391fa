"""Message classes of service.proto, made from its compiled descriptor (service.binpb).

The classes are built at import from the descriptor, so no generated Python code is kept; the stub
beside this file gives their types. `make proto` rewrites both after a change of the .proto file.
"""

from __future__ import annotations

from importlib.resources import files

from google.protobuf import descriptor_pool, message_factory

_FILE = descriptor_pool.Default().AddSerializedFile(
    files("polyrhythm.api").joinpath("service.binpb").read_bytes()
)

DESCRIPTOR = _FILE

globals().update(
    {
        name: message_factory.GetMessageClass(descriptor)
        for name, descriptor in _FILE.message_types_by_name.items()
    }
)
