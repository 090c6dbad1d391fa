"""`poly dev`: one process, one file, one port.

Turns flags into settings, logs what it takes and does not have, and runs a node on uvloop until a
signal ends it. A second signal ends it at once; so does a store that will not finish.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import uvloop

from polyrhythm.app.compose import Place
from polyrhythm.app.namespaces import is_attribute_type
from polyrhythm.app.node import UNIX, Node, NodeSettings
from polyrhythm.app.socket_path import socket_path
from polyrhythm.base.collector import settle_collector
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.dynamic_config import BadSettingError, apply_dynamic_config
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import DevFlags, Durability
from polyrhythm.cli.guarding import guard, raise_file_limit
from polyrhythm.cli.logs import set_up_logs
from polyrhythm.cli.web_flags import address_of, web_settings
from polyrhythm.transports.grpc import AddressTaken

LOG = logging.getLogger("polyrhythm.dev")

# Flags of `temporal server start-dev` for parts that are not there: taken, and said so.
NOT_BUILT = (
    "ui_asset_path",
    "ui_codec_endpoint",
    "ui_public_path",
    "sqlite_pragma",
    "log_config",
)


def run(flags: DevFlags) -> int:
    """Serve until a signal; return the exit code."""
    set_up_logs(flags.log_level, flags.log_format)
    try:
        settings = settings_of(flags)
    except BadSettingError as error:
        print(f"poly dev: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except OSError as error:
        print(f"poly dev: no place for a socket beside the file: {error}", file=sys.stderr)
        return ExitCode.FAILED
    settings.wire.connections_max = raise_file_limit(settings.wire.connections_max)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except AddressTaken as error:
        print(f"poly dev: {error}: is it in use? --port takes another", file=sys.stderr)
        return ExitCode.ADDRESS_TAKEN
    except (PolyrhythmError, OSError) as error:
        print(f"poly dev: {error}", file=sys.stderr)
        return ExitCode.FAILED
    return ExitCode.OK


def settings_of(flags: DevFlags) -> NodeSettings:
    """Return what the flags mean. Raises BadSettingError."""
    configured = apply_dynamic_config(flags.dynamic_config_value)
    for key in configured.unknown:
        LOG.warning("dynamic config %s is not known here and has no effect", key)
    for name in NOT_BUILT:
        if value := getattr(flags, name):
            flag = name.replace("_", "-")
            LOG.warning("--%s %s: not built yet, has no effect", flag, value)
    attributes = dict(_attribute(pair) for pair in flags.search_attribute)
    place = Place("", str(flags.durability))
    if flags.durability is not Durability.MEMORY:
        file = os.path.realpath(flags.db_filename or "polyrhythm.db")
        place = Place(file, str(flags.durability), UNIX + socket_path(file))
    wire = configured.wire
    keyring = guard(flags, wire)
    return NodeSettings(
        address_of(flags.ip, flags.port),
        place,
        configured.limits,
        wire,
        [name for name in flags.namespace if name != "default"],
        keyring,
        attributes,
        web_settings(flags),
    )


def _attribute(pair: str) -> tuple[str, str]:
    name, sign, kind = pair.partition("=")
    if not sign or not name:
        raise BadSettingError(f"--search-attribute {pair!r} is not of the form NAME=TYPE")
    if not is_attribute_type(kind):
        raise BadSettingError(f"--search-attribute {pair!r}: {kind!r} is no type")
    return name, kind


async def _serve(settings: NodeSettings) -> None:
    node = Node(settings)
    loop = asyncio.get_running_loop()
    asked = 0

    def end() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            os._exit(ExitCode.FAILED)
        node.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    settle_collector()
    telling = asyncio.ensure_future(_tell(node.news))
    try:
        await node.run()
    except TimeoutError:
        LOG.error("the store did not finish in time; what was answered is written")
        os._exit(ExitCode.FAILED)
    finally:
        telling.cancel()


async def _tell(news: asyncio.Queue[str]) -> None:
    while True:
        print(f"poly dev: {await news.get()}", flush=True)
