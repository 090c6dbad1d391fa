"""The flags of each verb as a record: its fields are the options, its instance the call.

Names, short forms and meanings are those of `temporal server start-dev`, so that what starts one
starts the other; a flag for something that is not built is taken and answered with a log line.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any

import typer


class LogLevel(StrEnum):
    """How much is logged; `never` logs nothing."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    NEVER = "never"


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"
    PRETTY = "pretty"


class Durability(StrEnum):
    """What a commit survives: a power cut, a crash of the process, nothing."""

    FULL = "full"
    NORMAL = "normal"
    MEMORY = "memory"


def _option(*names: str, help: str) -> Any:  # noqa: A002 - typer's own word
    return typer.Option(*names, help=help)


def _pairs(name: str, meaning: str) -> Any:
    return typer.Option(name, help=meaning, metavar="KEY=VALUE")


@dataclass(slots=True)
class DevFlags:
    """The flags of `poly dev`."""

    ip: Annotated[str, _option("--ip", help="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="Port of gRPC; 0: any free one.")
    ] = 7233
    ui_port: Annotated[
        int | None, typer.Option("--ui-port", min=0, max=65535, help="Port of HTTP; --port + 1000.")
    ] = None
    ui_ip: Annotated[str, _option("--ui-ip", help="Address of --ui-port; that of --ip.")] = ""
    http_port: Annotated[
        int, typer.Option("--http-port", min=0, max=65535, help="A port more with the same HTTP.")
    ] = 0
    metrics_port: Annotated[
        int, typer.Option("--metrics-port", min=0, max=65535, help="And one more, for /metrics.")
    ] = 0
    ui_asset_path: Annotated[str, typer.Option("--ui-asset-path", hidden=True)] = ""
    ui_codec_endpoint: Annotated[str, typer.Option("--ui-codec-endpoint", hidden=True)] = ""
    ui_public_path: Annotated[str, typer.Option("--ui-public-path", hidden=True)] = ""
    headless: Annotated[
        bool, typer.Option("--headless", help="No --ui-port: no HTTP unless --http-port asks.")
    ] = False
    db_filename: Annotated[
        str, _option("--db-filename", "-f", help="The file; made when it is not there.")
    ] = "polyrhythm.db"
    durability: Annotated[
        Durability,
        _option("--durability", help="full: fsync before every answer; memory: no file."),
    ] = Durability.FULL
    tls_cert: Annotated[str, _option("--tls-cert", help="PEM file: certificate, with chain.")] = ""
    tls_key: Annotated[str, _option("--tls-key", help="PEM file: the certificate's key.")] = ""
    tls_client_ca: Annotated[
        str, _option("--tls-client-ca", help="PEM file: CAs that clients' certificates are of.")
    ] = ""
    access: Annotated[
        str, _option("--access", help="TOML file: who has which API key and which roles.")
    ] = ""
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines in though nothing protects.")
    ] = False
    namespace: Annotated[
        list[str], _option("--namespace", "-n", help="Register it, beside `default`; repeatable.")
    ] = field(default_factory=list)
    search_attribute: Annotated[
        list[str], _pairs("--search-attribute", "Register it in every namespace named here.")
    ] = field(default_factory=list)
    dynamic_config_value: Annotated[
        list[str], _pairs("--dynamic-config-value", "A limit or a setting, by Temporal's name.")
    ] = field(default_factory=list)
    sqlite_pragma: Annotated[
        list[str], _pairs("--sqlite-pragma", "Logged and left alone: --durability decides.")
    ] = field(default_factory=list)
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="How much is logged.")
    ] = LogLevel.WARN
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", case_sensitive=False, help="How it looks.")
    ] = LogFormat.TEXT
    log_config: Annotated[bool, typer.Option("--log-config", hidden=True)] = False
    color: Annotated[str, typer.Option("--color", hidden=True)] = ""
    output: Annotated[str, typer.Option("--output", "-o", hidden=True)] = ""


@dataclass(slots=True)
class SkippingFlags:
    """The arguments of `poly test-server`."""

    port: Annotated[
        int, typer.Argument(min=0, max=65535, help="Port of gRPC; 0: any free one.")
    ] = 7233
    enable_time_skipping: Annotated[
        bool, typer.Option("--enable-time-skipping", help="The clock begins unlocked.")
    ] = False
    ip: Annotated[str, _option("--ip", help="Address to listen on.")] = "127.0.0.1"
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="How much is logged.")
    ] = LogLevel.WARN
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", case_sensitive=False, help="How it looks.")
    ] = LogFormat.TEXT


@dataclass(slots=True)
class CheckFlags:
    """The arguments of `poly db check`."""

    file: Annotated[str, typer.Argument(help="A file of this program.")]
    deep: Annotated[
        bool, typer.Option("--deep", help="Also compare each run's row with its log's fold.")
    ] = False
    repair: Annotated[
        bool, typer.Option("--repair", help="The same, and write rows that differ anew; no server.")
    ] = False


@dataclass(slots=True)
class BackupFlags:
    """The arguments of `poly db backup`."""

    file: Annotated[str, typer.Argument(help="A file of this program; its owner may be running.")]
    to: Annotated[str, typer.Argument(help="Where the copy goes; must not exist.")]


class ExportForm(StrEnum):
    """What an export holds of a run: its history, or everything another file needs to go on."""

    TEMPORAL = "temporal"
    FULL = "full"


@dataclass(slots=True)
class ExportFlags:
    """The flags of `poly export`."""

    db: Annotated[str, _option("--db", help="A file of this program; its owner may run.")] = ""
    address: Annotated[str, _option("--address", help="A service instead, as HOST:PORT.")] = ""
    namespace: Annotated[
        str, _option("--namespace", "-n", help="Of a file all, of a service default.")
    ] = ""
    workflow_id: Annotated[str, _option("--workflow-id", "-w", help="Only runs of this id.")] = ""
    run_id: Annotated[str, _option("--run-id", "-r", help="Only this run.")] = ""
    form: Annotated[
        ExportForm,
        _option("--form", help="temporal: histories; full: what an import goes on from."),
    ] = ExportForm.TEMPORAL
    output: Annotated[str, _option("--output", "-o", help="A file; - is standard output.")] = "-"


@dataclass(slots=True)
class LettersFlags:
    """The arguments of `poly dead-letters list`."""

    url: Annotated[str, typer.Argument(help="A file, poly://host:port or temporal://host:port.")]
    query: Annotated[str, _option("--query", "-q", help="Only runs that this filter matches.")] = ""
    namespace: Annotated[str, _option("--namespace", "-n", help="Where they are.")] = "default"
    limit: Annotated[int, _option("--limit", help="At most so many; 0: all.")] = 0


@dataclass(slots=True)
class LetterFlags:
    """The arguments of `poly dead-letters requeue` and `delete`."""

    url: Annotated[str, typer.Argument(help="A file, poly://host:port or temporal://host:port.")]
    workflow_id: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None
    query: Annotated[str, _option("--query", "-q", help="All that this filter matches.")] = ""
    namespace: Annotated[str, _option("--namespace", "-n", help="Where they are.")] = "default"


@dataclass(slots=True)
class ImportFlags:
    """The arguments of `poly import`."""

    source: Annotated[str, typer.Argument(help="What `poly export` wrote, or a history; - reads.")]
    db_filename: Annotated[
        str, _option("--db-filename", "-f", help="Where the runs go; made when it is not there.")
    ] = "polyrhythm.db"
    namespace: Annotated[
        str, _option("--namespace", "-n", help="Where histories go; of a full export only this.")
    ] = ""
    workflow_id: Annotated[
        str, _option("--workflow-id", "-w", help="Of a history that does not say it.")
    ] = ""
    run_id: Annotated[str, _option("--run-id", "-r", help="The same, its run id.")] = ""
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave runs alone that are there already.")
    ] = False
    skip_open: Annotated[
        bool, typer.Option("--skip-open", help="Leave out histories of open runs.")
    ] = False


@dataclass(slots=True)
class RunFlags:
    """The arguments of `poly run` and `poly worker`."""

    target: Annotated[str, typer.Argument(help="FILE.py, FILE.py:APP, MODULE or MODULE:APP.")]
    url: Annotated[
        str, _option("--url", help="Where runs live, instead of where the program says.")
    ] = ""
    start: Annotated[
        str, _option("--start", help="Start this workflow, print its result and end.")
    ] = ""
    input: Annotated[
        list[str], typer.Option("--input", metavar="JSON", help="An argument of it; repeatable.")
    ] = field(default_factory=list)
    id: Annotated[str, _option("--id", help="The workflow id of the started run.")] = ""
    queues: Annotated[
        str, _option("--queues", help="Work at these queues, a,b,c, instead of the App's own.")
    ] = ""
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=0, help="Tasks at once, of all queues together.")
    ] = 0
    autoscale: Annotated[
        str, _option("--autoscale", help="Between so many tasks at once: MIN-MAX.")
    ] = ""
    drain: Annotated[
        str, _option("--drain", help="What tasks in hand get to finish at the end: 10s, 5m.")
    ] = ""
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="How much is logged.")
    ] = LogLevel.WARN
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", case_sensitive=False, help="How it looks.")
    ] = LogFormat.TEXT


@dataclass(slots=True)
class ReplayFlags:
    """The arguments of `poly replay`."""

    target: Annotated[str, typer.Argument(help="FILE.py, FILE.py:APP, MODULE or MODULE:APP.")]
    histories: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Histories as JSON; - reads.")
    ]
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", case_sensitive=False, help="How much is logged.")
    ] = LogLevel.WARN
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", case_sensitive=False, help="How it looks.")
    ] = LogFormat.TEXT


def takes(flags: type, run: Callable[[Any], int]) -> Callable[..., None]:
    """Return a typer command whose options are the fields of `flags`; it runs `run(flags)`."""

    def command(**given: Any) -> None:
        raise typer.Exit(run(flags(**given)))

    made = {
        one.name: one.default_factory() for one in fields(flags) if callable(one.default_factory)
    }
    signature = inspect.signature(flags)
    parameters = [
        p.replace(default=made.get(p.name, p.default)) for p in signature.parameters.values()
    ]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = dict(inspect.get_annotations(flags))
    command.__doc__ = run.__doc__
    return command
