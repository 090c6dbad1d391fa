"""The contract suite of executors: what any of them must do, as coroutines over an executor.

An executor outside this repository passes it by parametrising one test over `CHECKS`:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check, tmp_path):
        asyncio.run(check(Bench(MyExecutor(), str(tmp_path))))

Steps use `sh` and the usual programs of an image called `busybox`. What only some executors can do
is asked for by trait. Nothing here knows an executor by name.
"""

from polyrhythm.testing.executor_suite import ending, files, output, sharing, starting
from polyrhythm.testing.executor_suite.bench import Bench

CHECKS = (
    *starting.CHECKS,
    *output.CHECKS,
    *ending.CHECKS,
    *files.CHECKS,
    *sharing.CHECKS,
)

__all__ = ["CHECKS", "Bench"]
