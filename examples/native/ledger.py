"""Event-sourced accounts: versioned events, old ones upcast, and a read model that can be rebuilt.

    python examples/native/ledger.py

Each year of an account is a run that records what happened. Last year's program (ledger_2025.py)
wrote debits without a fee, as version 1; today's writes version 2. An upcaster brings old events up
to date when they are read. The balances are a projection: it counts every event once, over restarts
and both programs, and is made anew from the first event when its code has changed.
"""

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyrhythm import AlreadyStarted, App, IdReuse, events, wf

INPUT = Path(__file__).parent / "input" / "ledger-2026.csv"
LAST_YEAR = Path(__file__).with_name("ledger_2025.py")
FEE_CENTS = 15

app = App("ledger")


@events.event("Deposited")
@dataclass
class Deposited:
    cents: int


@events.event("Debited", version=2)
@dataclass
class Debited:
    cents: int
    fee: int


@events.upcast("Debited", from_version=1)
def without_fee(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, "fee": 0}


@dataclass
class Balance:
    cents: int = 0
    fees: int = 0
    entries: int = 0


@app.workflow
async def account(entries: list[int]) -> None:
    for cents in entries:
        wf.record(Deposited(cents) if cents > 0 else Debited(-cents, FEE_CENTS))


BALANCES = dict[str, Balance]
balances = app.projection("balances", of=account, initial=BALANCES, kind=BALANCES)


@balances.on(Deposited)
def add(model: dict[str, Balance], event: Deposited, meta: events.EventMeta) -> None:
    balance = model.setdefault(meta.workflow_id.partition("-")[0], Balance())
    balance.cents += event.cents
    balance.entries += 1


@balances.on(Debited)
def take(model: dict[str, Balance], event: Debited, meta: events.EventMeta) -> None:
    balance = model.setdefault(meta.workflow_id.partition("-")[0], Balance())
    balance.cents -= event.cents + event.fee
    balance.fees += event.fee
    balance.entries += 1


def book_year(rows: list[dict[str, str]]) -> None:
    for owner in dict.fromkeys(row["owner"] for row in rows):
        entries = [int(row["cents"]) for row in rows if row["owner"] == owner]
        named = account.options(id=f"{owner}-2026", id_reuse=IdReuse.REJECT)
        try:
            named.execute(entries)
        except AlreadyStarted:
            # It was booked when this was run before; if that was killed, the run goes on by itself.
            app.client.run(f"{owner}-2026").result()


def show(title: str) -> None:
    print(title)
    for owner, balance in sorted(balances.read(fresh=True).items()):
        euros, fees = balance.cents / 100, balance.fees / 100
        print(f"  {owner:<5} {euros:>8.2f}, fees {fees:.2f}, {balance.entries} entries")


def main() -> None:
    if not Path("ledger.db").exists():
        subprocess.run([sys.executable, str(LAST_YEAR)], check=True)
    with INPUT.open() as lines, app:
        show("before:")
        book_year(list(csv.DictReader(lines)))
        show("booked:")
        balances.rebuild()
        show("rebuilt:")


if __name__ == "__main__":
    main()
