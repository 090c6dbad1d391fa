"""One pod from its job to its result: inputs, init containers, sidecars, main, outputs.

The result is a value in every case: phase, message, outputs. What a container does wrong is Failed,
what keeps it from running or its outputs from being kept is Error, as in Argo.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from polyrhythm.base.errors import ExecutorError, OutputMissing
from polyrhythm.base.limits import LOG_TAIL_BYTES_MAX
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.pods.artifacts import ArtifactError, load_inputs, save_outputs
from polyrhythm.dialects.argo.pods.containers import (
    PROGRESS_FILE,
    Job,
    PodError,
    make_mount,
    make_step,
    make_volumes,
)
from polyrhythm.dialects.argo.pods.logs import keep_lines
from polyrhythm.dialects.argo.pods.places import Places
from polyrhythm.dialects.argo.pods.readiness import wait_ready
from polyrhythm.dialects.argo.walk.durations import parse_duration
from polyrhythm.executors.port import SECOND_NS, Ended, EndReason, Executor, Pod, PodSpec, Run, Step

FAILED, ERROR, SUCCEEDED = "Failed", "Error", "Succeeded"
TOO_LONG = "Pod was active on the node longer than the specified deadline"
# What a container says that never ran, since one that it depends on has failed.
NOT_RUN = "Error (exit code 64)"
NODE_ERRORS = (ExecutorError, PodError, ArtifactError)
PROGRESS_BYTES_MAX = 1000


Ready = Callable[[str], Awaitable[None]]


class PodRunner:
    """Runs pods through one executor, with files below one folder."""

    def __init__(self, executor: Executor, places: Places) -> None:
        self.executor = executor
        self.places = places

    async def run(self, job: Job, ready: Ready) -> Tree:
        """Run a pod to its end and return how it ended. Cancelled: everything is killed.

        `ready` is awaited with the address of a daemon once it is.
        """
        with self.places.scratch() as folder:
            try:
                volumes = make_volumes(job, self.places, folder)
                pod = await self.executor.open_pod(PodSpec(name=job.pod, volumes=volumes))
            except NODE_ERRORS as error:
                return _result(ERROR, str(error))
            try:
                return await self._run(job, pod, folder, ready)
            except NODE_ERRORS as error:
                return _result(ERROR, str(error))
            finally:
                await asyncio.shield(pod.close())

    async def forget(self, uid: str) -> None:
        """Delete the volumes of a workflow that has ended."""
        await asyncio.to_thread(self.places.forget, uid)

    async def _run(self, job: Job, pod: Pod, folder: Path, ready: Ready) -> Tree:
        template = job.template
        body: Tree = template.get(job.type) or {}
        artifacts = named((template.get("inputs") or {}).get("artifacts"))
        inputs = await load_inputs(artifacts, self.places, folder / "inputs")
        for number, container in enumerate(named(template.get("initContainers"))):
            name = str(container.get("name") or f"init-{number}")
            step = self._step(job, container, [], name)
            ended = await self._run_one(job, pod, step)
            if ended.exit_code:
                return _result(ERROR, f"{name}: {spell_end(ended)}")
        if job.type == "containerSet":
            return await self._run_set(job, pod, body, inputs)
        if job.type not in ("container", "script"):
            return _result(ERROR, f"{job.type} templates are not implemented")
        sidecars = [
            await self._start(job, pod, self._step(job, each, [], str(each.get("name"))))
            for each in named(template.get("sidecars"))
        ]
        run, lines = await self._start(job, pod, self._step(job, body, inputs, "main"))
        if template.get("daemon"):
            await wait_ready(run, body.get("readinessProbe") or {}, pod.address)
            await ready(pod.address)
        ended = await self._wait(run, lines)
        for sidecar, its_lines in sidecars:
            await sidecar.cancel()
            await its_lines
        return await self._finish(job, run, ended)

    async def _run_set(self, job: Job, pod: Pod, body: Tree, inputs: list[Any]) -> Tree:
        """Containers side by side, each after those that it depends on."""
        containers = {str(each.get("name")): each for each in named(body.get("containers"))}
        works: dict[str, asyncio.Task[Ended | None]] = {}
        runs: dict[str, Run] = {}

        async def one(name: str, container: Tree) -> Ended | None:
            for other in container.get("dependencies") or []:
                before = await works[str(other)]
                if before is None or before.exit_code:
                    return None
            own = {**container}
            own["volumeMounts"] = [
                *(container.get("volumeMounts") or []),
                *(body.get("volumeMounts") or []),
            ]
            step = self._step(job, own, inputs if name == "main" else [], name)
            retries = body.get("retryStrategy") or {}
            left = int(str(retries.get("retries") or 0))
            while True:
                run, lines = await self._start(job, pod, step)
                runs[name] = run
                ended = await self._wait(run, lines)
                if not ended.exit_code or left <= 0:
                    return ended
                left -= 1
                await asyncio.sleep(parse_duration(retries.get("duration") or 0))

        for name in in_order(containers):
            works[name] = asyncio.ensure_future(one(name, containers[name]))
        try:
            await asyncio.gather(*works.values())
        finally:
            for work in works.values():
                work.cancel()
        return await self._finish_set(job, {name: works[name].result() for name in works}, runs)

    async def _finish_set(
        self, job: Job, ended: dict[str, Ended | None], runs: dict[str, Run]
    ) -> Tree:
        """What the ends of a set's containers mean for its pod."""
        main = ended.get("main")
        if main is not None:
            made = await self._finish(job, runs["main"], main)
        else:
            made = _result(SUCCEEDED, "", {}, "1/1")
        made["containers"] = {name: _container(end) for name, end in ended.items()}
        bad = next((name for name, end in ended.items() if end is None or end.exit_code), "")
        if bad and made["phase"] == SUCCEEDED:
            end = ended[bad]
            text = spell_end(end) if end is not None else NOT_RUN
            made["phase"], made["message"] = FAILED, f"{bad}: {text}"
        return made

    def _step(self, job: Job, container: Tree, inputs: list[Any], name: str) -> Step:
        step = make_step(job, container, inputs, name)
        if job.timeout_s is not None and (name == "main" or job.type == "containerSet"):
            step.timeout_ns = max(int(job.timeout_s * SECOND_NS), 1)
        if container.get("mirrorVolumeMounts"):
            main: Tree = job.template.get(job.type) or {}
            step.mounts = [make_mount(each) for each in named(main.get("volumeMounts"))]
        return step

    async def _start(self, job: Job, pod: Pod, step: Step) -> tuple[Run, asyncio.Task[None]]:
        run = await pod.start(step)
        log = self.places.log(job.uid, job.node, step.name)
        return run, asyncio.ensure_future(keep_lines(run, log))

    async def _run_one(self, job: Job, pod: Pod, step: Step) -> Ended:
        run, lines = await self._start(job, pod, step)
        return await self._wait(run, lines)

    async def _wait(self, run: Run, lines: asyncio.Task[None]) -> Ended:
        try:
            ended = await run.wait()
            await lines
        except asyncio.CancelledError:
            await asyncio.shield(run.cancel())
            raise
        finally:
            lines.cancel()
        return ended

    async def _finish(self, job: Job, run: Run, ended: Ended) -> Tree:
        """Outputs of the main container, and what its end means."""
        outputs: Tree = {"exitCode": str(ended.exit_code)}
        if job.wants_result:
            outputs["result"] = _text(run.tail()).removesuffix("\n")
        failed = ended.exit_code != 0 or ended.reason is not EndReason.EXITED
        problem = ""
        try:
            wanted: Tree = job.template.get("outputs") or {}
            outputs["parameters"] = await _read_parameters(named(wanted.get("parameters")), run)
            artifacts = named(wanted.get("artifacts"))
            prefix = f"{job.workflow}/{job.pod}"
            outputs["artifacts"] = await save_outputs(artifacts, run, self.places, prefix)
        except NODE_ERRORS as error:
            problem = str(error)
        made = {key: value for key, value in outputs.items() if value not in ([], None)}
        progress = await _read_progress(run)
        if failed:
            if ended.reason is EndReason.DEADLINE:
                return _result(FAILED, TOO_LONG, made, progress)
            return _result(FAILED, f"main: {spell_end(ended)}", made, progress)
        if problem:
            return _result(ERROR, f"wait: Error (exit code 64): {problem}", made, progress)
        return _result(SUCCEEDED, "", made, progress or "1/1")


def in_order(containers: dict[str, Tree]) -> list[str]:
    """Names of containers with what they depend on before them. Raises PodError for a cycle."""
    ordered: list[str] = []
    pending = dict(containers)
    while pending:
        ready = [
            name
            for name, each in pending.items()
            if all(str(other) in ordered for other in each.get("dependencies") or [])
        ]
        if not ready:
            raise PodError(f"containers wait for each other: {', '.join(pending)}")
        ordered += ready
        for name in ready:
            del pending[name]
    return ordered


def _container(ended: Ended | None) -> Tree:
    if ended is None:
        return {"phase": FAILED, "message": NOT_RUN, "exitCode": 64}
    if not ended.exit_code:
        return {"phase": SUCCEEDED, "message": "", "exitCode": 0}
    return {"phase": FAILED, "message": spell_end(ended), "exitCode": ended.exit_code}


def spell_end(ended: Ended) -> str:
    """How a container ended, as Argo says it."""
    reasons = {EndReason.OUT_OF_MEMORY: "OOMKilled", EndReason.NOT_STARTED: "StartError"}
    text = f"{reasons.get(ended.reason, 'Error')} (exit code {ended.exit_code})"
    return f"{text}: {ended.message}" if ended.message else text


async def _read_parameters(parameters: list[Tree], run: Run) -> list[Tree]:
    made = []
    for parameter in parameters:
        source = parameter.get("valueFrom") or {}
        path = source.get("path")
        if not path:
            made.append(parameter)
            continue
        kept = {key: value for key, value in parameter.items() if key != "value"}
        try:
            text = _text(await run.read(str(path), LOG_TAIL_BYTES_MAX)).removesuffix("\n")
        except OutputMissing:
            if source.get("default") is None:
                raise
            text = str(source["default"])
        made.append({**kept, "value": text})
    return made


async def _read_progress(run: Run) -> str:
    with suppress(ExecutorError, ValueError):
        text = _text(await run.read(PROGRESS_FILE, PROGRESS_BYTES_MAX)).strip()
        done, total = text.splitlines()[-1].split("/")
        if 0 <= int(done) <= int(total):
            return f"{int(done)}/{int(total)}"
    return ""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _result(phase: str, message: str, outputs: Tree | None = None, progress: str = "") -> Tree:
    return {
        "phase": phase,
        "message": message,
        "outputs": outputs or {},
        "progress": progress,
        "host": socket.gethostname(),
    }
