"""The guide of native Python and its pages are true: each section runs, and prints what it says.

The blocks of a section are one program; it is run in a folder of its own, as if by `python FILE`.
"""

import contextlib
import io
import os
import runpy

import backend_table
import pytest

from snippets import blocks
from tidy.source import ROOT

GUIDE = ROOT / "docs" / "python.md"
PAGES = (GUIDE, ROOT / "docs" / "canvas.md", ROOT / "docs" / "celery.md", ROOT / "docs" / "jobs.md")
PAGES += (ROOT / "docs" / "visibility.md",)
SECTIONS = list(dict.fromkeys((page, one.heading) for page in PAGES for one in blocks(page)))


@pytest.mark.parametrize(("page", "heading"), SECTIONS, ids=[one for _, one in SECTIONS])
def test_a_section_runs_and_prints_what_it_says(page, heading, tmp_path, monkeypatch):
    section = [one for one in blocks(page) if one.heading == heading]
    program = "".join(one.text for one in section if one.language == "python")
    expected = "".join(one.text for one in section if one.language == "text")
    assert program
    assert expected, f"{heading} promises nothing"
    file = tmp_path / "program.py"
    file.write_text(program, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(os.fspath(file), run_name="__main__")
    assert said.getvalue() == expected


def test_the_table_of_backends_is_what_the_links_say():
    assert backend_table.between(GUIDE.read_text(encoding="utf-8")) == backend_table.table()


def test_every_trait_has_a_row():
    assert backend_table.traits_without_a_row() == []
