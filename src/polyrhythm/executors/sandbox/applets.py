"""The busybox of a root view: its folder of links, with applets that a row of the table replaces.

The shell of Debian's busybox runs an applet before it looks at PATH, so that a program of a row
with the name of an applet (`nc`, a `sleep` of a test) would never be found. The copy that steps
see therefore has these names spelt so that nobody calls them, in the sorted list of names that it
searches, and of the same length. The copy that starts steps, `/opt/image/busybox`, is left whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

from polyrhythm.base.errors import ExecutorUnavailable

PROGRAM_MODE = 0o755


def make_applets(busybox: str, folder: str, replaced: Collection[str]) -> None:
    """A folder with a busybox and a link for each of its applets."""
    names = set(_names(busybox)) - {"busybox"}
    if "sh" not in names:
        raise ExecutorUnavailable(f"{busybox} has no sh: busybox-static is needed")
    os.mkdir(folder)
    hidden = sorted(names & set(replaced) - {"sh"})
    if hidden:
        Path(f"{folder}/busybox").write_bytes(hide_applets(Path(busybox).read_bytes(), hidden))
    else:
        shutil.copyfile(busybox, f"{folder}/busybox")
    os.chmod(f"{folder}/busybox", PROGRAM_MODE)
    for name in names - set(hidden):
        os.symlink("busybox", f"{folder}/{name}")


def hide_applets(data: bytes, names: Collection[str]) -> bytes:
    """A busybox in which applets have other names; one whose name is not found once stays."""
    for name in names:
        entry = b"\0" + name.encode() + b"\0"
        if data.count(entry) != 1:
            continue
        at = data.index(entry) + 1
        end = at + len(name)
        before = data[data.rindex(b"\0", 0, at - 1) + 1 : at - 1]
        after = data[end + 1 : data.index(b"\0", end + 1)]
        # Best a sign that is in no name of a command; a letter where the order leaves no sign.
        for last in sorted(range(0x21, 0x7F), key=lambda code: chr(code).isalnum()):
            spelt = data[at : end - 1] + bytes([last])
            if before < spelt < after and spelt != data[at:end]:
                data = data[:at] + spelt + data[end:]
                break
    return data


def _names(busybox: str) -> list[str]:
    listed = subprocess.run(  # noqa: S603  (the busybox that was found at the start)
        [busybox, "--list"], capture_output=True, text=True, check=False
    )
    return listed.stdout.split()
