"""`poly replay`: recorded histories against a program's workflow code, for continuous integration.

Nothing is started and nobody is called. Each history that the code cannot follow is named on
standard error, with file, line, what the code does now and what the history has.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from polyrhythm.app.application import App
from polyrhythm.app.finding import find_app
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import ReplayFlags
from polyrhythm.cli.logs import set_up_logs
from polyrhythm.sdk.errors import MisuseError, NondeterminismError
from polyrhythm.testing.replaying import Recorded, read_histories, replay


def run(flags: ReplayFlags) -> int:
    """Replay every history of the files; return the exit code."""
    set_up_logs(flags.log_level, flags.log_format)
    try:
        app = find_app(flags.target)
    except MisuseError as error:
        _say(str(error))
        return ExitCode.USAGE
    except Exception:  # noqa: BLE001 - a program may raise anything when it is imported
        traceback.print_exc()
        _say(f"{flags.target} could not be imported: its own error is above")
        return ExitCode.FAILED
    worst, count, bad = ExitCode.OK, 0, 0
    try:
        for one in _recorded(flags.histories):
            count += 1
            code = _check(app, one)
            bad += code is not ExitCode.OK
            # A history that could not be replayed at all says more than one that differs.
            if worst is not ExitCode.FAILED and code is not ExitCode.OK:
                worst = code
    except (MisuseError, OSError, UnicodeDecodeError) as error:
        _say(str(error))
        return ExitCode.FAILED
    _say(f"{count} replayed, {bad} failed")
    return worst


def _recorded(paths: list[str]) -> Iterator[Recorded]:
    for path in paths:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        yield from read_histories(text, "standard input" if path == "-" else path)


def _check(app: App, one: Recorded) -> ExitCode:
    try:
        replay(app, one.history)
    except NondeterminismError as error:
        _say(f"{one.label}: {error}")
        return ExitCode.DIVERGED
    except PolyrhythmError as error:
        _say(f"{one.label}: {error}")
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 - whatever workflow code raises is its own
        traceback.print_exc()
        _say(f"{one.label}: the code raised {type(error).__name__} outside of the run")
        return ExitCode.FAILED
    return ExitCode.OK


def _say(text: str) -> None:
    print(f"poly replay: {text}", file=sys.stderr, flush=True)
