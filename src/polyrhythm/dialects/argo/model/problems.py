"""What is wrong with a manifest, and where: file, line, path and a sentence.

A `Finding` is one problem of one place; `ManifestError` is what refuses a file, with all findings
that could be made before reading on became senseless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from polyrhythm.base.errors import PolyrhythmError


@dataclass(slots=True)
class Finding:
    """One problem. `line` counts from 1; 0 when the place is unknown."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """`file:line: text`, as compilers say it."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.text}"


class ManifestError(PolyrhythmError):
    """A manifest that cannot be run, with everything that was found wrong with it."""

    code = "manifest"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = list(findings)
