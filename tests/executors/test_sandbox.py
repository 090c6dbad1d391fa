"""What only the sandbox promises: images as programs of the host, and what a step cannot reach."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from polyrhythm.base.errors import ExecutorUnavailable, ImageUnknown, StepRefused
from polyrhythm.executors.port import EndReason, Input, Mount, PodSpec, Step, Volume
from polyrhythm.executors.sandbox import SandboxExecutor
from polyrhythm.executors.scratch import PREFIX, Scratch
from polyrhythm.testing.executor_suite.bench import Bench, collect, is_alive, shell
from sandboxes import needs_sandbox

pytestmark = needs_sandbox


@pytest.fixture
def run(tmp_path):
    """Run coroutines of a test with a bench over a sandbox executor."""
    images = tmp_path / "images.toml"

    def run_test(test):
        async def main():
            executor = SandboxExecutor(str(tmp_path), images=images)
            try:
                return await test(Bench(executor, str(tmp_path)))
            finally:
                await executor.close()

        return asyncio.run(main())

    return run_test


def outcome_of(run, step):
    async def test(bench):
        return await collect(await (await bench.pod()).start(step))

    return run(test)


@pytest.mark.parametrize(
    ("step", "stdout"),
    [
        (Step("argoproj/argosay:v2"), "hello argo\n"),
        (Step("argoproj/argosay:v2", args=("echo", "hi $x")), "hi $x\n"),
        (Step("argoproj/argosay:v2", command=("/argosay",), args=("echo", "a")), "a\n"),
        (Step("argoproj/argosay:v2", command=("sh", "-c"), args=("argosay echo b",)), "b\n"),
        (Step("python:alpine3.23", ("python", "-c"), ("print(6*7)",)), "42\n"),
        (Step("python:alpine3.23", ("python",), script=b"import ssl, json\nprint('s')"), "s\n"),
        (Step("python:alpine3.23", ("sh", "-c"), ("readlink -f /bin/sh",)), "/bin/busybox\n"),
        (Step("busybox", ("sh", "-c"), ("test $((RANDOM)) -ge 0 && echo $?",)), "0\n"),
        (Step("debian:9.1", ("bash", "-c"), ("a=(1 2); echo ${a[1]}",)), "2\n"),
        (Step("alpine:3.6", ("cat", "/etc/os-release")), None),
        (Step("busybox", ("sleep", "0.01s")), ""),
    ],
)
def test_images_find_their_programs(run, step, stdout):
    outcome = outcome_of(run, step)
    assert outcome.ended.exit_code == 0, outcome.stderr
    if stdout is None:
        assert b"ID=alpine\n" in outcome.stdout
    else:
        assert outcome.stdout.decode() == stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("exit", "7"), 7),
        (("sleep", "0"), 0),
        (("echo", "text", "/new/folder/file"), 0),
        (("cat", "/absent"), 1),
        (("assert_contains", "/etc/passwd", "root"), 0),
        (("assert_contains", "/etc/passwd", "somebody"), 1),
        (("shout",), 1),
    ],
)
def test_argosay(run, words, code):
    assert outcome_of(run, Step("argoproj/argosay:v2", args=words)).ended.exit_code == code


def test_a_cow_speaks(run):
    text = "hello " * 10
    step = Step("docker/whalesay", ("cowsay", text))
    said = outcome_of(run, step).stdout.decode().splitlines()
    assert said[1].startswith("/ hello")
    assert said[2].startswith("\\ hello")
    assert any("(oo)" in line for line in said)


def test_a_listener_that_goes_on_listening(run):
    async def test(bench):
        pod = await bench.pod(PodSpec("listener", network="none"))
        server = await pod.start(shell("nc -lk -p 9999 -e /bin/true"))
        text = "until nc 127.0.0.1 9999 </dev/null; do :; done; nc 127.0.0.1 9999 </dev/null"
        assert (await bench.run(text, pod=pod)).ended.exit_code == 0
        await server.cancel(0)

    run(test)


def test_an_unknown_image_is_never_run_as_something_else(run, tmp_path):
    with pytest.raises(ImageUnknown, match=r"add a row for it to .*images\.toml"):
        outcome_of(run, Step("nginx:1.13", ("nginx",)))
    (tmp_path / "images.toml").write_text(
        '[[image]]\nnames = ["nginx"]\nhost = true\nprograms = {nginx = "no-such-nginx"}\n'
    )
    with pytest.raises(ImageUnknown, match="'no-such-nginx' for 'nginx' is not installed"):
        outcome_of(run, Step("nginx:1.13", ("nginx",)))


def test_an_image_of_the_user(run, tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "greet").write_text("#!/bin/sh\necho $GREETING $1 in $PWD\n")
    (tmp_path / "tools" / "greet").chmod(0o755)
    (tmp_path / "images.toml").write_text(
        f'[[image]]\nnames = ["team/greet:1.*"]\napplets = true\nbinds = ["{tmp_path}/tools"]\n'
        f'entrypoint = ["{tmp_path}/tools/greet"]\ncommand = ["you"]\nworking_dir = "/work/here"\n'
        'env = {GREETING = "hello"}\n'
    )
    assert outcome_of(run, Step("team/greet:1.2")).stdout == b"hello you in /work/here\n"
    step = Step("team/greet:1.2", args=("me",), env={"GREETING": "bye"}, working_dir="/tmp")
    assert outcome_of(run, step).stdout == b"bye me in /tmp\n"


def test_the_host_cannot_be_reached(run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    text = f"""
        cat {secret} /root/.bashrc /root/.ssh/* /etc/shadow 2>/dev/null
        find /home /root -mindepth 1
        for path in /usr/made /etc/os-release /opt/image/bin/made /proc/sys/vm/drop_caches; do
          (echo x > $path) 2>/dev/null && echo wrote $path
        done
        mount -t tmpfs none /mnt 2>/dev/null && echo mounted
        kill -0 {os.getpid()} 2>/dev/null && echo signalled
        chroot / true 2>/dev/null && echo rooted
        ls /proc | grep -c '^[0-9]*$'
        hostname
    """
    step = Step("debian", ("sh", "-c", text), env={"A": "1"})
    outcome = outcome_of(run, step)
    *lines, processes, hostname = outcome.stdout.decode().split()
    assert lines == []
    assert int(processes) < 8
    assert hostname == "check"
    assert not Path("/usr/made").exists()


def test_variables_of_a_step_change_nothing_outside(run, tmp_path):
    library = tmp_path / "evil.so"
    library.write_bytes(b"no library")
    env = {"LD_PRELOAD": str(library), "PATH": "/bin", "PYTHONPATH": "/evil", "a.b": "1"}
    outcome = outcome_of(run, Step("busybox", ("sh", "-c", "echo $LD_PRELOAD $PATH"), env=env))
    assert outcome.stdout.decode() == f"{library} /bin\n"
    assert outcome.stderr == b""


def test_secrets_show_in_no_list_of_processes(run):
    async def test(bench):
        step = replace(shell("echo up; sleep 60"), env={"TOKEN": "hunter2hunter2"})
        started = await (await bench.pod()).start(step)
        async for line in started.lines():
            if line.text == "up":
                break
        told = subprocess.run(["ps", "axww"], check=True, capture_output=True, text=True).stdout
        assert "sleep 60" in told
        assert "hunter2" not in told
        await started.cancel(0)

    run(test)


def test_inputs_are_put_in_place(run, tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "file").write_text("deep")
    (tmp_path / "tool").write_text("#!/bin/sh\necho ran")
    (tmp_path / "tool").chmod(0o755)
    step = shell("cat /in/text /in/folder/sub/file; /in/tool; stat -c %a /in/text; cat /v/f")
    step.mounts = [Mount("v", "/v")]
    step.inputs = [
        Input("/in/text", b"text ", mode=0o600),
        Input("/in/folder", source=str(folder)),
        Input("/in/tool", source=str(tmp_path / "tool")),
        Input("/v/f", b"volume"),
    ]

    async def test(bench):
        pod = await bench.pod(PodSpec("inputs", volumes=[Volume("v")]))
        outcome = await collect(await pod.start(step))
        assert outcome.stdout == b"text deepran\n600\nvolume"
        assert await outcome.run.read("/in/folder/sub/file", 100) == b"deep"

    run(test)


@pytest.mark.parametrize(
    "item",
    [
        Input("/proc/x", b""),
        Input("/dev/x", b""),
        Input("/bin/x", b""),
        Input("/", b""),
        Input("/opt/image/bin/x", b""),
        Input("relative", b""),
        Input("/a", source="/absent"),
        Input("/a", source="/dev/null"),
        Input("/etc/passwd/x", b""),
    ],
)
def test_inputs_that_are_refused(run, item):
    with pytest.raises(StepRefused):
        outcome_of(run, replace(shell("true"), inputs=[item]))


def test_working_directories(run):
    assert outcome_of(run, replace(shell("pwd"), working_dir="/a/b")).stdout == b"/a/b\n"
    for path in ("relative", "/a/../b"):
        with pytest.raises(StepRefused):
            outcome_of(run, replace(shell("pwd"), working_dir=path))


def test_a_script_that_nothing_reads(run):
    step = Step("busybox", ("env",), script=b"#!/no/such/reader\n")
    ended = outcome_of(run, step).ended
    assert ended.exit_code in (126, 127)


def test_zombies_are_reaped(run):
    text = "for i in 1 2 3 4 5; do (sh -c 'sleep 0.05 & exit' &); done; sleep 0.3"
    text += "; ps -o stat | grep -c Z"
    assert outcome_of(run, shell(text)).stdout == b"0\n"


def test_a_step_dies_with_its_engine(tmp_path):
    program = f"""
import asyncio
from polyrhythm.executors.port import PodSpec, Step
from polyrhythm.executors.sandbox import SandboxExecutor

async def main():
    pod = await SandboxExecutor({str(tmp_path)!r}).open_pod(PodSpec("mortal"))
    text = "trap '' TERM HUP; setsid sleep 61.125 & echo up; sleep 61.125"
    run = await pod.start(Step("busybox", ("sh", "-c", text)))
    async for line in run.lines():
        print(line.text, flush=True)

asyncio.run(main())
"""
    engine = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with engine:
        assert engine.stdout.readline() == b"up\n"
        assert is_alive("61.125")
        children = [int(pid) for pid in children_of(engine.pid)]
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        # The kernel kills at once; the pidfd says when it has happened.
        for pid in children:
            wait_for_end(pid)
    assert not is_alive("61.125")
    left = [path.name for path in tmp_path.iterdir() if path.name.startswith(PREFIX)]
    Scratch(str(tmp_path)).close()
    assert len(left) == 1
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def children_of(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in found for each in (child, *children_of(child))]


def wait_for_end(pid):
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.new_event_loop()
    ended = loop.create_future()
    loop.add_reader(pidfd, lambda: ended.done() or ended.set_result(None))
    loop.run_until_complete(asyncio.wait_for(ended, 10))
    loop.close()
    os.close(pidfd)


def test_a_full_disk_ends_steps(run, monkeypatch):
    monkeypatch.setattr("polyrhythm.executors.running.STEP_DISK_FREE_BYTES_MIN", 2**62)
    ended = outcome_of(run, shell("sleep 60")).ended
    assert (ended.exit_code, ended.reason) == (137, EndReason.DISK_FULL)


def test_a_machine_without_bubblewrap(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutorUnavailable, match="apt-get install bubblewrap busybox-static"):
        SandboxExecutor(str(tmp_path))
