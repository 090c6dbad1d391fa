"""Run files of the official SDK's tests, each against a fresh `poly dev`, and hold the red list.

    PYTHONPATH=tools python -m official_suite --checkout DIR [FILE...]

Without files: those of FILES. A file runs alone, test after test, because some measure time. The
exit code is 1 when the red list is not exact and 2 when a file could not be run to its end. Reports
and logs stay under .cache/official-suite; the counts of FILES go to docs/evidence.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from official_suite.environment import (
    HOME,
    ROOT,
    SDK_VERSION,
    BadCheckoutError,
    digest_of_tests,
    make_environment,
    stage_checkout,
    stage_servers,
)
from official_suite.outcomes import FileRun, Outcome, read_report
from official_suite.red_list import BadRedListError, Verdict, compare, parse_red_list
from polyrhythm.testing.evidence import commit

FILES = (
    "tests/contrib/pydantic/test_pydantic.py",
    "tests/test_activity.py",
    "tests/test_client.py",
    "tests/test_service.py",
    "tests/test_workflow.py",
    "tests/testing/test_activity.py",
    "tests/testing/test_workflow.py",
    "tests/worker/test_activity.py",
    "tests/worker/test_breakpoint_hang.py",
    "tests/worker/test_command_aware_visitor.py",
    "tests/worker/test_extstore.py",
    "tests/worker/test_interceptor.py",
    "tests/worker/test_payload_size_limits.py",
    "tests/worker/test_replayer.py",
    "tests/worker/test_update_with_start.py",
    "tests/worker/test_visitor.py",
    "tests/worker/test_worker.py",
    "tests/worker/test_workflow.py",
    "tests/worker/workflow_sandbox/test_importer.py",
    "tests/worker/workflow_sandbox/test_restrictions.py",
    "tests/worker/workflow_sandbox/test_runner.py",
)
RED_LIST = Path(__file__).with_name("red.txt")
EVIDENCE = ROOT / "docs" / "evidence" / "official-suite.json"
POLY = Path(sys.executable).with_name("poly")
# As the suite starts its own development server: a test starts as many events as this.
SERVER_FLAGS = (
    "--headless",
    "--dynamic-config-value",
    "limit.historyCount.suggestContinueAsNew=50",
)
# The suite's own limit is 60 s; a busy machine is given more. A failure is tried twice again.
TEST_TIMEOUT_S = 120
RERUNS = 2
FILE_TIMEOUT_S = 3600


class UnfinishedError(Exception):
    """A file that did not run to its end."""


@contextmanager
def fresh_server(log: Path) -> Iterator[str]:
    """A `poly dev` on an empty file; yields its address and ends it afterwards."""
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as errors:
        command = [str(POLY), "dev", "--port", "0", "--db-filename", f"{folder}/poly.db"]
        server = subprocess.Popen(
            [*command, *SERVER_FLAGS], stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert server.stdout is not None
        try:
            found = re.search(r"gRPC on (\S+)", server.stdout.readline())
            if found is None:
                raise UnfinishedError(f"poly dev did not start; see {log}")
            yield found[1]
        finally:
            server.terminate()
            server.wait(30)
            server.stdout.close()


def run_file(python: Path, stage: Path, path: str, extra: list[str]) -> FileRun:
    """Run one file of tests to its end. Raises UnfinishedError when pytest did not report."""
    name = path.removesuffix(".py").replace("/", "-")
    report, log = HOME / f"{name}.xml", HOME / f"{name}.log"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    with fresh_server(HOME / f"{name}.server.log") as address, log.open("wb") as output:
        command = [str(python), "-m", "pytest", path, "-E", address, "-v", "-p", "no:cacheprovider"]
        command += [f"--timeout={TEST_TIMEOUT_S}", f"--reruns={RERUNS}", f"--junit-xml={report}"]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment["TMPDIR"] = str(stage_servers(stage))
        try:
            subprocess.run(
                [*command, *extra],
                cwd=stage,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=FILE_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UnfinishedError(f"{path} took over {FILE_TIMEOUT_S} s; see {log}") from error
    try:
        run = read_report(path, report)
    except (OSError, ElementTree.ParseError) as error:
        raise UnfinishedError(f"{path} wrote no report; see {log}") from error
    if not run.outcomes:
        raise UnfinishedError(f"{path} has no tests; see {log}")
    run.seconds = time.monotonic() - began
    return run


def counts(run: FileRun) -> dict[str, int | float]:
    """The figures of one file."""
    return {
        "passed": len(run.having(Outcome.PASSED)),
        "failed": len(run.having(Outcome.FAILED)),
        "skipped": len(run.having(Outcome.SKIPPED)),
        "tried again": len(run.attempts),
        "seconds": round(run.seconds, 1),
    }


def write_evidence(path: Path, runs: list[FileRun], reasons: dict[str, str], digest: str) -> None:
    """Write the counts of files, each with the commit it ran on; those of other files stay."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    # Figures of other tests are not figures of these.
    figures = kept["files"] if kept.get("suite_sha256") == digest else {}
    for run in runs:
        listed = compare([run], reasons).is_clean
        figures[run.path] = counts(run) | {"as_listed": listed, "commit": commit()}
    figures = {name: figures[name] for name in sorted(figures) if name in FILES}
    totals = {
        word: sum(figure[word] for figure in figures.values())
        for word in ("passed", "failed", "skipped")
    }
    evidence = {
        "command": "make conformance SDK_CHECKOUT=DIR",
        "suite": f"temporalio/sdk-python {SDK_VERSION}, tests/",
        "suite_sha256": digest,
        "totals": totals,
        "files": figures,
    }
    path.write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")


def show(verdict: Verdict) -> None:
    """Print what the red list does not say."""
    for words, names in (
        ("fails and is not listed", verdict.unlisted),
        ("is listed and does not fail", verdict.mended),
        ("is listed and is gone", verdict.gone),
    ):
        for name in names:
            print(f"{words}: {name}")


def run_files(options: argparse.Namespace) -> int:
    """Run the files and compare; returns the exit code."""
    reasons = parse_red_list(RED_LIST.read_text(encoding="utf-8"))
    stage = stage_checkout(options.checkout.resolve())
    python = make_environment()
    runs = []
    for path in options.files or FILES:
        run = run_file(python, stage, path, options.pytest.split())
        figures = counts(run)
        print(f"{path:44} " + "  ".join(f"{n} {word}" for word, n in figures.items()), flush=True)
        runs.append(run)
    if options.pytest:
        return int(any(run.having(Outcome.FAILED) for run in runs))
    verdict = compare(runs, reasons)
    show(verdict)
    write_evidence(EVIDENCE, runs, reasons, digest_of_tests(stage))
    return int(not verdict.is_clean)


def main() -> int:
    """Run it and return the exit code."""
    parser = argparse.ArgumentParser(description="the official SDK's tests against a poly dev")
    parser.add_argument("files", nargs="*", metavar="FILE", help="tests/... of the checkout")
    parser.add_argument("--checkout", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--pytest", default="", metavar="ARGS", help="more for pytest; the list is then not held"
    )
    try:
        return run_files(parser.parse_args())
    except (BadCheckoutError, BadRedListError, UnfinishedError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
