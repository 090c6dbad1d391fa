"""Archives of artifacts: made as tgz, zip or not at all; unpacked inside of one folder only.

Members with absolute names, with `..`, links that lead outside, devices, and more than the limits
are refused: an archive is somebody's file.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from polyrhythm.base.limits import ARCHIVE_BYTES_MAX, ARCHIVE_MEMBERS_MAX
from polyrhythm.dialects.argo.model.yaml_text import Tree

GZIP, ZIP, TAR_AT, TAR = b"\x1f\x8b", b"PK\x03\x04", 257, b"ustar"

# What the readers of archives raise for bytes that are none, are cut short or are encrypted.
UNREADABLE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error),
    *(EOFError, OSError, RuntimeError, NotImplementedError),
)


class ArchiveError(Exception):
    """An archive that is refused, or no archive."""


def pack(source: Path, name: str, archive: Tree, target: Path) -> None:
    """Make the archive of a file or folder as an artifact asks for it; `name` is its only entry."""
    if archive.get("none") is not None:
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copyfile(source, target)
    elif archive.get("zip") is not None:
        _zip(source, name, target)
    else:
        level = (archive.get("tar") or {}).get("compressionLevel")
        if level == 0:
            with tarfile.open(target, "w") as plain:
                plain.add(source, name)
        else:
            _tgz(source, name, target, 6 if level is None else max(1, min(int(level), 9)))


def _tgz(source: Path, name: str, target: Path, level: int) -> None:
    with tarfile.open(target, "w:gz", compresslevel=level) as packed:
        packed.add(source, name)


def _zip(source: Path, name: str, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        if not source.is_dir():
            packed.write(source, name)
            return
        for folder, _, files in os.walk(source):
            inner = Path(name) / Path(folder).relative_to(source)
            packed.write(folder, str(inner))
            for file in files:
                packed.write(os.path.join(folder, file), str(inner / file))


def unpack(source: Path, folder: Path, archive: Tree) -> Path:
    """What an artifact is once unpacked into an empty folder; itself when it is no archive."""
    if source.is_dir() or archive.get("none") is not None:
        return source
    with source.open("rb") as file:
        head = file.read(TAR_AT + len(TAR))
    try:
        if head.startswith(GZIP) or head[TAR_AT:] == TAR:
            _untar(source, folder)
        elif head.startswith(ZIP):
            _unzip(source, folder)
        else:
            return source
    except UNREADABLE as error:
        raise ArchiveError(f"the archive cannot be unpacked: {error}") from None
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 else folder


def _untar(source: Path, folder: Path) -> None:
    count = size = 0
    with tarfile.open(source, "r:*") as packed:
        for member in packed:
            count, size = count + 1, size + member.size
            _check(count, size)
            packed.extract(member, folder, filter="data")


def _unzip(source: Path, folder: Path) -> None:
    with zipfile.ZipFile(source) as packed:
        members = packed.infolist()
        _check(len(members), sum(member.file_size for member in members))
        for member in members:
            parts = Path(member.filename).parts
            if member.filename.startswith("/") or ".." in parts:
                raise ArchiveError(f"the archive's member {member.filename!r} leads outside")
            packed.extract(member, folder)


def _check(count: int, size: int) -> None:
    if count > ARCHIVE_MEMBERS_MAX:
        raise ArchiveError(f"the archive has more than {ARCHIVE_MEMBERS_MAX} members")
    if size > ARCHIVE_BYTES_MAX:
        raise ArchiveError(f"the archive holds more than {ARCHIVE_BYTES_MAX} bytes")
