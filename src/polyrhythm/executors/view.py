"""The files of a step as the step sees them: paths are walked inside its view, never on the host.

A view is a directory that stands for `/`, and binds: paths at which something else of the host is
seen. Every component is opened without following links; a link is then followed by hand inside
the view, as the kernel would in the step's root, so that no link and no `..` leads to a file of
the host, also while the step goes on changing its files. Writing follows no links at all.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from posixpath import basename, dirname, join, normpath

from polyrhythm.base.errors import OutputMissing, OutputRefused, StepRefused

LINKS_MAX = 40  # as many as Linux follows for one path


@dataclass(slots=True)
class Bind:
    """`host` of this machine is what the step sees at `path`."""

    path: str
    host: str
    read_only: bool = True


@dataclass(slots=True)
class View:
    """`root` of the host is the step's `/`; binds hide what is beneath them."""

    root: str
    working_dir: str = "/"
    binds: dict[str, Bind] = field(default_factory=dict)

    def add(self, bind: Bind) -> None:
        """See `bind.host` at `bind.path`, which is absolute and has no `..`."""
        self.binds[bind.path] = bind

    @contextmanager
    def found(self, path: str) -> Iterator[tuple[int, str]]:
        """An O_PATH descriptor of what the step sees at `path`, and the path without its links."""
        stack = _Stack(self)
        try:
            stack.walk(join(self.working_dir, path))
            yield stack.fds[-1], stack.path
        except OSError as error:
            raise _refusal(path, error) from None
        finally:
            stack.close()

    def read(self, path: str, bytes_max: int) -> bytes:
        """A regular file of at most `bytes_max`."""
        with self.found(path) as (fd, _), os.fdopen(open_file(fd, path), "rb") as file:
            data = file.read(bytes_max + 1)
        if len(data) > bytes_max:
            raise OutputRefused(f"{path} is larger than {bytes_max} bytes")
        return data

    def find_program(self, name: str, search: Sequence[str]) -> tuple[str, int, str]:
        """Where the step would find a program: path, exit code if it would not, and the reason.

        Exit codes and reasons are those of container runtimes.
        """
        places = [name] if "/" in name else [join(folder, name) for folder in search if folder]
        refused = ""
        for place in places:
            try:
                with self.found(place) as (fd, _):
                    mode = os.fstat(fd).st_mode
            except (OutputMissing, OutputRefused):
                continue
            if stat.S_ISREG(mode) and mode & 0o111:
                return place, 0, ""
            refused = place
        if "/" in name:
            reason = "permission denied" if refused else "no such file or directory"
        else:
            reason = "executable file not found in $PATH"
        return "", 126 if refused and "/" in name else 127, f'exec: "{name}": {reason}'

    def open_folder(self, path: str) -> int:
        """A directory of the step's own files, created with those above it; links are refused.

        The caller closes the descriptor.
        """
        return self._folder(clean_path(path))

    def host_path(self, path: str) -> str:
        """Where on the host a file or directory is; a directory is created if nothing is there.

        StepRefused for links on the way, which somebody may have put there to lead outside.
        """
        path = clean_path(path)
        if path == "/":
            return self.root
        parent = self._folder(dirname(path))
        try:
            mode = os.stat(basename(path), dir_fd=parent, follow_symlinks=False).st_mode
            if not stat.S_ISREG(mode):
                os.close(self._folder(path))
        except FileNotFoundError:
            os.close(self._folder(path))
        finally:
            os.close(parent)
        return self.root + path

    def make_way(self, path: str) -> tuple[int, str]:
        """The directory of a file that is about to be written, and its name; what was there goes.

        The caller closes the descriptor.
        """
        path = clean_path(path)
        if path in self.binds or path == "/":
            raise StepRefused(f"{path} is mounted: nothing can be put in its place")
        parent = self._folder(dirname(path))
        try:
            os.unlink(basename(path), dir_fd=parent)
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(parent)
            raise _not_written(path, error) from None
        return parent, basename(path)

    def create(self, path: str, mode: int) -> int:
        """A file open for writing, with the directories above it; the caller closes it."""
        parent, name = self.make_way(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, mode, dir_fd=parent)
            os.fchmod(fd, mode)
            return fd
        except OSError as error:
            raise _not_written(path, error) from None
        finally:
            os.close(parent)

    def _folder(self, path: str) -> int:
        """A descriptor of a directory of the step's own files, which is created if absent."""
        at = "/"
        fd = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in [part for part in path.split("/") if part]:
                at = join(at, name)
                fd = self._step_into(fd, at, name)
        except OSError as error:
            os.close(fd)
            raise _not_written(path, error) from None
        except StepRefused:
            os.close(fd)
            raise
        return fd

    def _step_into(self, fd: int, at: str, name: str) -> int:
        bind = self.binds.get(at)
        if bind is not None:
            if bind.read_only:
                raise StepRefused(f"{at} of this image is read-only: nothing can be put there")
            inner = os.open(bind.host, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        else:
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                inner = os.open(name, flags, dir_fd=fd)
            except FileNotFoundError:
                os.mkdir(name, 0o755, dir_fd=fd)
                inner = os.open(name, flags, dir_fd=fd)
        os.close(fd)
        return inner


@dataclass(slots=True)
class _Stack:
    """Descriptors of the directories from `/` to where a walk is."""

    view: View
    fds: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return "/" + "/".join(self.names)

    def walk(self, path: str) -> None:
        self.fds.append(os.open(self.view.root, os.O_PATH | os.O_CLOEXEC))
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                self.up()
                continue
            fd = self.open(name)
            self.fds.append(fd)
            self.names.append(name)
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                links += 1
                if links > LINKS_MAX:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                target = os.readlink("", dir_fd=fd)
                self.up()
                while target.startswith("/") and self.names:
                    self.up()
                todo += target.split("/")[::-1]

    def open(self, name: str) -> int:
        bind = self.view.binds.get(join(self.path, name))
        if bind is not None:
            return os.open(bind.host, os.O_PATH | os.O_CLOEXEC)
        return os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fds[-1])

    def up(self) -> None:
        if self.names:
            self.names.pop()
            os.close(self.fds.pop())

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


def open_file(fd: int, path: str) -> int:
    """Open a regular file for reading by its O_PATH descriptor; OutputRefused for anything else."""
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise OutputRefused(f"{path} is {kind}")
    return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)


def clean_path(path: str) -> str:
    """An absolute path without `.`; StepRefused when it is relative, has `..` or a NUL byte."""
    if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise StepRefused(f"{path!r} is no absolute path without '..'")
    return "/" + normpath(path).lstrip("/")


def clean_sub_path(path: str) -> str:
    """A path below a volume; StepRefused when it is absolute or leaves it."""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise StepRefused(f"{path!r} is no path inside a volume")
    return normpath(path) if path else ""


def _refusal(path: str, error: OSError) -> Exception:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return OutputMissing(f"{path}: no such file or directory")
    return OutputRefused(f"{path}: {error.strerror}")


def _not_written(path: str, error: OSError) -> StepRefused:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return StepRefused(f"{path} leads through a symbolic link or a file")
    return StepRefused(f"{path} cannot be put in place: {error.strerror}")
