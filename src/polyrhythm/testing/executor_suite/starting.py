"""How a step begins: command, arguments, script, stdin, variables, and what is refused.

A command that cannot be started is an end with the code and the words of container runtimes;
a step that no executor could start is refused before anything has run.
"""

from __future__ import annotations

from polyrhythm.base.errors import StepRefused
from polyrhythm.executors.port import EndReason, PodSpec, Step, Volume
from polyrhythm.testing.executor_suite.bench import IMAGE, Bench, collect, refusal, shell


async def _refused(bench: Bench, step: Step) -> str:
    error = await refusal((await bench.pod()).start(step))
    assert isinstance(error, StepRefused)
    return error.message


async def words_arrive_as_they_are(bench: Bench) -> None:
    """No shell reads the words of a command."""
    pod = await bench.pod()
    step = Step(image=IMAGE, command=("echo", "$HOME; exit 3"), args=("*", "ü\n'\""))
    outcome = await collect(await pod.start(step))
    assert outcome.stdout.decode() == "$HOME; exit 3 * ü\n'\"\n"
    assert outcome.ended.exit_code == 0


async def a_script_is_the_last_argument(bench: Bench) -> None:
    """The path of the script follows the arguments."""
    pod = await bench.pod()
    step = Step(image=IMAGE, command=("sh", "-e"), script=b"echo one\nfalse\necho two\n")
    outcome = await collect(await pod.start(step))
    assert (outcome.stdout, outcome.ended.exit_code) == (b"one\n", 1)


async def a_script_may_be_run_by_itself(bench: Bench) -> None:
    """The script has mode 0755, so that its first line may name what reads it."""
    pod = await bench.pod()
    step = Step(image=IMAGE, script=b"#!/bin/sh\necho $((6*7))\n", command=("env",))
    assert (await collect(await pod.start(step))).stdout == b"42\n"


async def stdin_is_read_to_its_end(bench: Bench) -> None:
    """Stdin holds the bytes of the step; without them it is at its end."""
    data = b"\0binary\xff" * 100_000
    step = Step(image=IMAGE, command=("cat",), stdin=data)
    assert (await collect(await (await bench.pod()).start(step))).stdout == data
    assert (await bench.run("cat; echo end")).stdout == b"end\n"


async def variables_arrive(bench: Bench) -> None:
    """Variables of the step are there; those of the engine are not."""
    step = shell("")
    step.env = {"GREETING": "a b\n$c", "EMPTY": ""}
    outcome = await bench.run('echo "$GREETING-${EMPTY-unset}-${PYTEST_CURRENT_TEST-no}"', step)
    assert outcome.stdout == b"a b\n$c--no\n"


async def no_such_program_is_127(bench: Bench) -> None:
    """As container runtimes say it."""
    pod = await bench.pod()
    ended = await (await pod.start(Step(image=IMAGE, command=("no-such-program",)))).wait()
    assert (ended.exit_code, ended.reason) == (127, EndReason.NOT_STARTED)
    assert ended.message == 'exec: "no-such-program": executable file not found in $PATH'
    ended = await (await pod.start(Step(image=IMAGE, command=("/no/such",)))).wait()
    assert (ended.exit_code, ended.message) == (127, 'exec: "/no/such": no such file or directory')


async def no_program_is_126(bench: Bench) -> None:
    """A directory is no program."""
    pod = await bench.pod()
    ended = await (await pod.start(Step(image=IMAGE, command=("/proc",)))).wait()
    assert (ended.exit_code, ended.message) == (126, 'exec: "/proc": permission denied')


async def what_cannot_be_started_is_refused(bench: Bench) -> None:
    """NUL bytes, names that are none, words past the limits."""
    assert "NUL" in await _refused(bench, Step(image=IMAGE, command=("echo", "a\0b")))
    step = shell("true")
    step.env = {"A=B": "x"}
    assert "no name" in await _refused(bench, step)
    assert "word" in await _refused(bench, shell("x" * 200_000))
    step = shell("true")
    step.args = ["y" * 100_000] * 20
    assert "arguments" in await _refused(bench, step)
    assert "script" in await _refused(bench, Step(image=IMAGE, script=b"#" * 3_000_000))


async def volumes_are_checked(bench: Bench) -> None:
    """Two of one name, and a host path that is no directory."""
    missing = Volume("data", host_path=f"{bench.folder}/absent")
    for volumes in ([Volume("a"), Volume("a")], [missing]):
        error = await refusal(bench.executor.open_pod(PodSpec(name="bad", volumes=volumes)))
        assert isinstance(error, StepRefused)


async def a_closed_pod_starts_nothing(bench: Bench) -> None:
    """After its close a pod refuses."""
    pod = await bench.pod()
    await pod.close()
    await pod.close()
    assert "closed" in (await refusal(pod.start(shell("true")))).message


CHECKS = (
    words_arrive_as_they_are,
    a_script_is_the_last_argument,
    a_script_may_be_run_by_itself,
    stdin_is_read_to_its_end,
    variables_arrive,
    no_such_program_is_127,
    no_program_is_126,
    what_cannot_be_started_is_refused,
    volumes_are_checked,
    a_closed_pod_starts_nothing,
)
