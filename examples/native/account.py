"""An account that lives for years: a class with signals, updates and queries, one run at a time.

    python examples/native/account.py [MOVEMENTS.csv]

Deposits are signals, withdrawals are updates that may be refused. After some messages the run
continues as new, with its state and without its history: an entity has no end, a history should.
"""

import csv
import sys
from pathlib import Path

from polyrhythm import App, Failure, UpdateFailed, wf

INPUT = Path(__file__).parent / "input" / "movements.csv"
MESSAGES_A_RUN_MAX = 5

app = App("accounts")


class Account:
    def __init__(self) -> None:
        self.cents = 0
        self.messages = 0
        self.ready = False
        self.closed = False

    async def run(self, owner: str, cents: int = 0) -> int:
        # Messages may be there before this line is reached: add, do not set.
        self.cents += cents
        self.ready = True
        await wf.wait_for(lambda: self.closed or self.messages >= MESSAGES_A_RUN_MAX)
        await wf.all_handlers_finished()
        if not self.closed:
            wf.continue_as_new(owner, self.cents)
        return self.cents

    @wf.signal
    def deposit(self, cents: int) -> None:
        self.cents += cents
        self.messages += 1

    @wf.signal
    def close(self) -> None:
        self.closed = True

    @wf.query
    def balance(self) -> int:
        return self.cents

    @wf.update
    async def withdraw(self, cents: int) -> int:
        await wf.wait_for(lambda: self.ready)
        self.messages += 1
        if cents > self.cents:
            raise Failure(f"{euros(self.cents)} are not enough", type="NotEnough")
        self.cents -= cents
        return self.cents

    @withdraw.validator
    def check(self, cents: int) -> None:
        if cents <= 0:
            raise ValueError("more than nothing, please")


account = app.workflow(Account)


def euros(cents: int) -> str:
    return f"{cents / 100:.2f}"


def book(owner: str, cents: int) -> None:
    """One line of the input: the first one of an owner opens the account."""
    named = account.options(id=f"account-{owner}")
    if cents > 0:
        named.options(signal=Account.deposit.of(cents)).start(owner)
        return
    try:
        left = app.client.run(f"account-{owner}").update(Account.withdraw, -cents)
        print(f"{owner:<6} withdrew {euros(-cents):>8}, {euros(left)} are left")
    except UpdateFailed as error:
        print(f"{owner:<6} withdrew     nothing: {error.cause}")


def main(file: Path = INPUT) -> None:
    with file.open() as lines, app:
        owners: list[str] = []
        for row in csv.DictReader(lines):
            owners += [row["owner"]] if row["owner"] not in owners else []
            book(row["owner"], round(float(row["amount"]) * 100))
        for owner in owners:
            run = app.client.run(f"account-{owner}", result=int)
            asked = run.query(Account.balance)
            run.send(Account.close)
            runs = app.client.count(f"WorkflowId = 'account-{owner}'")
            assert run.result() == asked
            print(f"{owner:<6} has {euros(asked)} after {runs} runs")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
