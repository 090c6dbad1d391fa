"""Artifacts in and out: from where they lie to files of a step, and back.

All stores of objects are one local store here, by key: `s3: {key: ...}` without more is what Argo
calls the default repository. Raw data is a file. Other locations are refused by name.
"""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from polyrhythm.base.errors import OutputMissing
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.pods.archives import ArchiveError, pack, unpack
from polyrhythm.dialects.argo.pods.places import PlaceError, Places, move
from polyrhythm.executors.port import Input, Run

KEYED = ("s3", "gcs", "oss", "azure", "hdfs", "artifactory", "plugin")
NOT_BUILT = ("git", "http", *KEYED[1:])


class ArtifactError(Exception):
    """An artifact that cannot be had or kept; the text goes into the node's message."""


async def load_inputs(artifacts: list[Tree], places: Places, folder: Path) -> list[Input]:
    """Files of a step for its input artifacts. `folder` is where archives are unpacked."""
    made = []
    for index, artifact in enumerate(artifacts):
        if not artifact.get("path"):
            continue
        try:
            made.append(await _load(artifact, places, folder / str(index)))
        except FileNotFoundError:
            if not artifact.get("optional"):
                text = f"failed to load artifact '{artifact['name']}': the key does not exist"
                raise ArtifactError(f"{text}: {key_of(artifact)}") from None
        except (ArchiveError, PlaceError, OSError) as error:
            text = f"failed to load artifact '{artifact['name']}': {error}"
            raise ArtifactError(text) from None
    return made


async def _load(artifact: Tree, places: Places, folder: Path) -> Input:
    path, mode = str(artifact["path"]), int(artifact.get("mode") or 0)
    raw = artifact.get("raw")
    if raw is not None:
        return Input(path, data=str(raw.get("data") or "").encode(), mode=mode)
    found = next((kind for kind in NOT_BUILT if artifact.get(kind)), "")
    if found:
        raise ArtifactError(f"artifact '{artifact['name']}': {found} is not implemented")
    key = key_of(artifact)
    if not key:
        raise FileNotFoundError(artifact["name"])
    stored = places.artifact(key)
    if not stored.exists():
        raise FileNotFoundError(key)
    await asyncio.to_thread(folder.mkdir, parents=True)
    source = await asyncio.to_thread(unpack, stored, folder, artifact.get("archive") or {})
    if mode and artifact.get("recurseMode") and source.is_dir():
        await asyncio.to_thread(_set_modes, source, mode)
        mode = 0
    return Input(path, source=str(source), mode=mode)


def _set_modes(source: Path, mode: int) -> None:
    for folder, _, files in os.walk(source):
        for name in files:
            os.chmod(os.path.join(folder, name), stat.S_IMODE(mode))


def key_of(artifact: Tree) -> str:
    """The key of an artifact in the store; empty when it has none."""
    location: Tree = artifact.get("s3") or {}
    return str(location.get("key") or "")


async def save_outputs(artifacts: list[Tree], run: Run, places: Places, prefix: str) -> list[Tree]:
    """Keep the output artifacts of a step; returns them with where they lie now."""
    made = []
    for artifact in artifacts:
        if not artifact.get("path"):
            made.append(artifact)
            continue
        try:
            made.append(await _save(artifact, run, places, prefix))
        except OutputMissing as error:
            if not artifact.get("optional"):
                text = f"failed to save artifact '{artifact['name']}': {error}"
                raise ArtifactError(text) from None
        except (PlaceError, OSError) as error:
            text = f"failed to save artifact '{artifact['name']}': {error}"
            raise ArtifactError(text) from None
    return made


async def _save(artifact: Tree, run: Run, places: Places, prefix: str) -> Tree:
    path = str(artifact["path"])
    archive: Tree = artifact.get("archive") or {}
    key = key_of(artifact) or f"{prefix}/{artifact['name']}{_suffix(archive)}"
    target = places.artifact(key)
    with places.scratch() as folder:
        copy, packed = folder / "copy", folder / "packed"
        await run.copy_out(path, str(copy))
        name = os.path.basename(path.rstrip("/")) or "root"
        await asyncio.to_thread(pack, copy, name, archive, packed)
        await asyncio.to_thread(move, packed, target)
    location = {**(artifact.get("s3") or {}), "key": key}
    return {**artifact, "s3": location}


def _suffix(archive: Tree) -> str:
    if archive.get("none") is not None:
        return ""
    return ".zip" if archive.get("zip") is not None else ".tgz"
