"""docs/machinery.md: its programs run, and print what the page says."""

import contextlib
import io
import runpy

import pytest

from redis_servers import redis_server
from snippets import blocks
from tidy.source import ROOT

PAGE = ROOT / "docs" / "machinery.md"
PROGRAMS = [one for one in blocks(PAGE) if one.language == "python"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.heading)
def test_a_program_of_the_page_runs(program, tmp_path, monkeypatch):
    said = io.StringIO()
    with redis_server() as server:
        file = tmp_path / "program.py"
        file.write_text(program.text.replace("redis://127.0.0.1:6379", server.url))
        monkeypatch.chdir(tmp_path)
        with contextlib.redirect_stdout(said):
            runpy.run_path(str(file), run_name="__main__")
    promised = [one for one in blocks(PAGE) if one.language == "text"]
    [wanted] = [one.text for one in promised if one.heading == program.heading]
    assert said.getvalue() == wanted


def test_the_tests_that_the_page_names_are_there():
    tests = "".join(file.read_text() for file in (ROOT / "tests" / "brokers").glob("test_*.py"))
    named = [part for part in PAGE.read_text().split("`") if part.startswith("test_")]
    assert named
    assert [name for name in named if f"def {name}(" not in tests] == []
