"""Log lines on standard error: as text, or one JSON object a line.

Everything of ours logs under `polyrhythm`; the levels are those of the Temporal command.
"""

from __future__ import annotations

import json
import logging
import sys

from polyrhythm.cli.flags import LogFormat, LogLevel

LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
    LogLevel.NEVER: logging.CRITICAL + 1,
}
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def set_up_logs(level: LogLevel, form: LogFormat) -> None:
    """Send log lines of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(TEXT))
    if form is LogFormat.JSON:
        handler.format = _json_line  # type: ignore[method-assign]
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)


def _json_line(record: logging.LogRecord) -> str:
    line = {
        "time": record.created,
        "level": record.levelname.lower(),
        "logger": record.name,
        "msg": record.getMessage(),
    }
    if record.exc_info:
        line["error"] = logging.Formatter().formatException(record.exc_info)
    return json.dumps(line)
