"""Steps as plain processes of this user: no root view, no images, no network of their own.

The fallback where no sandbox can run. Every run begins with a line that says so. A step starts in
an empty folder, with few variables and a TMPDIR of its own; absolute paths are the host's. What
would need isolation is refused: mounts, inputs at absolute paths, Network.NONE. The tree of a step
is found by a variable that its processes inherit, so that a daemon that left its session ends too,
but a step outlives an engine that is killed.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from polyrhythm.base.errors import ExecutorUnavailable, StepRefused
from polyrhythm.executors.children import kill_group, marked, send
from polyrhythm.executors.copying import put_input
from polyrhythm.executors.pods import Plan, Runs, Volumes, check_step, not_started, start_run
from polyrhythm.executors.port import Network, PodSpec, Step, Traits
from polyrhythm.executors.running import ChildRun
from polyrhythm.executors.scratch import Scratch, remove_tree
from polyrhythm.executors.view import View

MARKER = "POLYRHYTHM_STEP"
KILL_SIGNAL = 9
# Of the engine's own environment: what programs need to start and to speak the user's language.
INHERITED = ("HOME", "LANG", "LC_ALL", "TZ", "USER")
REMARK = (
    "no isolation: this step runs as a plain process of this machine, and image {image!r} is not"
    " used (the sandbox executor needs bubblewrap)"
)


class ProcessExecutor:
    """The port's Executor over plain processes; files of pods go below `folder`."""

    def __init__(self, folder: str = "") -> None:
        self._scratch = Scratch(folder)
        self._pods: set[ProcessPod] = set()

    @property
    def traits(self) -> Traits:
        """See the port."""
        return Traits(
            private_root=False, images=False, ends_with_engine=False, private_network=False
        )

    async def open_pod(self, spec: PodSpec) -> ProcessPod:
        """See the port."""
        if spec.network is Network.NONE:
            raise ExecutorUnavailable("plain processes cannot be kept from the network")
        pod = ProcessPod(spec, self._scratch.new_folder())
        self._pods = {each for each in self._pods if not each.closed} | {pod}
        return pod

    async def close(self) -> None:
        """See the port."""
        for pod in self._pods:
            await pod.close()
        await asyncio.to_thread(self._scratch.close)


class ProcessPod:
    """A folder; its steps share nothing but the machine."""

    def __init__(self, spec: PodSpec, folder: str) -> None:
        self._folder = folder
        self._runs = Runs()
        Volumes(spec.volumes, folder)

    @property
    def closed(self) -> bool:
        """Its files are gone."""
        return self._runs.closed

    @property
    def address(self) -> str:
        """See the port."""
        return "127.0.0.1"

    async def start(self, step: Step) -> ChildRun:
        """See the port."""
        self._runs.check_open()
        check_step(step)
        if step.mounts:
            raise StepRefused(f"plain processes have no mounts: {step.mounts[0].path}")
        home = tempfile.mkdtemp(prefix="step-", dir=self._folder)
        for name in ("work", "tmp"):
            os.mkdir(os.path.join(home, name))
        own = View(os.path.join(home, "work"))
        for item in step.inputs:
            if item.path.startswith("/"):
                raise StepRefused(f"plain processes share the host's files: input {item.path}")
            await asyncio.to_thread(put_input, own, replace(item, path=f"/{item.path}"))
        run = self._start(step, home)
        self._runs.all.append(run)
        return run

    def _start(self, step: Step, home: str) -> ChildRun:
        folder = step.working_dir or os.path.join(home, "work")
        view = View("/", os.path.abspath(folder))
        words = [*step.command, *step.args]
        if step.script is not None:
            words.append(_script(step.script, home))
        if not words:
            raise StepRefused(
                "plain processes have no images, and so no entrypoint: the step names no command"
            )
        if not os.path.isdir(folder):
            return not_started(step, view, 126, f"chdir {folder}: no such file or directory")
        env = _environment(step, home)
        program, code, reason = view.find_program(words[0], env["PATH"].split(":"))
        if code:
            return not_started(step, view, code, reason)
        tree = MarkedTree(f"{MARKER}={env[MARKER]}".encode(), 0)
        beside = ProbePlace(step, home, folder)
        return start_run(
            Plan(
                step=step,
                view=view,
                words=[program, *words[1:]],
                env=env,
                folder=folder,
                tree=lambda pid: replace(tree, leader=pid),
                probe=beside.run,
                remark=REMARK.format(image=step.image),
            )
        )

    async def close(self) -> None:
        """See the port."""
        await self._runs.close()
        await asyncio.to_thread(remove_tree, self._folder)


@dataclass(slots=True)
class MarkedTree:
    """Processes that inherited the marker of a step, and the group of its first one."""

    marker: bytes
    leader: int

    def pids(self) -> list[int]:
        """See Tree."""
        return marked(self.marker)

    def kill(self) -> None:
        """See Tree."""
        kill_group(self.leader)
        self.sweep()

    def sweep(self) -> None:
        """See Tree. A fork may be missed by one look, so that it is looked for until none is."""
        for _ in range(100):
            left = [pid for pid in self.pids() if not _is_dead(pid)]
            if not left:
                break
            send(left, KILL_SIGNAL)


@dataclass(slots=True)
class ProbePlace:
    """Where probes of a step run: its folder and its environment, with a marker of their own."""

    step: Step
    home: str
    folder: str

    async def run(self, command: Sequence[str], timeout_ns: int) -> int:
        """See the port's probe."""
        probe = replace(self.step, stdin=b"", timeout_ns=timeout_ns)
        env = _environment(probe, self.home)
        marker = f"{MARKER}={env[MARKER]}".encode()
        view = View("/", self.folder)
        program, code, _ = view.find_program(command[0], env["PATH"].split(":"))
        if code:
            return code
        plan = Plan(
            step=replace(probe, grace_ns=0),
            view=view,
            words=[program, *command[1:]],
            env=env,
            folder=self.folder,
            tree=lambda pid: MarkedTree(marker, pid),
            probe=self.run,
        )
        return (await start_run(plan).wait()).exit_code


def _is_dead(pid: int) -> bool:
    with suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    return True


def _script(script: bytes, home: str) -> str:
    path = os.path.join(home, "script")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755), "wb") as file:
        file.write(script)
    return path


def _environment(step: Step, home: str) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env["PATH"] = f"{path}:{os.path.dirname(sys.executable)}"
    env["TMPDIR"] = os.path.join(home, "tmp")
    env.update(step.env)
    env[MARKER] = secrets.token_hex(16)
    return env
