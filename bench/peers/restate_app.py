"""The service that bench/native.py loads on a Restate server: a handler of journalled steps.

Served by `hypercorn restate_app:app` with a Python that has `restate_sdk`.
"""

import restate
from restate import Context, Service

chain = Service("chain")


async def add_one(number: int) -> int:
    """The smallest step there is."""
    return number + 1


@chain.handler()
async def run(ctx: Context, steps: int) -> int:
    """Steps one after the other, each written down."""
    number = 0
    for step in range(steps):
        number = await ctx.run_typed(f"step {step}", add_one, number=number)
    return number


app = restate.app([chain])
