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
