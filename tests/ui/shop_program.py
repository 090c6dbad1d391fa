"""The program whose runs the UI's tests look at: `python shop_program.py ADDRESS`.

It makes runs of every kind, says `ready` and works until its input ends.
"""

from __future__ import annotations

import sys

from polyrhythm import App, Permanent, Signal

HOSTILE = '<img src=x onerror="window.hurt=1">\u202egnp.exe'
GO = Signal("go", str)


def main() -> None:
    app = App("shop", url=f"poly://{sys.argv[1]}")

    @app.task(retry=1)
    def charge(number: int) -> str:
        if number % 5 == 0:
            raise Permanent("card declined", type="Declined")
        return f"receipt {number}"

    @app.workflow
    async def checkout(number: int, word: str = "") -> str:
        receipt = await charge(number)
        return receipt if number % 3 else f"{receipt}, {await GO.next()}"

    @app.cron("0 3 * * *", id="nightly")
    @app.task
    def clean() -> None: ...

    with app:
        runs = [checkout.options(id=f"order-{n}").start(n) for n in range(1, 13)]
        checkout.options(id=HOSTILE).execute(7, HOSTILE)
        for number in (1, 2, 4, 7, 8, 11):
            runs[number - 1].result()
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
