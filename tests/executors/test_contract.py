"""Every executor of ours passes the shipped contract suite."""

import asyncio

import pytest

from polyrhythm.executors.process import ProcessExecutor
from polyrhythm.executors.sandbox import SandboxExecutor
from polyrhythm.testing.executor_suite import CHECKS, Bench
from sandboxes import needs_sandbox


async def held(check, bench):
    try:
        await check(bench)
    finally:
        await bench.executor.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_processes(check, tmp_path):
    (tmp_path / "bench").mkdir()

    async def main():
        await held(check, Bench(ProcessExecutor(str(tmp_path)), str(tmp_path / "bench")))

    asyncio.run(main())


@needs_sandbox
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_sandboxes(check, tmp_path):
    (tmp_path / "bench").mkdir()

    async def main():
        await held(check, Bench(SandboxExecutor(str(tmp_path)), str(tmp_path / "bench")))

    asyncio.run(main())
