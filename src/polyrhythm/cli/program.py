"""The verbs of `poly`, and nothing that they need: each loads its own part when it runs.

A server wants protobuf, gRPC and a database; `poly --version` wants none of them, and `poly dev`
has to answer its first call within a second of being started.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Annotated, Any

import typer

from polyrhythm import __version__
from polyrhythm.cli.argo_verbs import build_argo
from polyrhythm.cli.flags import (
    BackupFlags,
    CheckFlags,
    DevFlags,
    ExportFlags,
    ImportFlags,
    LetterFlags,
    LettersFlags,
    ReplayFlags,
    RunFlags,
    SkippingFlags,
    takes,
)
from polyrhythm.cli.schedule_verbs import build_schedule
from polyrhythm.cli.vocabulary import load_vocabulary_only
from polyrhythm.cli.workflow_verbs import build_workflow

# Said to gRPC's core before it is loaded: this program never forks, and a failed bind is an
# exception here, not a stack of lines from C++.
GRPC_ENVIRONMENT = {"GRPC_ENABLE_FORK_SUPPORT": "false", "GRPC_VERBOSITY": "NONE"}


def _run(part: str, flags: Any) -> int:
    load_vocabulary_only()
    for name, value in GRPC_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    code: int = import_module(f"polyrhythm.cli.{part}").run(flags)
    return code


def _dev(flags: DevFlags) -> int:
    """Run a server on one SQLite file, for development and for one machine.

    A second one on the same file serves its own port through the first, and takes over when that
    one dies. SIGTERM and SIGINT end it in order.

    Exit codes: 0 ended as asked, 1 could not start, 2 bad flags, 3 the port is taken.
    """
    return _run("dev", flags)


def _test_server(flags: SkippingFlags) -> int:
    """Run a server in memory whose clock skips, for tests of workflows in any language.

    Time skipping environments of the official SDKs start it by its path.

    Exit codes: 0 ended as asked, 2 bad flags, 3 the port is taken.
    """
    return _run("test_server", flags)


def _run_program(flags: RunFlags) -> int:
    """Run a program's App: its workflows and tasks, until SIGTERM or SIGINT; shows progress.

    With --start, one run of it: the result goes to standard output as JSON.

    Exit codes: 0 ended as asked, 1 the run or the App failed, 2 no such App, workflow or JSON.
    """
    code: int = import_module("polyrhythm.cli.run").run(flags)
    return code


def _replay(flags: ReplayFlags) -> int:
    """Check a program's workflow code against recorded histories.

    They are what `poly export` and `temporal workflow show --output json` write.

    Exit codes: 0 the code follows all, 1 one could not be read or replayed, 2 no such App, 5 the
    code does something else than a history says.
    """
    code: int = import_module("polyrhythm.cli.replay").run(flags)
    return code


def _db_check(flags: CheckFlags) -> int:
    """Read a whole file and say whether it is sound; its owner may be running, but for a repair.

    Exit codes: 0 sound, 1 could not be read, 4 damaged.
    """
    return _run("db_check", flags)


def _db_backup(flags: BackupFlags) -> int:
    """Copy a file while its owner may be running.

    Exit codes: 0 copied, 1 could not be copied.
    """
    return _run("db_backup", flags)


def _export(flags: ExportFlags) -> int:
    """Write runs as lines of JSON: histories for replayers, or everything for another file.

    Exit codes: 0 written, 1 could not be read or written, 2 bad flags.
    """
    return _run("export_runs", flags)


def _import(flags: ImportFlags) -> int:
    """Take runs into a file that no server has: of a full export, or closed histories.

    Exit codes: 0 taken, 1 could not be taken.
    """
    return _run("import_runs", flags)


def _letters_list(flags: LettersFlags) -> int:
    """Print every run that failed or ran out of time and that nothing follows, as lines of JSON.

    Exit codes: 0 listed, 1 could not be read.
    """
    code: int = import_module("polyrhythm.cli.dead_letters").run_list(flags)
    return code


def _letters_requeue(flags: LetterFlags) -> int:
    """Begin dead letters again, under the same id and with the same input.

    Exit codes: 0 all are begun, 1 one could not be, 2 none was named.
    """
    code: int = import_module("polyrhythm.cli.dead_letters").run_requeue(flags)
    return code


def _letters_delete(flags: LetterFlags) -> int:
    """Delete dead letters, with their histories.

    Exit codes: 0 all are deleted, 1 one could not be, 2 none was named.
    """
    code: int = import_module("polyrhythm.cli.dead_letters").run_delete(flags)
    return code


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"poly {__version__}")
        raise typer.Exit


def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Polyrhythm: a durable workflow engine that Temporal SDKs can be pointed at."""


def _build() -> typer.Typer:
    plain: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None}
    program = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, **plain)
    program.callback()(_program)
    program.command("dev")(takes(DevFlags, _dev))
    program.command("test-server")(takes(SkippingFlags, _test_server))
    program.command("run")(takes(RunFlags, _run_program))
    program.command("worker", help="The same as `poly run`.")(takes(RunFlags, _run_program))
    program.command("replay")(takes(ReplayFlags, _replay))
    program.command("export")(takes(ExportFlags, _export))
    program.command("import")(takes(ImportFlags, _import))
    # `temporal server start-dev`, for programs that start a server by that name.
    server = typer.Typer(no_args_is_help=True, **plain)
    server.callback(help="The same as `poly dev`, under Temporal's name.")(lambda: None)
    server.command("start-dev")(takes(DevFlags, _dev))
    program.add_typer(server, name="server", hidden=True)
    database = typer.Typer(no_args_is_help=True, **plain)
    database.command("check")(takes(CheckFlags, _db_check))
    database.command("backup")(takes(BackupFlags, _db_backup))
    program.add_typer(database, name="db", help="Look after a file.")
    letters = typer.Typer(no_args_is_help=True, **plain)
    letters.command("list")(takes(LettersFlags, _letters_list))
    letters.command("requeue")(takes(LetterFlags, _letters_requeue))
    letters.command("delete")(takes(LetterFlags, _letters_delete))
    program.add_typer(letters, name="dead-letters", help="Runs that failed and nothing follows.")
    program.add_typer(build_argo(plain), name="argo", help="Workflows of Argo, without Kubernetes.")
    program.add_typer(build_schedule(plain), name="schedule", help="Jobs and their times.")
    program.add_typer(build_workflow(plain), name="workflow", help="Runs: see, begin, end them.")
    return program


def main() -> None:
    """Run `poly`."""
    _build()()
