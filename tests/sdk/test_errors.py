"""Error codes are stable, distinct and documented."""

import importlib
import pkgutil
import re

import polyrhythm
from polyrhythm.base.errors import PolyrhythmError
from tidy.source import ROOT

ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| .+ \|$", re.MULTILINE)
# The program of a child process and the command line are started, not imported.
PROGRAMS = ("polyrhythm.sdk.worker.child", "polyrhythm.cli", "polyrhythm.testing")


def error_classes() -> dict[str, type[PolyrhythmError]]:
    for module in pkgutil.walk_packages(polyrhythm.__path__, "polyrhythm."):
        if not module.name.startswith(PROGRAMS):
            importlib.import_module(module.name)
    found: dict[str, type[PolyrhythmError]] = {}
    pending = list(PolyrhythmError.__subclasses__())
    while pending:
        one = pending.pop()
        pending += one.__subclasses__()
        if one.__module__.startswith("polyrhythm."):
            assert found.get(one.code, one) is one, f"{one} has the code of {found[one.code]}"
            found[one.code] = one
    return found


def test_every_code_has_one_class_and_one_line_in_the_docs():
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    documented = dict(ROW.findall(page))
    assert documented == {code: one.__name__ for code, one in error_classes().items()}
