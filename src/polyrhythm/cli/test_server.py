"""`poly test-server`: a server whose clock skips, for tests of workflows written with any SDK.

Its arguments are those of the Java SDK's test server, which SDKs start by a path. It ends as that
one does: whoever started it kills it, and nothing is left behind.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import uvloop

from polyrhythm.base.collector import settle_collector
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.flags import SkippingFlags
from polyrhythm.cli.logs import set_up_logs
from polyrhythm.testing.time_server import serve
from polyrhythm.transports.grpc import AddressTaken


def run(flags: SkippingFlags) -> int:
    """Serve until a signal; return the exit code."""
    set_up_logs(flags.log_level, flags.log_format)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(flags))
    except AddressTaken as error:
        print(f"poly test-server: {error}: is it in use?", file=sys.stderr)
        return ExitCode.ADDRESS_TAKEN
    return ExitCode.OK


async def _serve(flags: SkippingFlags) -> None:
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()

    def end() -> None:
        if ending.is_set():
            os._exit(ExitCode.FAILED)
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    settle_collector()
    await serve(f"{flags.ip}:{flags.port}", flags.enable_time_skipping, _tell, ending)


def _tell(address: str) -> None:
    print(f"poly test-server: serving memory, gRPC on {address}", flush=True)
