"""`poly argo lint`: findings of manifests, a line each, with their file and line.

Every file is read before anything is said, so that templates of one are found by another.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from polyrhythm.cli.argo_flags import LintFlags, LintOutput
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.dialects.argo.model.check import check_manifests
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.manifest import Manifest, read_manifests
from polyrhythm.dialects.argo.model.problems import Finding, ManifestError

SUFFIXES = (".yaml", ".yml", ".json")


def run(flags: LintFlags) -> int:
    """Check the files and return the exit code."""
    try:
        files = [file for name in flags.files for file in find_files(name)]
        texts = [(str(file), read_text(file)) for file in files]
    except (OSError, UnicodeDecodeError) as error:
        print(f"poly argo lint: {error}", file=sys.stderr)
        return ExitCode.USAGE
    manifests: list[Manifest] = []
    findings: list[Finding] = []
    for name, text in texts:
        try:
            manifests += read_manifests(text, name)
        except ManifestError as error:
            findings += error.findings
    kinds = {kind.lower().removesuffix("s") for kind in flags.kinds}
    chosen = [each for each in manifests if not kinds or each.kind.lower() in kinds]
    if not flags.strict:
        for each in chosen:
            each.findings = []
    findings += check_manifests(chosen, Library.of(manifests, complete=not flags.offline))
    _print(findings, len(chosen), flags.output)
    return ExitCode.FAILED if findings else ExitCode.OK


def find_files(name: str) -> list[Path]:
    """A file, or the manifests below a folder, in order."""
    path = Path(name)
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)


def read_text(path: Path) -> str:
    """The text of a file; `-` is standard input."""
    return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")


def _print(findings: list[Finding], count: int, output: LintOutput) -> None:
    if output is LintOutput.JSON:
        rows = [{"file": each.file, "line": each.line, "text": each.text} for each in findings]
        print(json.dumps(rows))
        return
    for finding in findings:
        print(finding)
    if output is LintOutput.PRETTY:
        found = f"{len(findings)} linting errors found!" if findings else "no linting errors found!"
        print(f"{count} manifests checked: {found}", file=sys.stderr)
