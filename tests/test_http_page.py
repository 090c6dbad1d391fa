"""docs/http.md is true: its commands run, in order, against a fresh `poly dev`."""

import re
import shutil
import subprocess

import pytest

from poly_process import PolyProcess
from snippets import blocks
from tidy.source import ROOT

PAGE = ROOT / "docs" / "http.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands of the page are curl's")
def test_the_commands_of_the_page_run(tmp_path):
    programs = [one.text for one in blocks(PAGE) if one.language == "sh"]
    assert len(programs) >= 3
    with PolyProcess(tmp_path) as server:
        found = re.search(r"HTTP on (\S+)", server.line())
        assert found
        for program in programs:
            script = program.replace("curl -s", "curl -sS --fail-with-body -g")
            ran = subprocess.run(
                ["bash", "-euc", script],
                check=False,
                env={"URL": f"http://{found[1]}", "PATH": "/usr/local/bin:/usr/bin:/bin"},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert ran.returncode == 0, (program, ran.stdout, ran.stderr)
            assert ran.stdout
