"""What a step of an Argo workflow costs: chains, fan-outs and single nodes, stubbed and sandboxed.

    python bench/argo.py [--out FILE] [--scale N]

`stub` answers a pod at once: the engine and the walker alone. `sandbox` runs `true` in bubblewrap.
Runs in memory. `--scale 10` makes the fan-out of the stub ten times as wide.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from polyrhythm import App
from polyrhythm.dialects.argo.pods import Places, PodRunner
from polyrhythm.dialects.argo.pods.containers import Job
from polyrhythm.dialects.argo.pods.runner import Ready
from polyrhythm.dialects.argo.program import RunsPods, install
from polyrhythm.dialects.argo.walk.workflow import Submission
from polyrhythm.executors.sandbox import SandboxExecutor

CHAIN, FAN, SINGLES, AT_ONCE = 100, 1000, 200, 8
LEAF = {"name": "leaf", "container": {"image": "busybox", "command": ["true"]}}


class Stub:
    """Pods that succeed at once."""

    async def run(self, job: Job, ready: Ready) -> dict[str, Any]:
        """Answer."""
        return {"phase": "Succeeded", "message": "", "outputs": {"exitCode": "0"}}


def workflow(name: str, main: dict[str, Any]) -> Submission:
    """A workflow of one template over the leaf."""
    spec = {"entrypoint": "main", "templates": [{"name": "main", **main}, LEAF]}
    return Submission({"metadata": {"name": name}, "spec": spec})


def chain(count: int) -> dict[str, Any]:
    """Steps one after the other."""
    return {"steps": [[{"name": f"s{n}", "template": "leaf"}] for n in range(count)]}


def fan(count: int) -> dict[str, Any]:
    """One step of many items."""
    loop = {"name": "s", "template": "leaf", "withSequence": {"count": count}}
    return {"steps": [[loop]]}


async def measure(pods: RunsPods, width: int) -> dict[str, float]:
    """Seconds and rates of one kind of pods."""
    app = App("argo", durability="memory", tasks_max=500)
    argo = install(app, pods)
    made: dict[str, float] = {}
    async with app:

        async def run(name: str, main: dict[str, Any]) -> float:
            start = time.perf_counter()
            done = await argo.options(id=name).aio.execute(workflow(name, main))
            assert done["status"]["phase"] == "Succeeded", done["status"].get("message")
            return time.perf_counter() - start

        await run("warm", chain(3))
        made["chain_gap_ms"] = round(await run("chain", chain(CHAIN)) / CHAIN * 1000, 2)
        made[f"fan_out_{width}_s"] = round(await run("fan", fan(width)), 2)
        room = asyncio.Semaphore(AT_ONCE)

        async def single(number: int) -> None:
            async with room:
                await run(f"one-{number}", {"container": LEAF["container"]})

        start = time.perf_counter()
        await asyncio.gather(*(single(number) for number in range(SINGLES)))
        made["one_node_per_s"] = round(SINGLES / (time.perf_counter() - start), 1)
    return made


async def main() -> None:
    """Measure both kinds and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--scale", type=int, default=1)
    given = parser.parse_args()
    found: dict[str, Any] = {"stub": await measure(Stub(), FAN * given.scale)}
    with tempfile.TemporaryDirectory() as folder:
        executor = SandboxExecutor()
        try:
            found["sandbox"] = await measure(PodRunner(executor, Places(folder)), FAN)
        finally:
            await executor.close()
    found["memory_peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found["machine"] = f"{platform.machine()}, {os.cpu_count()} processors"
    text = json.dumps(found, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main())
