"""The verbs of `poly argo`, a group of their own below `poly`.

Each loads its part when it runs, as those of `program.py` do. What reads YAML is an extra:
`pip install polyrhythm[argo]`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer

from polyrhythm.cli.argo_flags import LintFlags, SubmitFlags
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import takes


def _run(part: str, flags: Any) -> int:
    if find_spec("yaml") is None:
        print("poly argo: manifests need PyYAML: pip install polyrhythm[argo]", file=sys.stderr)
        return ExitCode.FAILED
    code: int = import_module(f"polyrhythm.cli.{part}").run(flags)
    return code


def _lint(flags: LintFlags) -> int:
    """Check manifests of Argo: their fields, their types, what they refer to.

    Templates that they refer to are looked for in the same files.

    Exit codes: 0 nothing is wrong, 1 something is, 2 a file cannot be read.
    """
    return _run("argo_lint", flags)


def _submit(flags: SubmitFlags) -> int:
    """Run the workflows of files with an engine in this process, to their end.

    Templates and ConfigMaps that they refer to are looked for in the same files.

    Exit codes: 0 all succeeded, 1 one did not or could not begin, 2 a file cannot be read.
    """
    return _run("argo_submit", flags)


def build_argo(plain: dict[str, Any]) -> typer.Typer:
    """Return the group of verbs."""
    group = typer.Typer(no_args_is_help=True, **plain)
    group.command("lint")(takes(LintFlags, _lint))
    group.command("submit")(takes(SubmitFlags, _submit))
    return group
