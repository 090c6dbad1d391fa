"""docs/cli.md says what the program says: every verb, every visible flag, every exit code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import (
    DevFlags,
    ExportFlags,
    ImportFlags,
    ReplayFlags,
    RunFlags,
    SkippingFlags,
)
from polyrhythm.cli.schedule_flags import NextFlags
from polyrhythm.cli.workflow_verbs import VERBS

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
HIDDEN = {"ui_asset_path", "ui_codec_endpoint", "ui_public_path", "log_config", "color", "output"}


def test_every_flag_of_dev_is_on_the_page() -> None:
    for field in fields(DevFlags):
        if field.name not in HIDDEN:
            assert f"--{field.name.replace('_', '-')}" in PAGE, field.name


def test_every_flag_of_export_and_import_is_on_the_page() -> None:
    taken = (ExportFlags, ImportFlags, ReplayFlags, RunFlags, SkippingFlags)
    for field in (one for flags in taken for one in fields(flags)):
        if field.name not in ("source", "target", "histories", "port"):
            assert f"--{field.name.replace('_', '-')}" in PAGE, field.name


def test_every_flag_of_schedule_is_on_the_page() -> None:
    for field in fields(NextFlags):
        if field.name != "spec":
            assert f"--{field.name.removesuffix('_time').replace('_', '-')}" in PAGE, field.name


def test_every_verb_and_flag_of_workflow_is_on_the_page() -> None:
    for name, flags, _ in VERBS:
        assert f"poly workflow {name} " in PAGE
        for field in fields(flags):
            if field.name not in ("url", "name"):
                assert field.name.replace("_", "-") in PAGE, (name, field.name)


def test_every_exit_code_is_on_the_page() -> None:
    for code in ExitCode:
        assert f"| {code.value} | {code.name} |" in PAGE


def test_every_verb_is_on_the_page() -> None:
    for verb in (
        "poly dev",
        "poly db check",
        "poly db backup",
        "poly run",
        "poly test-server",
        "poly replay",
        "poly export",
        "poly import",
        "poly schedule next",
    ):
        assert f"`{verb}" in PAGE
