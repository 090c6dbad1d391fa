"""What steps share and what not: root views, volumes, loopback, probes.

Checks of what an executor does not promise in its traits hold it to a refusal instead.
"""

from __future__ import annotations

from polyrhythm.base.errors import ExecutorUnavailable, StepRefused
from polyrhythm.executors.port import Mount, Network, PodSpec, Volume
from polyrhythm.testing.executor_suite.bench import Bench, is_there, refusal, shell, text_of


async def root_views_are_private(bench: Bench) -> None:
    """Two steps write one absolute path and meet neither each other nor the host."""
    if not bench.executor.traits.private_root:
        step = shell("true")
        step.mounts = [Mount("none", "/mnt")]
        error = await refusal((await bench.pod()).start(step))
        assert isinstance(error, StepRefused)
        return
    pod = await bench.pod()
    first = await bench.run("mkdir /mine; echo 1 > /mine/a; pwd", pod=pod)
    second = await bench.run("ls /mine; mkdir /mine; echo 2 > /mine/b", pod=pod)
    assert second.ended.exit_code == 0
    assert first.stdout == b"/\n" and second.stdout == b""
    assert await first.run.read("/mine/a", 10) == b"1\n"
    assert await second.run.read("/mine/b", 10) == b"2\n"
    assert not is_there("/mine")


async def volumes_are_shared(bench: Bench) -> None:
    """Between steps of a pod, and with the host where it says so."""
    if not bench.executor.traits.private_root:
        return
    volumes = [Volume("empty"), Volume("host", host_path=bench.folder)]
    pod = await bench.pod(PodSpec(name="two", volumes=volumes))
    step = shell("")
    step.mounts = [Mount("empty", "/mnt/a/b"), Mount("host", "/out", sub_path="deep/er")]
    await bench.run("echo 1 > /mnt/a/b/f; echo 2 > /out/g", step, pod)
    outcome = await bench.run("cat /mnt/a/b/f; cat /out/g", step, pod)
    assert outcome.stdout == b"1\n2\n"
    assert text_of(f"{bench.folder}/deep/er/g") == "2\n"
    assert await outcome.run.read("/mnt/a/b/f", 10) == b"1\n"
    step.mounts = [Mount("empty", "/ro", read_only=True)]
    assert (await bench.run("echo 3 > /ro/f", step, pod)).ended.exit_code != 0


async def mounts_are_checked(bench: Bench) -> None:
    """Climbing paths, unknown volumes, links planted in a shared volume."""
    if not bench.executor.traits.private_root:
        return
    pod = await bench.pod(PodSpec(name="bad", volumes=[Volume("v")]))
    good = shell("")
    good.mounts = [Mount("v", "/v")]
    await bench.run("ln -s /etc /v/link", good, pod)
    for mount in (
        Mount("v", "relative"),
        Mount("v", "/a/../../b"),
        Mount("v", "/"),
        Mount("v", "/a", sub_path="../b"),
        Mount("v", "/a", sub_path="/etc"),
        Mount("v", "/a", sub_path="link/x"),
        Mount("w", "/a"),
    ):
        step = shell("true")
        step.mounts = [mount]
        assert isinstance(await refusal(pod.start(step)), StepRefused), mount


async def a_probe_runs_beside_the_step(bench: Bench) -> None:
    """With its files, its own exit code, and an end of its own."""
    run = await (await bench.pod()).start(shell("echo ready > state; sleep 60"))
    code = 1
    while code:
        code = await run.probe(("sh", "-c", "grep ready state"), 10_000_000_000)
    assert await run.probe(("sh", "-c", "exit 9"), 10_000_000_000) == 9
    assert await run.probe(("no-such-program",), 10_000_000_000) == 127
    assert await run.probe(("sleep", "60"), 50_000_000) == 137
    assert (await run.cancel(0)).exit_code == 137


async def no_network_is_kept_or_refused(bench: Bench) -> None:
    """Steps of one pod reach each other over loopback, and nothing else."""
    spec = PodSpec(name="alone", network=Network.NONE)
    if not bench.executor.traits.private_network:
        error = await refusal(bench.executor.open_pod(spec))
        assert isinstance(error, ExecutorUnavailable)
        return
    pod = await bench.pod(spec)
    server = await pod.start(shell("echo hello | nc -l -p 7007; sleep 60"))
    text = "until nc 127.0.0.1 7007 < /dev/null; do sleep 0.02; done"
    outcome = await bench.run(text, pod=pod)
    assert outcome.stdout == b"hello\n"
    routes = await bench.run("wc -l < /proc/net/route", pod=pod)
    assert routes.stdout.strip() == b"1"
    await server.cancel(0)


async def closing_deletes_the_files(bench: Bench) -> None:
    """Reading after the close fails."""
    pod = await bench.pod()
    outcome = await bench.run("echo 1 > a; mkdir d; echo 2 > d/e; chmod 0 d", pod=pod)
    assert await outcome.run.read("a", 10) == b"1\n"
    await pod.close()
    await refusal(outcome.run.read("a", 10))


CHECKS = (
    root_views_are_private,
    volumes_are_shared,
    mounts_are_checked,
    a_probe_runs_beside_the_step,
    no_network_is_kept_or_refused,
    closing_deletes_the_files,
)
