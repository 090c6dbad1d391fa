"""`poly argo submit`: run workflows of files with an engine in this process, to their end.

What people read goes to standard error while it runs; what was asked for with -o goes to standard
output at the end. With --db the runs are kept: the same command after a crash goes on with a
workflow of that name.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.argo_engine import Engine, open_engine
from polyrhythm.cli.argo_flags import SubmitFlags, SubmitOutput
from polyrhythm.cli.argo_following import follow_logs, watch_tree
from polyrhythm.cli.argo_lint import find_files, read_text
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.dialects.argo.model.check import check_manifests
from polyrhythm.dialects.argo.model.fields import as_text
from polyrhythm.dialects.argo.model.library import Library
from polyrhythm.dialects.argo.model.manifest import KINDS, Manifest, read_manifests
from polyrhythm.dialects.argo.model.problems import Finding, ManifestError
from polyrhythm.dialects.argo.model.yaml_text import Tree, read_documents
from polyrhythm.dialects.argo.showing import spell_span, workflow_lines
from polyrhythm.dialects.argo.submitting import (
    SubmitOptions,
    library_of,
    missing_arguments,
    prepare,
    submission_of,
    unused_fields,
    workflow_of,
)
from polyrhythm.dialects.argo.walk.plan import PlanError

SUCCEEDED = "Succeeded"


class UsageError(Exception):
    """A command line that cannot be meant."""


def run(flags: SubmitFlags) -> int:
    """Run what was asked for and return the exit code."""
    try:
        workflows, library = _read(flags)
        unused = [text for each in workflows for text in unused_fields(each, library)]
        problems = [text for each in workflows for text in missing_arguments(each, library)]
    except (UsageError, OSError, UnicodeDecodeError) as error:
        print(f"poly argo submit: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except (ManifestError, PlanError) as error:
        print(f"poly argo submit: {error}", file=sys.stderr)
        return ExitCode.FAILED
    if problems:
        print(*(f"poly argo submit: {text}" for text in problems), sep="\n", file=sys.stderr)
        return ExitCode.FAILED
    for text in unused:
        print(f"poly argo submit: {text} is not implemented: it is left out", file=sys.stderr)
    if flags.dry_run:
        show(workflows, flags.output)
        return ExitCode.OK
    try:
        done = asyncio.run(_run(flags, workflows, library))
    except (PolyrhythmError, OSError) as error:
        print(f"poly argo submit: {error}", file=sys.stderr)
        return ExitCode.FAILED
    show(done, flags.output)
    ended_well = all((each.get("status") or {}).get("phase") == SUCCEEDED for each in done)
    return ExitCode.OK if ended_well else ExitCode.FAILED


def _read(flags: SubmitFlags) -> tuple[list[Tree], Library]:
    """The workflows that are to run, and what they may refer to."""
    manifests: list[Manifest] = []
    for name in flags.files:
        for file in find_files(name):
            manifests += read_manifests(read_text(file), str(file))
    library = library_of(manifests)
    if not flags.strict:
        for manifest in manifests:
            manifest.findings = []
    findings: list[Finding] = check_manifests(manifests, library)
    if findings:
        raise ManifestError(findings)
    options = _options(flags)
    chosen = [each.tree for each in manifests if each.kind == "Workflow"]
    if flags.source:
        chosen = [_from(flags.source, library)]
    if not chosen:
        raise UsageError("the files hold no Workflow; --from KIND/NAME runs a template of theirs")
    if len(chosen) > 1 and flags.name:
        raise UsageError("--name is for one workflow")
    return [prepare(tree, options) for tree in chosen], library


def _from(source: str, library: Library) -> Tree:
    kind, _, name = source.partition("/")
    found = next((each for each in KINDS if each.lower() == kind.lower()), "")
    made = workflow_of(found, name, library) if found else None
    if made is None:
        raise UsageError(f"--from {source}: the files have no such object")
    return made


def _options(flags: SubmitFlags) -> SubmitOptions:
    parameters: dict[str, str] = {}
    if flags.parameter_file:
        text = read_text(Path(flags.parameter_file))
        documents = read_documents(text, flags.parameter_file)
        if len(documents) != 1 or not isinstance(documents[0].tree, dict):
            raise UsageError(f"{flags.parameter_file}: a map of names and values is wanted")
        parameters = {key: as_text(value) for key, value in documents[0].tree.items()}
    parameters.update(read_pairs(flags.parameters, "-p"))
    return SubmitOptions(
        name=flags.name,
        generate_name=flags.generate_name,
        entrypoint=flags.entrypoint,
        namespace=flags.namespace,
        service_account=flags.service_account,
        priority=flags.priority,
        parameters=parameters,
        labels=read_pairs(filter(None, flags.labels.split(",")), "--labels"),
        annotations=read_pairs(filter(None, flags.annotations.split(",")), "--annotations"),
    )


def read_pairs(texts: Iterable[str], flag: str) -> dict[str, str]:
    """`KEY=VALUE` texts as a map. Raises UsageError."""
    made = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"{flag} {text}: expected parameter of the form: NAME=VALUE")
        made[key] = value
    return made


async def _run(flags: SubmitFlags, workflows: list[Tree], library: Library) -> list[Tree]:
    async with open_engine(flags.db, flags.executor) as engine:
        return list(
            await asyncio.gather(*(_run_one(engine, flags, each, library) for each in workflows))
        )


async def _run_one(engine: Engine, flags: SubmitFlags, tree: Tree, library: Library) -> Tree:
    run = await engine.start(submission_of(tree, library))
    following = []
    if flags.log:
        following.append(asyncio.ensure_future(follow_logs(engine, run.run_id)))
    if flags.watch:
        following.append(asyncio.ensure_future(watch_tree(run)))
    try:
        made: Tree = await run.result()
    finally:
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)
    return made


def show(workflows: list[Tree], output: SubmitOutput) -> None:
    """Print workflow objects as they were asked for."""
    now = datetime.now(UTC)
    for tree in workflows:
        metadata, status = tree["metadata"], tree.get("status") or {}
        if output is SubmitOutput.JSON:
            print(json.dumps(tree, indent=4, ensure_ascii=False))
        elif output is SubmitOutput.YAML:
            print(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), end="")
        elif output is SubmitOutput.NAME:
            print(metadata["name"])
        elif output is SubmitOutput.WIDE:
            cells = [metadata["name"], status.get("phase"), spell_span(status, now)]
            cells += [status.get("progress"), status.get("message")]
            print("  ".join(str(cell) for cell in cells if cell))
        else:
            print("\n".join(workflow_lines(tree, now)))
