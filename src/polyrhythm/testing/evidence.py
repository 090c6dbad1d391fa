"""What every report of figures says of itself: the commit it measured, and how values spread.

Used by the simulator, the crash suite and the benchmarks, which keep their figures as one JSON
object a file in docs/evidence.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent


def commit() -> str:
    """Return the commit of this source, with `+` when the package was changed since; "unknown"
    outside a repository."""
    name = _git("rev-parse", "HEAD")
    if not name:
        return "unknown"
    return name + ("+" if _git("status", "--porcelain", "--", str(HERE.parent)) else "")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum; nothing of no values."""
    if not values:
        return {}
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 1),
        "p99": round(ordered[int(0.99 * len(ordered))], 1),
        "max": round(ordered[-1], 1),
    }


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", "-C", str(HERE), *arguments],  # noqa: S607 - of whoever measures
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()
