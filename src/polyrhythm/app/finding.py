"""Finds the App that a command line means: `FILE.py`, `FILE.py:NAME`, `MODULE` or `MODULE:NAME`.

Importing a program runs its top level and nothing more: a call of `app.run()` belongs under
`if __name__ == "__main__":`. A file is imported under its own stem, with its folder first on the
import path, as if it were started from there.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType

from polyrhythm.app.application import App
from polyrhythm.dialects.canvas.celery.front import CeleryFront
from polyrhythm.sdk.errors import MisuseError


def find_app(target: str) -> App:
    """Return the App. Raises MisuseError saying what is wrong with the target, and whatever the
    program itself raises.
    """
    place, _, name = target.rpartition(":") if _has_name(target) else (target, "", "")
    module = _load_file(place) if place.endswith(".py") else _load_module(place)
    values = {key: _app_of(value) for key, value in vars(module).items()}
    found = {key: value for key, value in values.items() if value is not None}
    if name:
        if name not in found:
            raise MisuseError(f"{place} has no App {name!r}; {_names(found)}")
        return found[name]
    distinct = {id(app): app for app in found.values()}
    if len(distinct) != 1:
        raise MisuseError(f"{place}: {_names(found)}; name one, as in {place}:app")
    return next(iter(distinct.values()))


def _app_of(value: object) -> App | None:
    """An App, also of one under Celery's names."""
    inner = value.app if isinstance(value, CeleryFront) else value
    return inner if isinstance(inner, App) else None


def _has_name(target: str) -> bool:
    _, colon, name = target.rpartition(":")
    return bool(colon) and name.isidentifier()


def _names(found: dict[str, App]) -> str:
    return "its Apps are " + ", ".join(sorted(found)) if found else "there is no App in it"


def _load_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise MisuseError(f"there is no file {path}")
    file = os.path.realpath(path)
    name = os.path.splitext(os.path.basename(file))[0]
    sys.path.insert(0, os.path.dirname(file))
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise MisuseError(f"{path} is no Python program")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise MisuseError(f"there is no module {name!r} here; a file ends in .py") from error
        raise
