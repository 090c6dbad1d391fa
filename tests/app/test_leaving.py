"""SIGTERM in `with app:` leaves the block in order; child processes know the app's converter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from polyrhythm import App, Converter, Custom

PROGRAM = """
import signal, sys
from polyrhythm import App, Signal

GO = Signal("go", str)
app = App("left", url=sys.argv[1], stop="2s")

@app.workflow
async def waits() -> str:
    return await GO.next()

if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, lambda *_: print("own", flush=True) or sys.exit(7))
before = signal.getsignal(signal.SIGTERM)
try:
    with app:
        run = waits.options(id="w").start()
        print("ready", flush=True)
        run.result()
finally:
    print("left", signal.getsignal(signal.SIGTERM) == before, flush=True)
"""


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [([], 128 + signal.SIGTERM, "left True"), (["own"], 7, "own\nleft True")],
)
def test_sigterm_leaves_the_block_unless_the_program_has_a_handler(
    tmp_path: Path, more: list[str], code: int, said: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    file = str(tmp_path / "left.db")
    process = subprocess.Popen(
        [sys.executable, str(program), file, *more], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest.strip()) == (code, said)
    assert not os.path.exists(f"{file}-wal"), "the file was not closed"


class Opaque:
    """A type that nothing writes by itself."""

    def __init__(self, text: str) -> None:
        self.text = text


CONVERTER = Converter({Opaque: Custom(take=lambda one: one.text, make=Opaque)})
app = App("converts", durability="memory", converter=CONVERTER)


@app.task(process=True, timeout="30s", retry=1)
def louder(one: Opaque) -> Opaque:
    return Opaque(f"{one.text.upper()} {os.getpid() != int(one.text.split()[-1])}")


@app.workflow
async def shout(text: str) -> str:
    return (await louder(Opaque(text))).text


def test_a_child_process_uses_the_apps_converter() -> None:
    with app:
        assert shout.execute(f"hello {os.getpid()}") == f"HELLO {os.getpid()} True"
