"""A pod of sandboxes: volumes and a loopback that its steps share, a root view for each step.

A pod without network has one network namespace as long as any step of it runs: the first step
makes it, later ones join that of a step that still runs. Paths of mounts and inputs are checked in
the view of the step before anything runs; the root view, the host's programs and the volumes are
all that bwrap is told about.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from polyrhythm.base.errors import OutputMissing, OutputRefused, StepRefused
from polyrhythm.executors.children import descendants, send
from polyrhythm.executors.copying import put_input
from polyrhythm.executors.pods import Plan, Runs, Volumes, check_step, not_started, start_run
from polyrhythm.executors.port import Input, Mount, Network, PodSpec, Step
from polyrhythm.executors.running import ChildRun
from polyrhythm.executors.sandbox.images import ImageTable
from polyrhythm.executors.sandbox.roots import IMAGE_FOLDER, Root, Roots, find_program
from polyrhythm.executors.scratch import remove_tree
from polyrhythm.executors.view import Bind, View, clean_path, clean_sub_path

SCRIPT = "/.step/script"
# Starts the command with the streams of the step, keeps none of them, ends with its code.
FIRST_PROCESS = (
    'ulimit -c 0; exec 3<&0 4>&2 2>/dev/null; "$@" <&3 2>&4 3<&- 4>&- & '
    "exec 0<&- 1>&- 3<&- 4>&-; wait $!"
)
RESERVED = ("/proc", "/dev", "/sys", IMAGE_FOLDER, "/.step")
HOSTNAME_LENGTH_MAX = 63
SPACES = ("user", "net")
OPEN = os.O_RDONLY | os.O_CLOEXEC
UP_CHECK_S = 0.001


@dataclass(slots=True)
class Place:
    """What a step and its probes have alike: root, view, variables, working directory."""

    root: Root
    view: View
    env: dict[str, str]
    mounts: list[Bind]


class SandboxPod:
    """See the port's Pod."""

    def __init__(
        self,
        spec: PodSpec,
        folder: str,
        roots: Roots,
        images: ImageTable,
        options: Sequence[str],
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._roots = roots
        self._images = images
        self._options = options
        self._volumes = Volumes(spec.volumes, folder)
        self._runs = Runs()
        # Descriptors of the network namespace of the pod, and of the one that owns it.
        self._spaces: list[int] = []
        plain = "".join(c for c in spec.name if c.isalnum() or c in "-.")
        self._hostname = plain[:HOSTNAME_LENGTH_MAX].strip("-.") or "step"

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
        place = await self._prepare(step)
        image = place.root.image
        words = [*(step.command or image.entrypoint), *step.args]
        if not step.command and not step.args:
            words += image.command
        if step.script is not None:
            words.append(SCRIPT)
        if not words:
            raise StepRefused(
                f"image {step.image!r} has no entrypoint in the table, and the step no command"
            )
        return await self.run(replace(step, command=words), place)

    async def close(self) -> None:
        """See the port."""
        await self._runs.close()
        while self._spaces:
            os.close(self._spaces.pop())
        await asyncio.to_thread(remove_tree, self._folder)

    async def _prepare(self, step: Step) -> Place:
        """A root view with everything in place; ImageUnknown and StepRefused."""
        root = self._roots.root(self._images.find(step.image))
        folder = os.path.join(tempfile.mkdtemp(prefix="step-", dir=self._folder), "root")
        view = self._roots.new_view(root, folder, self._hostname, step.image)
        mounts = self._mount(view, step.mounts)
        inputs = [_checked(item) for item in step.inputs]
        for item in inputs:
            if item.source:
                await asyncio.to_thread(put_input, view, item)
            else:
                put_input(view, item)
        if step.script is not None:
            put_input(view, Input(SCRIPT, step.script, mode=0o755))
        view.working_dir = clean_path(step.working_dir or root.image.working_dir)
        _make_working_dir(view)
        env = {"PATH": root.path, "HOME": "/root", "HOSTNAME": self._hostname}
        return Place(root, view, {**env, **root.image.env, **step.env}, mounts)

    def _mount(self, view: View, mounts: Sequence[Mount]) -> list[Bind]:
        binds = []
        for mount in sorted(mounts, key=lambda each: clean_path(each.path).count("/")):
            path = clean_path(mount.path)
            if path == "/" or _is_reserved(path) or path in view.binds:
                raise StepRefused(f"nothing can be mounted at {mount.path}")
            volume = View(self._volumes.path(mount.volume))
            host = volume.host_path(f"/{clean_sub_path(mount.sub_path)}")
            if os.path.isdir(host):
                os.close(view.open_folder(path))
            else:
                os.close(view.create(path, 0o644))
            bind = Bind(path, host, mount.read_only)
            view.add(bind)
            binds.append(bind)
        return binds

    async def run(self, step: Step, place: Place) -> ChildRun:
        """Start a step whose command is complete in a place that is ready."""
        words = list(step.command)
        search = place.env["PATH"].split(":")
        program, code, reason = place.view.find_program(words[0], search)
        if code:
            run = not_started(step, place.view, code, reason)
        else:
            enter = await self._enter()
            first = [f"{IMAGE_FOLDER}/busybox", "sh", "-c", FIRST_PROCESS, "sh"]
            run = start_run(
                Plan(
                    step=step,
                    view=place.view,
                    words=[*enter, *self._options, "--args"],
                    hidden=self._bwrap(place),
                    last_words=[*first, program, *words[1:]],
                    env={},
                    folder="/",
                    tree=SandboxTree,
                    probe=SandboxProbe(self, step, place).run,
                    passed=self._spaces,
                )
            )
        self._runs.all.append(run)
        return run

    async def _enter(self) -> list[str]:
        """Words that enter the network namespace of the pod, once a step has made it."""
        if self._spec.network is Network.HOST:
            return []
        if not self._spaces:
            for run in self._runs.all:
                if isinstance(run.tree, SandboxTree) and await _is_up(run, run.tree):
                    inside = f"/proc/{run.tree.first()}/ns"
                    with suppress(OSError):
                        self._spaces = [os.open(f"{inside}/{name}", OPEN) for name in SPACES]
                        break
        if not self._spaces:
            return []
        user, network = (f"/proc/self/fd/{fd}" for fd in self._spaces)
        nsenter = find_program("nsenter")
        return [nsenter, "--preserve-credentials", f"--user={user}", f"--net={network}", "--"]

    def _bwrap(self, place: Place) -> list[str]:
        """Options of bwrap that are told through a descriptor."""
        view = place.view
        words = ["--bind", view.root, "/"]
        for bind in place.root.binds:
            words += ["--ro-bind", bind.host, bind.path]
        words += ["--proc", "/proc", "--dev", "/dev"]
        for bind in place.mounts:
            words += ["--ro-bind" if bind.read_only else "--bind", bind.host, bind.path]
        if self._spec.network is Network.NONE and not self._spaces:
            words.append("--unshare-net")
        words += ["--hostname", self._hostname, "--chdir", view.working_dir, "--clearenv"]
        for name, text in place.env.items():
            words += ["--setenv", name, text]
        return words


@dataclass(slots=True)
class SandboxProbe:
    """Commands beside a step: another sandbox over the same root view."""

    pod: SandboxPod
    step: Step
    place: Place

    async def run(self, command: Sequence[str], timeout_ns: int) -> int:
        """See the port's probe."""
        step = replace(self.step, command=command, stdin=b"", timeout_ns=timeout_ns, grace_ns=0)
        run = await self.pod.run(step, self.place)
        return (await run.wait()).exit_code


@dataclass(slots=True)
class SandboxTree:
    """bwrap outside, its only child as first process inside, the step's processes below that."""

    outer: int

    def pids(self) -> list[int]:
        """See Tree."""
        return list(descendants(self.outer))[1:]

    def first(self) -> int:
        """The first process inside, 0 as long as there is none."""
        return next(descendants(self.outer), 0)

    def kill(self) -> None:
        """See Tree. The end of the first process is the end of all."""
        send([self.first() or self.outer], signal.SIGKILL)

    def sweep(self) -> None:
        """See Tree. The kernel ended all others before the first process was gone."""


async def _is_up(run: ChildRun, tree: SandboxTree) -> bool:
    """Wait until the first process inside has begun; False when the step ends before."""
    while run.running:
        inside = tree.first()
        with suppress(OSError):
            if inside and os.readlink(f"/proc/{inside}/exe").endswith("/busybox"):
                return True
        await asyncio.sleep(UP_CHECK_S)
    return False


def _is_reserved(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in RESERVED)


def _checked(item: Input) -> Input:
    path = clean_path(item.path)
    if path == "/" or _is_reserved(path):
        raise StepRefused(f"nothing can be put at {item.path}")
    return replace(item, path=path)


def _make_working_dir(view: View) -> None:
    """The working directory is made if it is not there, as container runtimes do."""
    try:
        with view.found(view.working_dir):
            return
    except OutputMissing:
        os.close(view.open_folder(view.working_dir))
    except OutputRefused as error:
        raise StepRefused(error.message) from None
