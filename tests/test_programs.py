"""The runner of other SDKs' programs: what is left out, and that a wrong program is noticed."""

import json
import sys

import pytest

import programs


def test_a_tool_that_is_missing_or_too_old_leaves_its_program_out():
    with pytest.raises(programs.LeftOutError, match="Fortran is not installed"):
        programs.check_version(["fortran-of-nobody"], "Fortran", (1, 0))
    said = [sys.executable, "-c", "print('tool version 1.22.9')"]
    with pytest.raises(programs.LeftOutError, match=r"Tool 1\.22 is older than 1\.23"):
        programs.check_version(said, "Tool", (1, 23))
    programs.check_version(said, "Tool", (1, 22))


def test_a_build_that_fails_says_its_end(tmp_path):
    with pytest.raises(programs.LeftOutError, match="no network here"):
        programs.build([sys.executable, "-c", "raise SystemExit('no network here')"], tmp_path)


@pytest.mark.parametrize(("code", "good"), [("0", True), ("1", False)])
def test_the_exit_code_of_a_program_counts(code, good):
    command = [sys.executable, "-c", f"import sys; sys.exit({code} if ':' in sys.argv[1] else 9)"]
    assert programs.run_program(programs.Program("any", lambda: command)) is good


def test_lock_files_name_no_host_and_pin_every_package():
    folder = programs.SOURCES / "typescript"
    text = (folder / "package-lock.json").read_text()
    assert "http" not in text
    locked = json.loads(text)["packages"]
    wanted = json.loads((folder / "package.json").read_text())
    for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert "go.temporal.io/sdk v1.41.1 h1:" in (programs.SOURCES / "go" / "go.sum").read_text()
    machinery = (programs.MACHINERY / "go.sum").read_text()
    assert "github.com/RichardKnop/machinery/v2 v2.0.16 h1:" in machinery


def test_programs_of_machinery_want_the_servers(monkeypatch):
    monkeypatch.setattr(programs, "SERVERS", ("broker-of-nobody",))
    monkeypatch.setattr(programs, "check_version", lambda *_: None)
    with pytest.raises(programs.LeftOutError, match="make servers"):
        programs.make_machinery()
