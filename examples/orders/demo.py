"""The main job in one command: orders that survive the death of their server.

Starts a server on a fresh file and two workers, places every order of the book, kills the server
with SIGKILL when half of the steps are done, starts it again on the same file, lets the official
SDK find it again by itself, delivers the late payments, and waits for every order. Then it prints
how each order ended and how often each step ran, and adds everything up. Exit code 0: all adds up;
1: something does not, with the reason; 2: it could not be started.
"""

import argparse
import asyncio
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from pathlib import Path

from audit import Outcome, alerts, audit, step_counts
from model import SALE_STEPS, Book, BookError, Entry, Receipt, Status, load_book
from processes import Child, ProcessError, connect, free_port, server_child, stop_all
from report import Progress, table
from shop import Shop
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode
from workflows import OrderSaga

HERE = Path(__file__).parent
TASK_QUEUE = "orders"
WORKERS = 2
PLACING_INTERVAL_S = 0.22  # an order takes about 2 s, so about ten are on their way at a time
OUTAGE_S = 0.5
# A workflow task that was in a worker's hands when the server died is handed out again after this.
TASK_TIMEOUT = timedelta(seconds=3)
STAGES_WAIT_S = 2.0
POLL_S = 0.05
FINDINGS_SHOWN = 20
LOST_SERVER = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)


@dataclass(slots=True)
class Run:
    """One pass of the demo: what it works on, and how far it is."""

    book: Book
    shop: Shop
    server: Child
    workers: list[Child]
    address: str
    client: Client
    progress: Progress
    outcomes: list[Outcome]
    restarted: asyncio.Event
    placed: int = 0
    ended: int = 0

    def handle(self, order_id: str) -> WorkflowHandle[OrderSaga, Receipt]:
        """Return the handle of an order's workflow."""
        return self.client.get_workflow_handle_for(OrderSaga.run, order_id)


async def sell(run: Run, turn: int, entry: Entry) -> None:
    """Place one order when its turn comes, and wait for its end through any outage."""
    await asyncio.sleep(turn * PLACING_INTERVAL_S)
    outcome = run.outcomes[turn]
    await place(run, entry)
    run.placed += 1
    outcome.reason = "placed, no end"
    while outcome.outcome == "stuck":
        try:
            receipt = await run.handle(entry.order.id).result()
            outcome.outcome, outcome.notified = "completed", receipt.notified
            outcome.reason = "" if receipt.notified else "mail rejected, sale kept"
        except WorkflowFailureError as error:
            outcome.outcome, outcome.reason = "failed", str(error.cause)
        except RPCError as error:
            await pause_if_lost(error)
    run.ended += 1


async def place(run: Run, entry: Entry) -> None:
    """Start an order's workflow; its id makes a second try harmless."""
    while True:
        try:
            await run.client.start_workflow(
                OrderSaga.run,
                entry.order,
                id=entry.order.id,
                task_queue=TASK_QUEUE,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
        except RPCError as error:
            await pause_if_lost(error)
        else:
            return


async def pause_if_lost(error: RPCError) -> None:
    """Wait a moment when the server is away (the SDK reconnects by itself), else raise."""
    if error.status not in LOST_SERVER:
        raise error
    await asyncio.sleep(POLL_S)


async def settle_late_payments(run: Run) -> None:
    """Play the payment provider: money that was pending arrives after the restart."""
    await run.restarted.wait()
    late = [(entry, fault) for entry in run.book.entries if (fault := entry.late()) is not None]
    await asyncio.gather(*(_settle(run, e.order.id, f.webhooks) for e, f in late if f.settles))


async def _settle(run: Run, order_id: str, webhooks: int) -> None:
    while run.shop.payment(order_id) != "pending":
        await asyncio.sleep(POLL_S)
    status = Status("", "", [])
    while status.stage != "waiting for payment":
        try:
            status = await run.handle(order_id).query(OrderSaga.status)
        except RPCError as error:
            await pause_if_lost(error)
    if run.shop.settle(order_id):
        for _ in range(webhooks):
            signal_value = f"transfer for {order_id}"
            await run.handle(order_id).signal(OrderSaga.payment_settled, signal_value)


async def crash(run: Run) -> None:
    """Kill the server when half of the steps are done, and start it again on the same file."""
    half = len(run.book.entries) * len(SALE_STEPS) // 2
    while run.shop.steps_done() < half:
        if run.ended == len(run.outcomes):
            raise ProcessError("all orders ended before half of the steps were done: no kill")
        await asyncio.sleep(POLL_S)
    give_up_at_s = run.progress.seconds() + STAGES_WAIT_S
    stages = run.shop.stages()
    while not {*SALE_STEPS, "waiting", "done"} <= set(stages.values()):
        if run.progress.seconds() > give_up_at_s:
            break
        await asyncio.sleep(POLL_S)
        stages = run.shop.stages()
    run.server.kill()
    counts = Counter(stages.values())
    shown = ", ".join(f"{count} {stage}" for stage, count in counts.most_common())
    unplaced = len(run.outcomes) - len(stages)
    run.progress.note(f"server killed (SIGKILL) with orders at: {shown}, {unplaced} to come")
    await asyncio.sleep(OUTAGE_S)
    before_s = run.progress.seconds()
    run.server.start()
    await connect(run.server, run.address)
    took_s = run.progress.seconds() - before_s
    run.progress.note(f"server started again on the same file, accepts calls after {took_s:.1f} s")
    run.restarted.set()


async def report_progress(run: Run) -> None:
    """Show where the orders are until cancelled; a dead worker ends the demo."""
    steps = len(run.book.entries) * len(SALE_STEPS)
    while True:
        for worker in run.workers:
            worker.check()
        ends = Counter(outcome.outcome for outcome in run.outcomes)
        waiting = list(run.shop.stages().values()).count("waiting")
        run.progress.show(
            f"placed {run.placed}/{len(run.outcomes)}  steps {run.shop.steps_done()}/{steps}  "
            f"waiting for money {waiting}  completed {ends['completed']}  failed {ends['failed']}"
        )
        await asyncio.sleep(0.2)


async def drive(run: Run, kill: bool) -> None:
    """Run all parts side by side until every order has ended."""
    async with asyncio.TaskGroup() as group:
        parts = [group.create_task(settle_late_payments(run))]
        parts.append(group.create_task(report_progress(run)))
        crashing = [group.create_task(crash(run))] if kill else []
        if not kill:
            run.restarted.set()
        await asyncio.gather(*(sell(run, i, e) for i, e in enumerate(run.book.entries)), *crashing)
        for part in parts:
            part.cancel()


async def fetch_histories(run: Run) -> dict[str, WorkflowHistory]:
    """Return the history of every order, as the server tells it."""
    ids = [outcome.order_id for outcome in run.outcomes]
    return {order_id: await run.handle(order_id).fetch_history() for order_id in ids}


async def main_job(options: argparse.Namespace, book: Book, folder: Path) -> list[str]:
    """Do everything in a folder of its own and return the findings; children end in any case."""
    # What the SDK would say about the outage belongs to the workers' logs, not into the progress.
    quiet = LoggingConfig(TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    progress, port = Progress(), free_port()
    address = f"127.0.0.1:{port}"
    shop = Shop(folder / "shop.db")
    shop.open_for_business(book)
    server = server_child(options.server_command, folder, port)
    flags = ["--address", address, "--task-queue", TASK_QUEUE, "--seed", str(options.seed)]
    command = [sys.executable, str(HERE / "worker.py"), *flags, "--shop", str(folder / "shop.db")]
    workers = [Child(f"worker-{n + 1}", command, folder) for n in range(WORKERS)]
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        server.start()
        client = await connect(server, address)
        progress.note(f"server accepts calls on {address}, starting {WORKERS} workers")
        for worker in workers:
            worker.start()
        outcomes = [Outcome(entry.order.id, reason="not placed") for entry in book.entries]
        restarted = asyncio.Event()
        run = Run(book, shop, server, workers, address, client, progress, outcomes, restarted)
        try:
            async with asyncio.timeout(options.timeout):
                await drive(run, options.kill)
        except TimeoutError:
            progress.note(f"giving up after {options.timeout:g} s")
            return report(run, folder / "shop.db", {})
        progress.note("all orders ended, adding up")
        return report(run, folder / "shop.db", await fetch_histories(run))
    finally:
        progress.close()
        stop_all(workers)
        stop_all([server])


def report(run: Run, shop_file: Path, histories: dict[str, WorkflowHistory]) -> list[str]:
    """Print the table and what adds up; return what does not."""
    print()
    by_id = sorted(run.outcomes, key=attrgetter("order_id"))
    print("\n".join(table(by_id, step_counts(shop_file), alerts(shop_file))))
    print()
    result = audit(run.book, shop_file, run.outcomes, histories)
    print("\n".join(result.facts))
    return result.findings


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="orders that survive the death of their server")
    parser.add_argument("--orders", type=Path, default=HERE / "orders.json", metavar="FILE")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and leave it there")
    parser.add_argument("--no-kill", dest="kill", action="store_false", help="no crash half way")
    parser.add_argument("--seed", type=int, default=1, help="order of placing, pace of the steps")
    parser.add_argument("--timeout", type=float, default=90.0, metavar="SECONDS")
    parser.add_argument(
        "--server-command",
        type=shlex.split,
        metavar="COMMAND",
        help="another server with the same flags, such as 'temporal server start-dev'",
    )
    options = parser.parse_args()
    if not options.server_command:
        poly = Path(sys.executable).parent / "poly"
        if not poly.exists():
            print("demo: there is no `poly` beside this Python: run `make setup`", file=sys.stderr)
            raise SystemExit(2)
        options.server_command = [str(poly), "dev"]
    return options


def prepare_folder(keep: Path | None) -> Path:
    """Return an empty folder to work in."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="orders-"))
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        print(f"demo: {keep} is not empty", file=sys.stderr)
        raise SystemExit(2)
    return keep.resolve()


def flatten(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    """Return the errors in a group of groups, each once."""
    found: list[Exception] = []
    for error in group.exceptions:
        inner = flatten(error) if isinstance(error, BaseExceptionGroup) else [error]
        found += [one for one in inner if one not in found]
    return found


def main() -> int:
    """Run the demo and return its exit code."""
    options = parse_args()
    try:
        book = load_book(options.orders)
    except BookError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    random.Random(options.seed).shuffle(book.entries)
    folder = prepare_folder(options.keep)
    findings: list[str] = []
    stopped = False
    try:
        findings = asyncio.run(main_job(options, book, folder))
    except* (ProcessError, RPCError) as group:
        findings = [str(error) for error in flatten(group)]
    except* (KeyboardInterrupt, asyncio.CancelledError):
        stopped = True
    if options.keep is None and not findings:
        shutil.rmtree(folder)
    if stopped:
        print("demo: stopped", file=sys.stderr)
        return 130
    for finding in findings[:FINDINGS_SHOWN]:
        print(f"FAILED  {finding}")
    if len(findings) > FINDINGS_SHOWN:
        print(f"FAILED  and {len(findings) - FINDINGS_SHOWN} more findings")
    if findings:
        print(f"the files of this run are in {folder}")
        return 1
    print("everything adds up")
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The SDK's threads crash about one in forty short processes while Python shuts down
    # (temporalio 1.35.0). Everything is done and stopped by now: leave without that.
    os._exit(code)
