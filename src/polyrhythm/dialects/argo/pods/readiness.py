"""Whether a daemon is ready: its probe succeeds, or it has none and runs.

Probes are those of Kubernetes: `exec` beside the container, `tcpSocket`, `httpGet` at its address.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.executors.port import SECOND_NS, Run

# A probe's own period is meant for clusters: asking this machine costs a millisecond.
EVERY_S = 0.1
ANSWER_BYTES_MAX = 4096
ANSWER_S = 5.0


async def wait_ready(run: Run, probe: Tree, address: str) -> None:
    """Wait until the probe succeeds, or until the container has ended."""
    await asyncio.sleep(float(probe.get("initialDelaySeconds") or 0))
    ending = asyncio.ensure_future(run.wait())
    try:
        while not ending.done() and not await _answers(run, probe, address):
            await asyncio.wait([ending], timeout=EVERY_S)
    finally:
        ending.cancel()


async def _answers(run: Run, probe: Tree, address: str) -> bool:
    timeout_s = float(probe.get("timeoutSeconds") or 1)
    if probe.get("exec"):
        command = [str(word) for word in probe["exec"].get("command") or []]
        return await run.probe(command, int(timeout_s * SECOND_NS)) == 0
    place: Tree = probe.get("tcpSocket") or probe.get("httpGet") or {}
    if not place:
        return True
    host, port = str(place.get("host") or address), int(str(place.get("port") or 80))
    with suppress(OSError, TimeoutError, ValueError, IndexError):
        async with asyncio.timeout(min(timeout_s, ANSWER_S)):
            return await _connects(host, port, probe.get("httpGet"))
    return False


async def _connects(host: str, port: int, get: Tree | None) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        if get is None:
            return True
        path = str(get.get("path") or "/")
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        await writer.drain()
        head = await reader.read(ANSWER_BYTES_MAX)
        return 200 <= int(head.split()[1]) < 400
    finally:
        writer.close()
