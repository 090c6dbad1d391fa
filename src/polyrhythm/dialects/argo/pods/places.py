"""Where files of runs lie on this machine: logs, artifacts, volumes, all below one folder.

Keys and names come from manifests: each is cleaned, and none leads out of its folder.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLAIN = re.compile(r"[^-\w.]")


class PlaceError(Exception):
    """A key that leads out of its folder, or to nothing."""


class Places:
    """Folders below a root; made when they are first used."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).resolve()

    def log(self, uid: str, node: str, container: str) -> Path:
        """The log of a container."""
        return self._below("logs", uid, node, f"{container}.log")

    def logs(self, uid: str, node: str) -> Path:
        """The folder of the logs of a node."""
        return self._below("logs", uid, node)

    def claim(self, uid: str, name: str) -> Path:
        """The volume of a claim; an empty `uid` is one that outlives workflows."""
        folder = self._below("volumes", uid or "shared", name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def artifact(self, key: str) -> Path:
        """The file or folder of a key of the store. Raises PlaceError."""
        parts = [part for part in key.split("/") if part not in ("", ".")]
        if not parts or ".." in parts or "\0" in key:
            raise PlaceError(f"the key {key!r} leads nowhere in the store")
        return self.root.joinpath("artifacts", *parts)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder that is deleted at the end."""
        parent = self.root / "scratch"
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def forget(self, uid: str) -> None:
        """Delete the volumes of a workflow that has ended."""
        shutil.rmtree(self._below("volumes", uid), ignore_errors=True)

    def _below(self, *names: str) -> Path:
        return self.root.joinpath(*(_plain(name) for name in names))


def _plain(name: str) -> str:
    return PLAIN.sub("_", name).lstrip(".") or "_"


def move(source: Path, target: Path) -> None:
    """Put a file or folder in place of whatever is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    os.replace(source, target)
