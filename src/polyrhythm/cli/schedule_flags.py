"""The flags of `poly schedule ...`: a record a verb, whose fields are its options.

`flags.py` says how a record becomes the options of a command.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer


class DialectName(StrEnum):
    """How a spec is read: as robfig/cron v3 does, or with all that there is here."""

    GOCRON = "gocron"
    POLYRHYTHM = "polyrhythm"


def _option(*names: str, help: str) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help)


DIALECT = _option("--dialect", help="How the spec is read.")
SWITCHES = _option("--switches", help="As in 'days=and skipped=skip'; polyrhythm only.")
SECONDS = typer.Option("--seconds", help="Six fields, the second first; gocron only.")


@dataclass(slots=True)
class NextFlags:
    """The arguments of `poly schedule next`."""

    spec: Annotated[str, typer.Argument(help="'0 9 * * mon-fri', '@every 5s' ...")] = ""
    tz: Annotated[str, _option("--tz", help="A zone; the spec's own or UTC.")] = ""
    from_time: Annotated[str, _option("--from", help="ISO 8601; now if it is not said.")] = ""
    count: Annotated[int, _option("--count", "-n", help="How many.")] = 5
    dialect: Annotated[DialectName, DIALECT] = DialectName.POLYRHYTHM
    switches: Annotated[str, SWITCHES] = ""
    seconds: Annotated[bool, SECONDS] = False
    json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False
    stdin: Annotated[bool, typer.Option("--stdin", help="Answer lines of JSON, one by one.")] = (
        False
    )


URL = typer.Argument(help="A file, poly://host:port.")
TAG = _option("--tag", help="All that have this tag.")
NAMESPACE = typer.Option("--namespace", "-n", help="Where they are.")


@dataclass(slots=True)
class JobsFlags:
    """The arguments of `poly schedule list`."""

    url: Annotated[str, URL]
    tag: Annotated[str, TAG] = ""
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class JobFlags:
    """The arguments of `poly schedule pause`, `resume`, `run` and `remove`."""

    url: Annotated[str, URL]
    job_id: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None
    tag: Annotated[str, TAG] = ""
    reason: Annotated[str, _option("--reason", help="Kept with a pause.")] = ""
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class AddFlags:
    """The arguments of `poly schedule add`."""

    url: Annotated[str, URL]
    job_id: Annotated[str, typer.Argument(help="What it is called.")]
    spec: Annotated[str, typer.Argument(help="'0 9 * * mon-fri', '@every 5s' ...")]
    shell: Annotated[str, _option("--shell", help="A command for /bin/sh.")] = ""
    http: Annotated[str, _option("--http", help="A url to call.")] = ""
    method: Annotated[str, _option("--method", help="Of the call.")] = "GET"
    body: Annotated[str, _option("--body", help="Of the call.")] = ""
    expect: Annotated[
        list[int] | None, typer.Option("--expect", help="Exit codes, or statuses; repeated.")
    ] = None
    fails_on: Annotated[str, _option("--fails-on", help="A word that means failure.")] = ""
    timeout: Annotated[str, _option("--timeout", help="1h of a command, 30s of a call.")] = ""
    retry: Annotated[int, typer.Option("--retry", min=1, help="How often it is tried.")] = 1
    tz: Annotated[str, _option("--tz", help="A zone; the spec's own or UTC.")] = ""
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Repeated.")] = None
    overlap: Annotated[str, _option("--overlap", help="While the run before is open.")] = "skip"
    missed: Annotated[str, _option("--missed", help="latest, skip, all or a number.")] = "latest"
    jitter: Annotated[str, _option("--jitter", help="Late by less than that.")] = ""
    runs: Annotated[int, typer.Option("--runs", min=0, help="How often at all; 0: ever.")] = 0
    replace: Annotated[bool, typer.Option("--replace", help="Also if it is there.")] = False
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class CrontabFlags:
    """The arguments of `poly schedule import`."""

    url: Annotated[str, URL]
    crontab: Annotated[str, typer.Argument(help="A file; - is standard input.")]
    tag: Annotated[str, _option("--tag", help="What its jobs are tagged with.")] = "crontab"
    namespace: Annotated[str, NAMESPACE] = "default"


@dataclass(slots=True)
class WorkFlags:
    """The arguments of `poly schedule work`."""

    url: Annotated[str, URL]
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="At once.")] = 20
    namespace: Annotated[str, NAMESPACE] = "default"
