"""Where the official tests run: an environment and a folder of their own under .cache.

The environment holds the SDK as it is published, in the version of the tests, and what the tests
import. The folder holds a copy of the checkout without its `temporalio` package, which has no
compiled core and would stand before the installed one. Made once, and again when the list changes.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".cache" / "official-suite"
SDK_VERSION = "1.31.0"
PACKAGES = (
    f"temporalio[grpc,opentelemetry,pydantic]=={SDK_VERSION}",
    "pytest==9.0.*",
    "pytest-asyncio==0.21.*",
    "pytest-timeout==2.*",
    "pytest-rerunfailures==16.*",
    "pytest-xdist==3.*",
    "psutil>=5.9.3",
    "cryptography>=46",
    "httpx>=0.28.1",
    "googleapis-common-protos>=1.75,<2",
    "typing-extensions>=4.2",
)
# Of a checkout: what tests read beside themselves.
STAGED = ("tests", "scripts", "pyproject.toml", "README.md", "CHANGELOG.md")


class BadCheckoutError(Exception):
    """A folder that is no checkout of the SDK at the wanted version."""


def make_environment() -> Path:
    """Return the Python of the environment, made first where it is not there yet."""
    folder = HOME / "venv"
    python = folder / "bin" / "python"
    wanted = hashlib.sha256("\n".join([sys.version, *PACKAGES]).encode()).hexdigest()
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing temporalio {SDK_VERSION} and what its tests need", flush=True)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PACKAGES], check=True)
        stamp.write_text(wanted)
    return python


def stage_checkout(checkout: Path) -> Path:
    """Copy what the tests need out of a checkout. Raises BadCheckoutError for another version."""
    project = checkout / "pyproject.toml"
    if not (checkout / "tests" / "conftest.py").is_file() or not project.is_file():
        raise BadCheckoutError(f"{checkout} is no checkout of temporalio/sdk-python")
    found = re.search(r'^version = "([^"]+)"', project.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None or found[1] != SDK_VERSION:
        version = found[1] if found else "no version"
        raise BadCheckoutError(f"{checkout} is {version}; the tests of {SDK_VERSION} are wanted")
    stage = HOME / "sdk"
    shutil.rmtree(stage, ignore_errors=True)
    for name in STAGED:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, stage / name)
        elif source.is_file():
            shutil.copy2(source, stage / name)
    return stage


def stage_servers(stage: Path) -> Path:
    """Return a folder for temporary files that has the servers tests would download: `poly`.

    The SDK looks for a downloaded server under these names before it asks anybody for one.
    """
    folder = HOME / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    poly = Path(sys.executable).with_name("poly")
    text = (stage / "tests" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'DEV_SERVER_DOWNLOAD_VERSION = "([^"]+)"', text)
    dev = [f"temporal-sdk-python-{SDK_VERSION}"] + ([f"temporal-{found[1]}"] if found else [])
    verbs = dict.fromkeys(dev, "") | {
        f"temporal-test-server-sdk-python-{SDK_VERSION}": "test-server "
    }
    for name, verb in verbs.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{poly}" {verb}"$@"\n')
        path.chmod(0o755)
    return folder


def digest_of_tests(stage: Path) -> str:
    """A hash over the tests that ran, file by file: says whether two runs had the same ones."""
    total = hashlib.sha256()
    for path in sorted((stage / "tests").rglob("*.py")):
        total.update(f"{path.relative_to(stage)}\n".encode() + path.read_bytes())
    return total.hexdigest()
