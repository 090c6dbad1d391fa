"""Prints the table of backends that docs/python.md has, from the traits that links announce.

    python tools/backend_table.py

Paste it between the two marks of the document; a test compares the two.
"""

import asyncio
from dataclasses import fields
from typing import Any

from polyrhythm.links.grpc.link import GrpcLink
from polyrhythm.links.inproc.link import InProcLink
from polyrhythm.links.temporal import TemporalLink
from polyrhythm.sdk.link import Traits

BEGIN, END = "<!-- backends -->\n", "<!-- /backends -->"
ALL = ""
# What a user asks for, and the trait that it needs; none: every service has it.
FEATURES = (
    ("workflows, tasks, signals, queries, updates, children, timers, patches", ALL),
    ("retries: exponential, fixed, Fibonacci, by error, `RetryAfter`", ALL),
    ("`rate=`, `concurrency=`, `TokenBucket`: over all workers", "permits"),
    ("`run.at(time)`: a run as it was; projections", "notes"),
    ("workflow code inside the engine's commit, no calls between", "hosts_workers"),
    ("tasks started by themselves (Temporal servers: where they are on)", "standalone_activities"),
)
ADDRESS = "host:7233"


async def read_traits() -> dict[str, Traits]:
    """The traits of each link; none of them connects."""
    nowhere: Any = None
    grpc, temporal = GrpcLink(ADDRESS), TemporalLink(ADDRESS)
    found = {
        "a file": InProcLink(nowhere, nowhere).traits,
        "`poly://`": grpc.traits,
        "`temporal://`": temporal.traits,
    }
    await grpc.close()
    await temporal.close()
    return found


def table() -> str:
    """The table as Markdown."""
    backends = asyncio.run(read_traits())
    lines = ["| feature | " + " | ".join(backends) + " |", "|---" * (len(backends) + 1) + "|"]
    for feature, trait in FEATURES:
        marks = [trait == ALL or getattr(traits, trait) for traits in backends.values()]
        lines.append(
            "| " + " | ".join([feature, *("yes" if mark else "no" for mark in marks)]) + " |"
        )
    return "\n".join(lines) + "\n"


def between(document: str) -> str:
    """The table that a document has."""
    return document.partition(BEGIN)[2].partition(END)[0]


def traits_without_a_row() -> list[str]:
    """Traits that no line of the table asks for."""
    asked = {trait for _, trait in FEATURES}
    return [one.name for one in fields(Traits) if one.type == "bool" and one.name not in asked]


if __name__ == "__main__":
    print(table(), end="")
