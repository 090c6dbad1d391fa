"""Reads a crontab: its lines as commands with their times and variables.

Of the format of cron(5) for users: five fields or a descriptor, then the command. `NAME=value`
counts for the lines below it, `CRON_TZ` and `TZ` name the zone, `SHELL` and `MAILTO` are read over.
Days are as cron has them: either of two restricted day fields lets a line act. A percent sign that
no backslash quotes would be standard input, which is refused, and `@reboot` too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from polyrhythm.base.errors import InvalidArgument

_ASSIGNMENT = re.compile(r"^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_ZONES = ("CRON_TZ", "TZ")
_READ_OVER = ("MAILTO", "MAILFROM", "SHELL", "RANDOM_DELAY", "START_HOURS_RANGE")
_FIELDS = 5


@dataclass(slots=True)
class CrontabLine:
    """One command of a crontab. `job_id` is made of the command's own name."""

    job_id: str
    number: int
    spec: str
    command: str
    tz: str = ""
    variables: dict[str, str] = field(default_factory=dict)


def read_crontab(text: str) -> Iterator[CrontabLine]:
    """Yield the commands of a crontab. Raises InvalidArgument, naming the line."""
    variables: dict[str, str] = {}
    zone, named = "", Counter[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        assigned = _ASSIGNMENT.match(line)
        if assigned is not None:
            name, value = assigned[1], _unquoted(assigned[2])
            if name in _ZONES:
                zone = value
            elif name not in _READ_OVER:
                variables[name] = value
            continue
        spec, command = _split(line, number)
        name = _name_of(command)
        named[name] += 1
        job_id = name if named[name] == 1 else f"{name}-{named[name]}"
        yield CrontabLine(job_id, number, spec, command, zone, dict(variables))


def _split(line: str, number: int) -> tuple[str, str]:
    count = 1 if line.startswith("@") else _FIELDS
    parts = line.split(None, count)
    if len(parts) <= count:
        raise InvalidArgument(f"line {number} has no command behind its times: {line}")
    spec, command = " ".join(parts[:count]), parts[count]
    if spec == "@reboot":
        raise InvalidArgument(f"line {number}: @reboot is no time; run it where the worker starts")
    if spec.startswith(("@every", "@at")):
        raise InvalidArgument(f"line {number}: cron has no {spec}")
    if "%" in command.replace("\\%", ""):
        raise InvalidArgument(
            f"line {number}: a % is standard input to cron, which is not built; write \\% for a %"
        )
    return spec, command.replace("\\%", "%")


def _name_of(command: str) -> str:
    """Return the name of the program that a command begins with."""
    for word in command.split():
        if "=" not in word:
            found = _WORD.findall(word.rpartition("/")[2])
            if found:
                return str(found[0])
    return "command"


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
