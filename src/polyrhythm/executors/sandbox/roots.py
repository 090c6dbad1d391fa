"""Root views: what a step finds at `/` for a row of the table of images.

What is alike for all steps of an image is made once: `/opt/image` with the busybox that starts and
reaps the step, and with the programs of the row. Each step then gets a fresh directory with a few
folders and files of /etc, over which programs of the host are seen read-only. Nothing of the
host's homes, of its /tmp, /var or /run is ever seen.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from polyrhythm.base.errors import ExecutorUnavailable, ImageUnknown
from polyrhythm.executors.sandbox.applets import PROGRAM_MODE, make_applets
from polyrhythm.executors.sandbox.images import Image
from polyrhythm.executors.view import Bind, View

OWN_PROGRAMS = Path(__file__).parent / "programs"
IMAGE_FOLDER = "/opt/image"
APPLETS_PATH = "/opt/image/bin:/usr/local/bin:/bin:/usr/bin:/sbin:/usr/sbin"
HOST_PATH = "/opt/image/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Folders of the host that hold programs and what they load; links on systems with one /usr.
HOST_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Of the host's /etc: what programs need to load libraries, to check certificates and to know the
# machine, and nothing about its users or secrets.
HOST_ETC = (
    "alternatives ca-certificates ca-certificates.conf ld.so.cache ld.so.conf ld.so.conf.d"
    " localtime mime.types os-release pki protocols services ssl/certs ssl/openssl.cnf"
).split()
USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUPS = "root:x:0:\nnogroup:x:65534:\n"
FOLDERS = (
    "dev",
    "etc",
    "home",
    "mnt",
    "opt",
    "proc",
    "root",
    "run",
    "srv",
    "usr",
    "var",
)
NEEDED = "install it with: apt-get install bubblewrap busybox-static"
OPEN_FOLDERS = ("tmp", "var/tmp")
OPEN_MODE = 0o1777


@dataclass(slots=True)
class Root:
    """An image made ready: what every step of it sees, and its PATH."""

    image: Image
    binds: list[Bind]
    links: dict[str, str]
    path: str


@dataclass(slots=True)
class Roots:
    """Roots of images, made at their first use below `folder`."""

    folder: str
    busybox: str
    ready: dict[tuple[str, int, str], Root] = field(default_factory=dict)
    made: int = 0

    def root(self, image: Image) -> Root:
        """The root of an image. ImageUnknown: a program of its row is not on this machine."""
        key = (image.origin, image.number, repr(image))
        if key not in self.ready:
            self.ready[key] = self._make(image)
        return self.ready[key]

    def new_view(self, root: Root, folder: str, hostname: str, image_name: str) -> View:
        """A fresh root view in `folder` of the host."""
        os.mkdir(folder, 0o755)
        for name in FOLDERS:
            os.mkdir(f"{folder}/{name}", 0o755)
        for name in OPEN_FOLDERS:
            os.mkdir(f"{folder}/{name}")
            os.chmod(f"{folder}/{name}", OPEN_MODE)
        hosts = f"127.0.0.1 localhost {hostname}\n::1 localhost\n"
        files = {"passwd": USERS, "group": GROUPS, "hosts": hosts, "hostname": f"{hostname}\n"}
        if not root.image.host:
            files["os-release"] = _os_release(image_name)
        for name, text in files.items():
            with open(f"{folder}/etc/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        for path, target in root.links.items():
            os.makedirs(os.path.dirname(folder + path), exist_ok=True)
            os.symlink(target, folder + path)
        view = View(folder)
        for bind in root.binds:
            _make_point(folder, bind)
            view.add(bind)
        return view

    def _make(self, image: Image) -> Root:
        self.made += 1
        folder = f"{self.folder}/image-{self.made}"
        os.makedirs(f"{folder}/bin")
        shutil.copyfile(self.busybox, f"{folder}/busybox")
        os.chmod(f"{folder}/busybox", PROGRAM_MODE)
        binds = [Bind(IMAGE_FOLDER, folder)]
        links = dict(image.links)
        if image.host:
            binds += _host_binds(image.applets, links)
        if image.applets:
            make_applets(self.busybox, f"{folder}/applets", image.programs)
            binds.append(Bind("/bin", f"{folder}/applets"))
            links.setdefault("/sbin", "bin")
            if not image.host:
                links |= {"/usr/bin": "../bin", "/usr/sbin": "../bin"}
        for name, program in image.programs.items():
            binds += _add_program(image, name, program, f"{folder}/bin/{name}")
        for path in image.binds:
            if not os.path.exists(path):
                raise ImageUnknown(f"{image.origin}: image {image.number}: there is no {path}")
            binds.append(Bind(path, os.path.realpath(path)))
        for name in (*HOST_ETC * image.host, *image.etc, "resolv.conf"):
            if os.path.exists(f"/etc/{name}"):
                binds.append(Bind(f"/etc/{name}", os.path.realpath(f"/etc/{name}")))
        binds.sort(key=lambda bind: bind.path.count("/"))
        return Root(image, binds, links, HOST_PATH if not image.applets else APPLETS_PATH)


def _host_binds(has_applets: bool, links: dict[str, str]) -> list[Bind]:
    """/usr of the host, and the folders that are links into it on most systems."""
    binds = [Bind("/usr", "/usr")]
    for name in HOST_FOLDERS:
        path = f"/{name}"
        if has_applets and name in ("bin", "sbin"):
            continue
        if os.path.islink(path):
            links[path] = os.readlink(path)
        elif os.path.isdir(path):
            binds.append(Bind(path, path))
    return binds


def _add_program(image: Image, name: str, program: str, target: str) -> list[Bind]:
    """Put one program of a row at `target`, and return what has to be seen for it to run."""
    where = f"{image.origin}: image {image.number}"
    if program == "@python":
        prefix = os.path.realpath(sys.base_prefix)
        os.symlink(f"{prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}", target)
        return [] if prefix == "/usr" else [Bind(prefix, prefix)]
    if program.startswith("@"):
        source = OWN_PROGRAMS / program[1:]
        if program[1:] not in os.listdir(OWN_PROGRAMS):
            raise ImageUnknown(f"{where}: no program {program!r} comes with the sandbox")
        shutil.copyfile(source, target)
        os.chmod(target, PROGRAM_MODE)
        return []
    found = shutil.which(program)
    if not image.host or found is None:
        reason = "is not installed on this machine" if image.host else "needs host = true"
        raise ImageUnknown(f"{where}: the program {program!r} for {name!r} {reason}")
    seen = ("/usr", *(f"/{folder}" for folder in HOST_FOLDERS), *image.binds)
    if not any(found.startswith(f"{folder}/") for folder in seen):
        raise ImageUnknown(f"{where}: {found} is outside of /usr; name its folder in binds = [...]")
    os.symlink(found, target)
    return []


def _make_point(folder: str, bind: Bind) -> None:
    """Something empty to bind over, in a root view that no step has touched yet."""
    point = folder + bind.path
    if os.path.lexists(point):
        return
    if os.path.isdir(bind.host):
        os.makedirs(point)
    else:
        os.makedirs(os.path.dirname(point), exist_ok=True)
        Path(point).touch()


def _os_release(image_name: str) -> str:
    """What steps that ask which system they are on are told: a busybox in place of an image."""
    plain = "".join(c for c in image_name if c.isalnum() or c in "/:._-")
    system = plain.rpartition("/")[2].partition(":")[0].lower()
    return f'NAME="{system}"\nID={system}\nPRETTY_NAME="{plain} (programs of the host)"\n'


def find_program(name: str) -> str:
    """The path of a program that the sandbox needs."""
    found = shutil.which(name)
    if found is None:
        raise ExecutorUnavailable(f"{name} is not on this machine; {NEEDED}")
    return found
