"""What the demo prints: the line of progress, and the table at the end.

On a terminal the progress is one line that is written over; elsewhere it is a line every two
seconds. The table has a row per order: how it ended, how often each step ran, and the alert.
"""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence

from audit import Outcome
from model import SALE_STEPS, Step

PLAIN_INTERVAL_S = 2.0
UNDO_STEPS = (Step.REFUND, Step.RELEASE, Step.CANCEL)


class Progress:
    """Prints notes, and between them one line of progress."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._printed_at_s = 0.0
        self._open_line = False

    def seconds(self) -> float:
        """Return the time since the demo began."""
        return time.monotonic() - self._began_s

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self.close()
        print(f"{self.seconds():6.1f} s  {text}", flush=True)

    def show(self, text: str) -> None:
        """Write the line of progress over the last one, or now and then as a line of its own."""
        line = f"{self.seconds():6.1f} s  {text}"
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{line[:width]}", end="", flush=True)
            self._open_line = True
        elif time.monotonic() - self._printed_at_s >= PLAIN_INTERVAL_S:
            self._printed_at_s = time.monotonic()
            print(line, flush=True)

    def close(self) -> None:
        """End a line that is being written over."""
        if self._open_line:
            print("\r\x1b[K", end="")
            self._open_line = False


def table(
    outcomes: Sequence[Outcome], counts: dict[str, Counter[str]], alerted: dict[str, str]
) -> list[str]:
    """Return the table of all orders, and a line of totals."""
    heads = ["order", "outcome", *SALE_STEPS, *UNDO_STEPS, "alert", "why"]
    rows = [heads]
    total: Counter[str] = Counter()
    for outcome in outcomes:
        ran = counts.get(outcome.order_id, Counter())
        total.update(ran)
        cells = [str(ran[step] or "-") for step in (*SALE_STEPS, *UNDO_STEPS)]
        alert = "ALERT" if outcome.order_id in alerted else "no"
        why = alerted.get(outcome.order_id, outcome.reason)
        rows.append([outcome.order_id, outcome.outcome, *cells, alert, why])
    ends = Counter(outcome.outcome for outcome in outcomes)
    totals = [str(total[step]) for step in (*SALE_STEPS, *UNDO_STEPS)]
    summary = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
    rows.append([f"{len(outcomes)} orders", "", *totals, str(len(alerted)), summary])
    return _aligned(rows)


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last_text, first_number = len(rows[0]) - 2, 2
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if first_number <= column < last_text else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    rule = "-" * max(len(line) for line in lines)
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]
