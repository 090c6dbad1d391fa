"""The documents stay short and true: links lead somewhere, named verbs exist."""

import re

import pytest

from tidy.source import ROOT

ARCHITECTURE_LINES_MAX = 200
MAKE_VERBS_MAX = 12
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAKE_VERB = re.compile(r"(?:`|^\$ ?|^)make ([a-z][a-z-]*)", re.MULTILINE)
CODE_SPAN = re.compile(r"`make [^`]*`")

DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md") for path in ROOT.glob(pattern)
)


def make_verbs() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):.*## ", text, re.MULTILINE))


def test_the_map_stays_a_map():
    lines = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < ARCHITECTURE_LINES_MAX


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))
    files = [t.partition("#")[0] for t in LINK.findall(text) if "://" not in t]
    broken = [f for f in files if f and not (path.parent / f).exists()]
    assert not broken, f"{path.name} links to {broken}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_make_verbs_exist(path):
    text = path.read_text(encoding="utf-8")
    code = [*CODE_BLOCK.findall(text), *CODE_SPAN.findall(CODE_BLOCK.sub("", text))]
    named = set(MAKE_VERB.findall("\n".join(code)))
    assert named <= make_verbs(), f"{path.name} names make verbs that do not exist"


def test_make_has_at_most_twelve_verbs():
    assert 1 <= len(make_verbs()) <= MAKE_VERBS_MAX


def test_every_decision_record_names_its_price():
    for path in (ROOT / "docs/adr").glob("*.md"):
        headings = re.findall(r"^## (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Choice", "Refused", "Price"], path.name
