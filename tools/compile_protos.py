"""Compiles every .proto file of src/polyrhythm/api to a descriptor (.binpb) and a stub (.pyi).

With --check nothing is written: exit code 1 names the files that are not what their .proto says.
The descriptor is compared by meaning, so that another protoc release does not fail a build.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

API = Path(__file__).resolve().parent.parent / "src" / "polyrhythm" / "api"


def compile_proto(source: Path, out: Path) -> tuple[bytes, str]:
    """Return the serialized FileDescriptorProto and the stub of one .proto file."""
    descriptor_set = out / "set.binpb"
    arguments = [
        "protoc",
        f"-I{API}",
        f"--descriptor_set_out={descriptor_set}",
        f"--pyi_out={out}",
        str(source),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit(f"protoc refused {source.name}")
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set.read_bytes()).file
    stub = (out / f"{source.stem}_pb2.pyi").read_text()
    return files[-1].SerializeToString(deterministic=True), stub


def main(check: bool) -> int:
    """Compile all; return the exit code."""
    stale = []
    for source in sorted(API.glob("*.proto")):
        with tempfile.TemporaryDirectory() as folder:
            descriptor, stub = compile_proto(source, Path(folder))
        target = source.with_suffix(".binpb")
        if not check:
            target.write_bytes(descriptor)
            source.with_suffix(".pyi").write_text(stub)
        elif not target.exists() or target.read_bytes() != descriptor:
            stale.append(target.name)
    if stale:
        print("not up to date, run `make proto`:", ", ".join(stale))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
