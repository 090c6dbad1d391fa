"""Archives that somebody made to do harm: refused, and nothing is written outside the folder."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from polyrhythm.base.limits import ARCHIVE_BYTES_MAX, ARCHIVE_MEMBERS_MAX
from polyrhythm.dialects.argo.pods.archives import ArchiveError, unpack


def tar_of(*members: tuple[str, bytes, str]) -> bytes:
    """A tar of (name, type, link target)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            info.size = 4 if kind == tarfile.REGTYPE else 0
            packed.addfile(info, io.BytesIO(b"evil"[: info.size]))
    return made.getvalue()


def zip_of(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for name in names:
            packed.writestr(name, "evil")
    return made.getvalue()


def huge_tar() -> bytes:
    """A header alone: it says that more follows than may be unpacked."""
    info = tarfile.TarInfo("huge")
    info.size = ARCHIVE_BYTES_MAX + 1
    return info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 1024


def crowded_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for number in range(ARCHIVE_MEMBERS_MAX + 1):
            packed.writestr(str(number), "")
    return made.getvalue()


REG, LINK, HARD, DEVICE = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE


@pytest.mark.parametrize(
    "data",
    [
        tar_of(("../out", REG, "")),
        tar_of(("a/../../out", REG, "")),
        tar_of(("link", LINK, "/etc"), ("link/passwd", REG, "")),
        tar_of(("link", LINK, "../../out")),
        tar_of(("hard", HARD, "../out")),
        tar_of(("zero", DEVICE, "")),
        zip_of("../out"),
        zip_of("/out"),
        huge_tar(),
        tar_of(("a", REG, ""))[:-20],
        b"\x1f\x8b" + b"\xff" * 100,
        b"PK\x03\x04" + b"\0" * 50,
    ],
)
def test_hostile_archives_are_refused(tmp_path: Path, data: bytes) -> None:
    source, folder = tmp_path / "source", tmp_path / "in" / "folder"
    source.write_bytes(data)
    folder.mkdir(parents=True)
    with pytest.raises(ArchiveError):
        unpack(source, folder, {})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "source"]
    assert [each.name for each in (tmp_path / "in").iterdir()] == ["folder"]


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "folder"
    source.write_bytes(crowded_zip())
    folder.mkdir()
    with pytest.raises(ArchiveError, match="more than"):
        unpack(source, folder, {})
    assert list(folder.iterdir()) == []


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "folder"
    source.write_bytes(tar_of(("/etc/evil", REG, "")))
    folder.mkdir()
    unpack(source, folder, {})
    assert (folder / "etc/evil").read_bytes() == b"evil"


def test_what_is_no_archive_is_itself(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "folder"
    source.write_bytes(b"plain")
    folder.mkdir()
    assert unpack(source, folder, {}) == source
