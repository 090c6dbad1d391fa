"""The table of images: which programs of this machine stand for which image name.

Rows come from a file of the user, which is read again whenever it changes, and then from
`images.toml` beside this file. The first row that fits wins; an image that no row fits is refused
with the name of the user's file, and never run as something else. A file with a mistake refuses
every image, with the mistake, instead of being half used.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from polyrhythm.base.errors import ImageUnknown

BUILT_IN = Path(__file__).parent / "images.toml"
VARIABLE = "POLYRHYTHM_IMAGES"
TEXTS = ("working_dir",)
WORDS = ("names", "entrypoint", "command", "binds", "etc")
TABLES = ("programs", "links", "env")
SWITCHES = ("applets", "host")


@dataclass(slots=True)
class Image:
    """One row. Programs are names of the host's, or `@name` for one that comes with the sandbox."""

    names: Sequence[str] = ()
    applets: bool = False
    host: bool = False
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    working_dir: str = "/"
    programs: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    binds: Sequence[str] = ()
    etc: Sequence[str] = ()
    # The file of the row and its number there, from 1; for messages.
    origin: str = ""
    number: int = 0


def users_file() -> Path:
    """The file that users edit: $POLYRHYTHM_IMAGES, else images.toml in their configuration."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(home) / "polyrhythm" / "images.toml"


class ImageTable:
    """Rows of a user's file before those that are built in."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or users_file()
        self._built_in = parse_table(BUILT_IN.read_text(encoding="utf-8"), str(BUILT_IN))
        self._seen: tuple[int, int] | None = None
        self._rows: list[Image] = []

    def find(self, name: str) -> Image:
        """The row for an image. ImageUnknown: no row, or a file that cannot be read."""
        repository, tag = split_name(name)
        for row in [*self._own(), *self._built_in]:
            if any(_fits(pattern, repository, tag) for pattern in row.names):
                return row
        raise ImageUnknown(
            f"image {name!r} is not in the table of images: add a row for it to {self.file}"
            " (docs/executors.md shows how)"
        )

    def _own(self) -> list[Image]:
        try:
            status = self.file.stat()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ImageUnknown(f"{self.file}: {error.strerror}") from None
        if (status.st_mtime_ns, status.st_size) != self._seen:
            try:
                self._rows = parse_table(self.file.read_text(encoding="utf-8"), str(self.file))
            except (OSError, UnicodeDecodeError) as error:
                raise ImageUnknown(f"{self.file}: {error}") from None
            self._seen = (status.st_mtime_ns, status.st_size)
        return self._rows


def split_name(name: str) -> tuple[str, str]:
    """Repository and tag of an image name; Docker Hub's prefixes and digests are left out."""
    name = name.strip().partition("@")[0]
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    folder, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return folder + slash + last, tag or "latest"


def _fits(pattern: str, repository: str, tag: str) -> bool:
    wanted, _, wanted_tag = pattern.partition(":")
    return fnmatchcase(repository, wanted) and fnmatchcase(tag, wanted_tag or "*")


def parse_table(text: str, origin: str) -> list[Image]:
    """The rows of a file; ImageUnknown names the file and what is wrong in it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ImageUnknown(f"{origin}: {error}") from None
    rows = table.pop("image", [])
    if table or not isinstance(rows, list):
        raise ImageUnknown(
            f"{origin}: only [[image]] is known here, not {sorted(table) or 'image'}"
        )
    return [_parse_row(row, origin, number) for number, row in enumerate(rows, 1)]


def _parse_row(row: object, origin: str, number: int) -> Image:
    where = f"{origin}: image {number}"
    if not isinstance(row, dict) or not row.get("names"):
        raise ImageUnknown(f"{where}: names = [...] is needed")
    for key, value in row.items():
        fits = (
            (key in SWITCHES and isinstance(value, bool))
            or (key in TEXTS and isinstance(value, str))
            or (key in WORDS and _all_text(value, list))
            or (key in TABLES and _all_text(value, dict))
        )
        if not fits:
            raise ImageUnknown(f"{where}: {_complaint(key)}")
    for path in [row.get("working_dir", "/"), *row.get("binds", ()), *row.get("links", ())]:
        if not path.startswith("/") or ".." in path.split("/"):
            raise ImageUnknown(f"{where}: {path!r} is no absolute path")
    for name in [*row.get("programs", ()), *row.get("etc", ())]:
        if "/" in name or name in ("", ".", ".."):
            raise ImageUnknown(f"{where}: {name!r} is no plain name")
    return Image(**row, origin=origin, number=number)


def _all_text(value: object, kind: type[list[object]] | type[dict[str, object]]) -> bool:
    if not isinstance(value, kind):
        return False
    words = [*value, *value.values()] if isinstance(value, dict) else value
    return all(isinstance(word, str) and "\0" not in word for word in words)


def _complaint(key: str) -> str:
    kinds = {
        "true or false": SWITCHES,
        "a text": TEXTS,
        "a list of texts": WORDS,
        "a table of texts": TABLES,
    }
    for kind, keys in kinds.items():
        if key in keys:
            return f"{key} has to be {kind}"
    near = get_close_matches(key, [*SWITCHES, *TEXTS, *WORDS, *TABLES], 1)
    return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")
