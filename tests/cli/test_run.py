"""`poly run`: a program at work, one run of it, and everything that can be wrong with a target."""

import signal
import subprocess

import pytest

from poly_process import POLY

PROGRAM = """
from polyrhythm.app.application import App
from polyrhythm.sdk.task import TASK

app = App("greetings", url={file!r})

@app.task
async def greet(name: str, mark: str) -> str:
    TASK.progress(0.5, "half way")
    return f"Hello, {{name}}{{mark}}"

@app.task(retry=1)
def refuse(name: str) -> str:
    raise ValueError(f"nobody greets {{name}}")

@app.workflow
async def hello(name: str, mark: str) -> dict[str, str]:
    return {{"said": await greet(name, mark)}}

@app.workflow
async def silence(name: str) -> str:
    return await refuse(name)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "greetings.py"
    path.write_text(PROGRAM.format(file=str(tmp_path / "g.db")))
    return path


def poly_run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [str(POLY), "run", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_it_works_until_a_signal(program):
    command = [str(POLY), "run", str(program)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "g.db, durability full" in process.stderr.readline() + process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_one_run_and_its_result(program):
    words = ("--start", "hello", "--input", '"Ada"', "--input", '"!"', "--id", "g-1")
    done = poly_run(f"{program}:app", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == '{"said":"Hello, Ada!"}\n'
    assert "started hello, id g-1" in done.stderr
    assert "2 workflows and 2 tasks at queue greetings" in done.stderr
    # Again with the id: the run is closed, so there may be another.
    assert poly_run(program, *words).returncode == 0


def test_a_command_that_was_cut_short_is_given_again(program):
    text = (
        program.read_text()
        + """
@app.workflow
async def slow() -> str:
    return await GO.next()
"""
    )
    text = text.replace("app = App", 'GO = Signal("go", str)\napp = App')
    program.write_text(f"from polyrhythm import Signal\n{text}")
    words = ["run", str(program), "--start", "slow", "--id", "slow"]
    with subprocess.Popen([str(POLY), *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        started = next(line for line in process.stderr if "started slow" in line)
        process.kill()
    again = subprocess.Popen([str(POLY), *words], stderr=subprocess.PIPE, text=True)
    with again:
        assert again.stderr is not None
        joined = next(line for line in again.stderr if "started slow" in line)
        again.terminate()
    assert joined == started


def test_a_run_that_fails(program):
    done = poly_run(program, "--start", "silence", "--input", '"Bob"')
    assert done.returncode == 1
    assert "nobody greets Bob" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.py",), "there is no file nowhere.py"),
        (("no_such_module_here:app",), "there is no module 'no_such_module_here'"),
        (("{program}:nope",), "has no App 'nope'; its Apps are app"),
        (
            ("{program}", "--start", "nope"),
            "there is no workflow 'nope'; there are: hello, silence",
        ),
        (("{program}", "--input", "{{"), "--input is not JSON"),
        (("{program}", "--url", "postgresql://host/db"), "postgresql:// is not implemented yet"),
        (("{program}", "--url", "redis://host"), "temporal://host:port"),
    ],
)
def test_what_is_wrong_is_said(program, words, said):
    done = poly_run(*(word.format(program=program) for word in words))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_a_program_that_cannot_be_imported(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import json\njson.loads('{')\n")
    done = poly_run(path)
    assert done.returncode == 1
    assert "broken.py" in done.stderr
    assert "its own error is above" in done.stderr


def test_a_program_that_starts_itself_when_imported(tmp_path):
    path = tmp_path / "two.py"
    path.write_text("from polyrhythm.app.application import App\na = App('a')\nb = App('b')\n")
    done = poly_run(path)
    assert done.returncode == 2
    assert "its Apps are a, b" in done.stderr
