"""Copies of files and directories between the host and the view of a step, within limits.

Descriptors are walked on both sides, never paths, so that a step that still runs cannot swap a
directory for a link while it is copied. A symbolic link is kept as a link, and only if it is
relative and stays inside of what is copied; devices, sockets and pipes are refused.
"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass, field
from posixpath import basename, dirname, join, normpath

from polyrhythm.base.errors import OutputRefused, StepRefused
from polyrhythm.base.limits import COPY_BYTES_MAX, COPY_DEPTH_MAX, COPY_ENTRIES_MAX
from polyrhythm.executors.port import Copied, Input
from polyrhythm.executors.view import Bind, View, open_file

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
CHUNK_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Copy:
    """One copy under way: what it is called in messages, and how much it has copied."""

    path: str
    binds: dict[str, Bind] = field(default_factory=dict)
    entries: int = 0
    files: int = 0
    bytes: int = 0
    # Names from the top of the copy down to where it is.
    names: list[str] = field(default_factory=list)

    def folder(self, source: int, target: int) -> None:
        """Copy what is in one directory into another."""
        if len(self.names) > COPY_DEPTH_MAX:
            raise OutputRefused(f"{self.path} is deeper than {COPY_DEPTH_MAX} directories")
        for name in sorted(os.listdir(source)):
            self.entries += 1
            if self.entries > COPY_ENTRIES_MAX:
                raise OutputRefused(f"{self.path} has more than {COPY_ENTRIES_MAX} entries")
            inner = self._open(source, name)
            try:
                self._entry(inner, name, target)
            finally:
                os.close(inner)

    def file(self, source: int, name: str, target: int, mode: int = 0) -> None:
        """Copy a regular file; its sparse parts count, as they would be written."""
        mode = mode or stat.S_IMODE(os.fstat(source).st_mode) & 0o777
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        reader = os.fdopen(open_file(source, self._label(name)), "rb")
        with reader, os.fdopen(os.open(name, flags, 0o600, dir_fd=target), "wb") as writer:
            os.fchmod(writer.fileno(), mode)
            while chunk := reader.read(CHUNK_BYTES):
                self.bytes += len(chunk)
                if self.bytes > COPY_BYTES_MAX:
                    raise OutputRefused(f"{self.path} has more than {COPY_BYTES_MAX} bytes")
                writer.write(chunk)
        self.files += 1

    def _entry(self, inner: int, name: str, target: int) -> None:
        mode = os.fstat(inner).st_mode
        if stat.S_ISDIR(mode):
            os.mkdir(name, dir_fd=target)
            self.names.append(name)
            self.sub_folder(inner, os.open(name, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=target))
            self.names.pop()
        elif stat.S_ISLNK(mode):
            text = os.readlink("", dir_fd=inner)
            inside = normpath(join("/top", *self.names, text))
            if text.startswith("/") or not f"{inside}/".startswith("/top/"):
                raise OutputRefused(
                    f"{self._label(name)} is a symbolic link that leads outside, to {text}"
                )
            os.symlink(text, name, dir_fd=target)
        else:
            self.file(inner, name, target)

    def sub_folder(self, source: int, target: int) -> None:
        """`folder` for an O_PATH descriptor; closes `target`."""
        try:
            opened = os.open(f"/proc/self/fd/{source}", FOLDER_FLAGS)
            try:
                self.folder(opened, target)
            finally:
                os.close(opened)
        finally:
            os.close(target)

    def _open(self, source: int, name: str) -> int:
        bind = self.binds.get(join(self.path, *self.names, name))
        if bind is not None:
            return os.open(bind.host, os.O_PATH | os.O_CLOEXEC)
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)

    def _label(self, name: str) -> str:
        return "/".join([self.path.rstrip("/"), *self.names, name])


def copy_out(view: View, path: str, target: str) -> Copied:
    """Copy a file or directory of a step to `target` of the host; on an error nothing is left."""
    if os.path.lexists(target):
        raise StepRefused(f"{target} is there already")
    with view.found(path) as (fd, seen):
        is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        copy = _Copy(seen if is_folder else dirname(seen), view.binds)
        try:
            if is_folder:
                os.mkdir(target)
                copy.sub_folder(fd, os.open(target, FOLDER_FLAGS))
            else:
                above = os.open(dirname(target) or ".", FOLDER_FLAGS)
                try:
                    copy.file(fd, basename(target), above)
                finally:
                    os.close(above)
        except BaseException:
            _remove(target)
            raise
    return Copied(is_folder, copy.files, copy.bytes)


def put_input(view: View, item: Input) -> None:
    """Put one input in place in the step's own files; what is there already is replaced."""
    if not item.source:
        with os.fdopen(view.create(item.path, item.mode or 0o644), "wb") as writer:
            writer.write(item.data)
        return
    try:
        source = os.open(item.source, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise StepRefused(f"input {item.path}: {item.source}: {error.strerror}") from None
    try:
        copy = _Copy(item.source)
        if stat.S_ISDIR(os.fstat(source).st_mode):
            copy.sub_folder(source, view.open_folder(item.path))
        else:
            copy.path = dirname(item.source)
            folder, name = view.make_way(item.path)
            try:
                copy.file(source, name, folder, item.mode)
            finally:
                os.close(folder)
    except OutputRefused as error:
        raise StepRefused(f"input {item.path}: {error.message}") from None
    except OSError as error:
        raise StepRefused(f"input {item.path}: {error.strerror}") from None
    finally:
        os.close(source)


def _remove(target: str) -> None:
    if os.path.isdir(target) and not os.path.islink(target):
        shutil.rmtree(target, ignore_errors=True)
    elif os.path.lexists(target):
        os.unlink(target)
