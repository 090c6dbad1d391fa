"""A container of a template as a step of an executor: command, variables, mounts.

Values of ConfigMaps and Secrets come with the job. `$(NAME)` in commands is replaced as Kubernetes
does it, `$$` stands for `$`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyrhythm.dialects.argo.model.fields import as_text
from polyrhythm.dialects.argo.model.names import named
from polyrhythm.dialects.argo.model.yaml_text import Tree
from polyrhythm.dialects.argo.pods.places import Places
from polyrhythm.dialects.argo.walk.scope import to_json
from polyrhythm.executors.port import Input, Mount, Resources, Step, Volume

REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)")
PROGRESS_FILE = "/var/run/argo/progress"
SCALES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9}


class PodError(Exception):
    """A pod that cannot be made of what its template says."""


@dataclass(slots=True)
class Job:
    """What a task is told of a pod: see `walk/pods.py`, which makes it."""

    workflow: str
    namespace: str
    uid: str
    node: str
    pod: str
    type: str
    template: dict[str, Any]
    volumes: list[dict[str, Any]] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    wants_result: bool = False
    timeout_s: float | None = None
    archive_logs: bool = False


def make_step(job: Job, container: Tree, inputs: list[Input], name: str) -> Step:
    """The step of one container. Raises PodError."""
    env = make_env(job, container, name)
    script = container.get("source")
    words = [expand_references(str(word), env) for word in container.get("command") or []]
    args = [expand_references(str(word), env) for word in container.get("args") or []]
    limits: Tree = (container.get("resources") or {}).get("limits") or {}
    return Step(
        image=str(container.get("image") or ""),
        command=words,
        args=args,
        name=name,
        env=env,
        working_dir=str(container.get("workingDir") or ""),
        script=None if script is None else str(script).encode(),
        mounts=[make_mount(each) for each in named(container.get("volumeMounts"))],
        inputs=inputs,
        resources=Resources(memory_bytes_max=parse_quantity(limits.get("memory"))),
    )


def make_mount(mount: Tree) -> Mount:
    """A mount as the port has it."""
    return Mount(
        volume=str(mount.get("name")),
        path=str(mount.get("mountPath")),
        sub_path=str(mount.get("subPath") or ""),
        read_only=bool(mount.get("readOnly")),
    )


def make_env(job: Job, container: Tree, name: str) -> dict[str, str]:
    """Variables of a container. Raises PodError for a value that is not there."""
    env = {
        "ARGO_CONTAINER_NAME": name,
        "ARGO_NODE_ID": job.node,
        "ARGO_INCLUDE_SCRIPT_OUTPUT": "true" if job.wants_result else "false",
        "ARGO_PROGRESS_FILE": PROGRESS_FILE,
        "ARGO_TEMPLATE": to_json(job.template),
    }
    for source in named(container.get("envFrom")):
        for kind, key in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            if source.get(key):
                data = read_object(job, kind, source[key])
                prefix = str(source.get("prefix") or "")
                env.update({f"{prefix}{name}": text for name, text in data.items()})
    for variable in named(container.get("env")):
        text = _env_value(job, variable)
        if text is not None:
            env[str(variable["name"])] = expand_references(text, env)
    return env


def _env_value(job: Job, variable: Tree) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return as_text(variable.get("value") or "")
    for kind, key in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        if source.get(key):
            wanted = source[key]
            data = read_object(job, kind, wanted)
            if wanted.get("key") in data:
                return data[wanted["key"]]
            if wanted.get("optional"):
                return None
            name = wanted.get("name")
            raise PodError(
                f"couldn't find key {wanted.get('key')} in {kind} {job.namespace}/{name}"
            )
    path = str((source.get("fieldRef") or {}).get("fieldPath") or "")
    fields = {
        "metadata.name": job.pod,
        "metadata.namespace": job.namespace,
        "status.podIP": "127.0.0.1",
        "status.hostIP": "127.0.0.1",
        "spec.nodeName": "localhost",
    }
    if path in fields:
        return fields[path]
    raise PodError(
        f"variable {variable.get('name')}: valueFrom is not implemented: {to_json(source)}"
    )


def read_object(job: Job, kind: str, wanted: Tree) -> dict[str, str]:
    """The data of a ConfigMap or Secret. Raises PodError."""
    name = str(wanted.get("name"))
    found = job.objects.get(kind, {}).get(name)
    if found is None:
        if wanted.get("optional"):
            return {}
        raise PodError(f'{kind.lower()} "{name}" not found')
    data = {key: as_text(value) for key, value in (found.get("data") or {}).items()}
    if kind == "Secret":
        data = {key: base64.b64decode(text).decode() for key, text in data.items()}
        data.update({key: as_text(text) for key, text in (found.get("stringData") or {}).items()})
    return data


def make_volumes(job: Job, places: Places, folder: Path) -> list[Volume]:
    """The volumes of a pod; files of ConfigMaps and Secrets go below `folder`."""
    made = [Volume(name, str(places.claim(job.uid, name))) for name in job.claims]
    for volume in job.volumes:
        name = str(volume.get("name"))
        claim = volume.get("persistentVolumeClaim")
        if volume.get("emptyDir") is not None:
            made.append(Volume(name))
        elif claim:
            claim_name = str(claim.get("claimName"))
            made.append(Volume(name, str(places.claim("", claim_name))))
        elif volume.get("configMap") or volume.get("secret"):
            made.append(Volume(name, str(_files(job, volume, folder / f"volume-{name}"))))
        else:
            kinds = ", ".join(key for key in volume if key != "name") or "none"
            raise PodError(f"volume {name}: {kinds} is not implemented")
    return made


def _files(job: Job, volume: Tree, folder: Path) -> Path:
    secret = volume.get("secret")
    source: Tree = secret or volume["configMap"]
    wanted = {**source, "name": source.get("secretName") or source.get("name")}
    data = read_object(job, "Secret" if secret else "ConfigMap", wanted)
    items = {str(each.get("key")): str(each.get("path")) for each in named(source.get("items"))}
    folder.mkdir(parents=True)
    for key, text in data.items():
        if items and key not in items:
            continue
        name = items.get(key, key)
        if "/" in name or name in ("", ".", ".."):
            raise PodError(f"volume {volume.get('name')}: the path {name!r} is refused")
        (folder / name).write_text(text)
    return folder


def expand_references(text: str, env: Mapping[str, str]) -> str:
    """A word with its `$(NAME)` replaced; names that are not known stay."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return env.get(match[1], match[0])

    return REFERENCE.sub(one, text)


def parse_quantity(text: object) -> int:
    """Bytes of a quantity such as `64Mi`; 0 for none."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]{0,2})", str(text or ""))
    if match is None:
        return 0
    return int(float(match[1]) * SCALES.get(match[2], 1))
