"""One worker process of the orders demo: the saga and its activities on one task queue.

It is an ordinary worker of the official SDK and knows nothing of the demo: when the server goes
away it keeps trying, and goes on where it was when the server is back. It stops on SIGTERM, after
the steps in hand.
"""

import argparse
import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from activities import OrderActivities
from shop import Shop
from temporalio.client import Client
from temporalio.worker import Worker
from workflows import OrderSaga

STEPS_AT_ONCE = 8
# A workflow whose worker's own queue goes quiet returns to the shared one after this time. The
# SDK's 10 s would be most of the demo's time when the kill meets it.
STICKY_TIMEOUT = timedelta(seconds=2)


async def run(args: argparse.Namespace) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await Client.connect(args.address)
    activities = OrderActivities(Shop(args.shop), args.seed)
    with ThreadPoolExecutor(STEPS_AT_ONCE) as threads:
        async with Worker(
            client,
            task_queue=args.task_queue,
            workflows=[OrderSaga],
            activities=activities.all(),
            activity_executor=threads,
            max_concurrent_activities=STEPS_AT_ONCE,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            graceful_shutdown_timeout=timedelta(seconds=2),
        ):
            print("working", flush=True)
            await stop.wait()


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="a worker of the orders demo")
    parser.add_argument("--address", default="127.0.0.1:7233")
    parser.add_argument("--task-queue", default="orders")
    parser.add_argument("--shop", type=Path, required=True, metavar="FILE")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(run(parse_args()))
