"""Last year's program of the ledger, as it was: a debit had no fee, and its event is version 1.

    python examples/native/ledger_2025.py

ledger.py runs it first, so that its file holds what an older version of a program has written.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from polyrhythm import App, IdReuse, events, wf

INPUT = Path(__file__).parent / "input" / "ledger-2025.csv"

app = App("ledger")


@events.event("Deposited")
@dataclass
class Deposited:
    cents: int


@events.event("Debited", version=1)
@dataclass
class Debited:
    cents: int


@app.workflow
async def account(entries: list[int]) -> None:
    for cents in entries:
        wf.record(Deposited(cents) if cents > 0 else Debited(-cents))


def main() -> None:
    with INPUT.open() as lines, app:
        rows = list(csv.DictReader(lines))
        for owner in dict.fromkeys(row["owner"] for row in rows):
            entries = [int(row["cents"]) for row in rows if row["owner"] == owner]
            account.options(id=f"{owner}-2025", id_reuse=IdReuse.REJECT).execute(entries)


if __name__ == "__main__":
    main()
