"""Steps in bubblewrap: root view, processes, hostname and, if asked, network of their own.

bwrap runs a shell of busybox as the first process of the sandbox, which starts the command, reaps
what loses its parent and ends with the command's code; when it ends the kernel ends all others,
and bwrap only then, so that its usage is that of the whole tree and nothing outlives it. bwrap
dies with the engine's thread, and the sandbox with bwrap: two attempts never overlap.

bwrap itself gets an empty environment, and its options through a descriptor: variables of a step
cannot change what runs outside of the sandbox, and show in no list of processes.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from polyrhythm.base.errors import ExecutorUnavailable
from polyrhythm.executors.port import PodSpec, Traits
from polyrhythm.executors.sandbox.images import ImageTable
from polyrhythm.executors.sandbox.pod import SandboxPod
from polyrhythm.executors.sandbox.roots import Roots, find_program
from polyrhythm.executors.scratch import Scratch

# Namespaces of every step; the first is left out where the system forbids it to root.
USER = ("--unshare-user", "--uid", "0", "--gid", "0")
ALWAYS = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--as-pid-1")
TRY_S = 20


class SandboxExecutor:
    """The port's Executor over bubblewrap; files of pods go below `folder`."""

    def __init__(self, folder: str = "", images: Path | None = None) -> None:
        """ExecutorUnavailable when bubblewrap or busybox is absent or may not make namespaces."""
        self._options = usable_options(find_program("bwrap"), find_program("busybox"))
        self.images = ImageTable(images)
        self._scratch = Scratch(folder)
        self._roots = Roots(self._scratch.path, find_program("busybox"))
        self._pods: set[SandboxPod] = set()

    @property
    def traits(self) -> Traits:
        """See the port."""
        return Traits(private_root=True, images=True, ends_with_engine=True, private_network=True)

    async def open_pod(self, spec: PodSpec) -> SandboxPod:
        """See the port."""
        pod = SandboxPod(spec, self._scratch.new_folder(), self._roots, self.images, self._options)
        self._pods = {each for each in self._pods if not each.closed} | {pod}
        return pod

    async def close(self) -> None:
        """See the port."""
        for pod in self._pods:
            await pod.close()
        await asyncio.to_thread(self._scratch.close)


def usable_options(bwrap: str, busybox: str) -> tuple[str, ...]:
    """The beginning of every bwrap command that works here; ExecutorUnavailable when none does."""
    said = ""
    for user in (USER, ()):
        options = (bwrap, *user, *ALWAYS, "--cap-drop", "ALL")
        trial = [*options, "--ro-bind", busybox, "/busybox", "--proc", "/proc", "--dev", "/dev"]
        done = subprocess.run(  # noqa: S603  (the bwrap that was found on PATH)
            [*trial, "/busybox", "true"], env={}, capture_output=True, timeout=TRY_S, check=False
        )
        if done.returncode == 0:
            return options
        said = done.stderr.decode(errors="replace").strip()
        if os.getuid():
            break
    raise ExecutorUnavailable(f"bubblewrap cannot make a sandbox on this machine: {said}")
