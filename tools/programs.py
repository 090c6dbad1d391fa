"""Programs of other languages: official SDKs against a fresh `poly dev`, Machinery beside an App.

    make programs                       what this machine has the tools for
    make programs ARGS="--strict go"    one of them, and a missing tool is a failure

`tests/programs/go` wants Go 1.23, `tests/programs/typescript` wants Node 20 with npm, and
`tests/interop/machinery` wants Go and the servers that `make servers` installs. Their SDKs
come from the public registries, in the versions of the lock files, once: what is built stays under
`.cache/programs`. A program that cannot be built for want of a tool or of the network is left out,
which is said. The exit code is 1 when one runs and finds something wrong.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "tests" / "programs"
MACHINERY = ROOT / "tests" / "interop" / "machinery"
EXAMPLE = ROOT / "examples" / "machinery" / "producer"
SERVERS = ("redis-server", "/usr/lib/rabbitmq/bin/rabbitmq-server")
HOME = ROOT / ".cache" / "programs"
POLY = Path(sys.executable).with_name("poly")
GO_MIN, NODE_MIN = (1, 23), (20, 0)
BUILD_S = 600
RUN_S = 120


class LeftOutError(Exception):
    """A program that cannot be built here, and why."""


def version_of(command: list[str], name: str) -> tuple[int, int]:
    """Return the version a tool says. Raises LeftOutError when there is none."""
    if shutil.which(command[0]) is None:
        raise LeftOutError(f"{name} is not installed")
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None:
        raise LeftOutError(f"{name} does not say its version")
    return int(found[1]), int(found[2])


def check_version(command: list[str], name: str, least: tuple[int, int]) -> None:
    """Raise LeftOutError for a tool that is missing or too old."""
    version = version_of(command, name)
    if version < least:
        raise LeftOutError(f"{name} {version[0]}.{version[1]} is older than {least[0]}.{least[1]}")


def build(command: list[str], folder: Path) -> None:
    """Run one step of a build. Raises LeftOutError with the end of what it said."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise LeftOutError(f"{' '.join(command)}: " + " | ".join(said[-3:]))


def stage(source: Path) -> Path:
    """Copy a program's sources beside what is built of them."""
    folder = HOME / source.name
    shutil.copytree(source, folder, dirs_exist_ok=True)
    return folder


def make_go() -> list[str]:
    """Build the Go program; return its command."""
    check_version(["go", "version"], "Go", GO_MIN)
    folder = stage(SOURCES / "go")
    build(["go", "build", "-o", "program", "."], folder)
    return [str(folder / "program")]


def make_machinery() -> list[str]:
    """Build the Go program; return the command that starts the brokers and runs both sides."""
    return make_with_brokers(MACHINERY, "exchange.py")


def make_example() -> list[str]:
    """Build the Go producer of the example; return the command that runs it with its worker."""
    return make_with_brokers(EXAMPLE, "example.py")


def make_with_brokers(source: Path, script: str) -> list[str]:
    """Build a Go program; return the command of the script that runs it."""
    check_version(["go", "version"], "Go", GO_MIN)
    for server in SERVERS:
        if shutil.which(server) is None:
            raise LeftOutError(f"{server} is not installed: make servers")
    folder = stage(source)
    build(["go", "build", "-o", "program", "."], folder)
    return [sys.executable, str(MACHINERY / script), str(folder / "program")]


def make_typescript() -> list[str]:
    """Install the SDK where the lock file is new, compile; return the command."""
    check_version(["node", "--version"], "Node", NODE_MIN)
    version_of(["npm", "--version"], "npm")
    folder = stage(SOURCES / "typescript")
    lock = SOURCES / "typescript" / "package-lock.json"
    installed = folder / "node_modules" / "installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        # Not `npm ci`, which wants the binaries of every other platform in the lock file.
        build(["npm", "install", "--no-save", "--no-progress"], folder)
        shutil.copyfile(lock, installed)
    build([str(folder / "node_modules" / ".bin" / "tsc")], folder)
    return ["node", str(folder / "lib" / "program.js")]


@dataclass(slots=True)
class Program:
    """How a program is made, by its language's name."""

    name: str
    make: Callable[[], list[str]]


PROGRAMS = (
    Program("go", make_go),
    Program("typescript", make_typescript),
    Program("machinery", make_machinery),
    Program("machinery-example", make_example),
)


@contextmanager
def fresh_server() -> Iterator[str]:
    """A `poly dev` of its own; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(POLY), "dev", "--port", "0", "--db-filename", f"{folder}/runs.db"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                found = re.search(r"gRPC on (\S+)", server.stdout.readline())
                assert found is not None, "poly dev did not start"
                yield found[1]
            finally:
                server.terminate()
                server.wait(30)


def run_program(program: Program) -> bool:
    """Build and run a program; return whether all was as expected. Raises LeftOutError."""
    try:
        command = program.make()
    except subprocess.TimeoutExpired as error:
        raise LeftOutError(f"building took over {BUILD_S} s") from error
    with fresh_server() as address:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        try:
            done = subprocess.run([*command, address], env=environment, timeout=RUN_S, check=False)
        except subprocess.TimeoutExpired:
            print(f"{program.name}: not at its end after {RUN_S} s", flush=True)
            return False
    return done.returncode == 0


def main() -> int:
    """Run the programs and return the exit code."""
    parser = argparse.ArgumentParser(description="programs of other SDKs against poly dev")
    parser.add_argument("names", nargs="*", metavar="NAME", help="go, typescript, machinery ...")
    parser.add_argument("--strict", action="store_true", help="leaving one out is a failure")
    options = parser.parse_args()
    failed, left_out = [], []
    for program in PROGRAMS:
        if options.names and program.name not in options.names:
            continue
        try:
            if not run_program(program):
                failed.append(program.name)
        except LeftOutError as error:
            left_out.append(program.name)
            print(f"{program.name}: left out: {error}", flush=True)
    for words, names in (("failed", failed), ("left out", left_out)):
        if names:
            print(f"{words}: {', '.join(names)}", flush=True)
    return int(bool(failed or (options.strict and left_out)))


if __name__ == "__main__":
    sys.exit(main())
