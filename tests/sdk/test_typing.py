"""Both type checkers accept what users write and refuse each wrong use, and nothing else.

`typing/right.py` is the example, `typing/wrong.py` has wrong uses; a line that must be refused says
so. The checkers read the library's sources as any program that uses it does.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from tidy.source import ROOT

FOLDER = Path(__file__).parent / "typing"
FILES = ["right.py", "wrong.py"]
WRONG_USES_MIN = 5


def marked() -> set[tuple[str, int]]:
    lines = (FOLDER / "wrong.py").read_text(encoding="utf-8").splitlines()
    return {("wrong.py", number) for number, line in enumerate(lines, 1) if "# wrong:" in line}


def run(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command, *FILES],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_mypy_strict_refuses_the_wrong_uses_only():
    cache = ROOT / ".cache/mypy-of-users"
    output = run("mypy", "--strict", "--config-file=", f"--cache-dir={cache}")
    found = re.findall(r"^([\w.]+):(\d+): error: ", output, re.MULTILINE)
    assert {(name, int(line)) for name, line in found} == marked(), output


def test_pyright_refuses_the_wrong_uses_only():
    output = run("pyright", "--outputjson", "--pythonpath", sys.executable)
    found = [
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in json.loads(output)["generalDiagnostics"]
        if one["severity"] == "error"
    ]
    assert set(found) == marked(), output


def test_there_are_enough_wrong_uses():
    assert len(marked()) >= WRONG_USES_MIN
