"""Load on a Restate server and the service of restate_app.py.

`python restate_load.py INGRESS WORKFLOWS STEPS AT_ONCE`, with a Python that has `httpx`. Prints one
JSON line in the shape of bench/native.py's own measurement, without processor time.
"""

import asyncio
import json
import sys
import time
import uuid

import httpx

SEQUENTIAL = 30


async def measure(ingress: str, workflows: int, steps: int, at_once: int) -> dict[str, float]:
    """Return rates and latencies."""
    limits = httpx.Limits(max_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def one() -> None:
            answer = await client.post(
                f"{ingress}/chain/run", json=steps, headers={"idempotency-key": uuid.uuid4().hex}
            )
            assert answer.json() == steps, answer.text

        latencies = []
        for _ in range(SEQUENTIAL):
            began = time.perf_counter()
            await one()
            latencies.append(time.perf_counter() - began)
        room = asyncio.Semaphore(at_once)

        async def limited() -> None:
            async with room:
                await one()

        began = time.perf_counter()
        await asyncio.gather(*(limited() for _ in range(workflows)))
        elapsed = time.perf_counter() - began
    return {
        "workflows_per_s": round(workflows / elapsed, 1),
        "tasks_per_s": round(workflows * steps / elapsed, 1),
        "sequential_p50_ms": round(sorted(latencies)[SEQUENTIAL // 2] * 1e3, 2),
    }


def main() -> None:
    """Measure and print."""
    workflows, steps, at_once = map(int, sys.argv[2:5])
    print(json.dumps(asyncio.run(measure(sys.argv[1], workflows, steps, at_once))))


if __name__ == "__main__":
    main()
