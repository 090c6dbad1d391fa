"""Files of a step: what is read and copied, in place of what, and what is refused.

Paths are relative to the working directory here, so that executors without a root view of their
own are held to the same; absolute ones are in `sharing.py`.
"""

from __future__ import annotations

import os

from polyrhythm.base.errors import OutputMissing, OutputRefused, StepRefused
from polyrhythm.executors.port import Copied, Input
from polyrhythm.testing.executor_suite.bench import Bench, is_there, refusal, shell


async def a_file_is_read(bench: Bench) -> None:
    """While the step runs and after it; bounded; what is absent is missing."""
    outcome = await bench.run("mkdir out; printf abc > out/a; ln -s out/a link; ln -s link again")
    run = outcome.run
    assert await run.read("out/a", 3) == b"abc"
    assert await run.read("again", 3) == b"abc"
    assert isinstance(await refusal(run.read("out/a", 2)), OutputRefused)
    assert isinstance(await refusal(run.read("out/none", 3)), OutputMissing)
    assert isinstance(await refusal(run.read("out/a/b", 3)), OutputMissing)
    assert "a directory" in (await refusal(run.read("out", 3))).message


async def what_is_no_file_is_refused(bench: Bench) -> None:
    """A pipe does not make the reader wait; a loop of links ends."""
    run = (await bench.run("mkfifo pipe; ln -s loop loop; mkdir d; mkfifo d/p")).run
    assert "no regular file" in (await refusal(run.read("pipe", 10))).message
    assert isinstance(await refusal(run.read("loop", 10)), OutputRefused)
    target = f"{bench.folder}/copied"
    assert "no regular file" in (await refusal(run.copy_out("d", target))).message
    assert not is_there(target)


async def directories_are_copied(bench: Bench) -> None:
    """Files, modes, links that stay inside."""
    text = "mkdir -p d/e; echo 1 > d/a; echo 22 > d/e/b; chmod 755 d/a; ln -s ../a d/e/l"
    run = (await bench.run(text)).run
    assert await run.copy_out("d", f"{bench.folder}/d") == Copied(True, 2, 5)
    assert os.stat(f"{bench.folder}/d/a").st_mode & 0o777 == 0o755
    assert os.readlink(f"{bench.folder}/d/e/l") == "../a"
    assert await run.copy_out("d/a", f"{bench.folder}/a") == Copied(False, 1, 2)
    assert isinstance(await refusal(run.copy_out("d", f"{bench.folder}/d")), StepRefused)


async def links_that_lead_outside_are_refused(bench: Bench) -> None:
    """Absolute ones and those with too many `..`, and nothing is left behind."""
    for text in ("mkdir d; ln -s /etc/passwd d/l", "mkdir -p d/e; ln -s ../../x d/e/l"):
        run = (await bench.run(text)).run
        error = await refusal(run.copy_out("d", f"{bench.folder}/d"))
        assert "leads outside" in error.message
        assert not is_there(f"{bench.folder}/d")


async def deep_directories_are_refused(bench: Bench) -> None:
    """Levels are bounded."""
    text = "i=0; mkdir d; cd d; while [ $i -lt 120 ]; do mkdir n; cd n; i=$((i+1)); done"
    run = (await bench.run(text)).run
    assert "deeper" in (await refusal(run.copy_out("d", f"{bench.folder}/d"))).message
    assert not is_there(f"{bench.folder}/d")


async def bad_inputs_are_refused(bench: Bench) -> None:
    """Paths that climb, and sources that are not there."""
    pod = await bench.pod()
    for item in (Input("/../x"), Input("/a/../../x"), Input("/a\0b")):
        step = shell("true")
        step.inputs = [item]
        assert isinstance(await refusal(pod.start(step)), StepRefused)


CHECKS = (
    a_file_is_read,
    what_is_no_file_is_refused,
    directories_are_copied,
    links_that_lead_outside_are_refused,
    deep_directories_are_refused,
    bad_inputs_are_refused,
)
