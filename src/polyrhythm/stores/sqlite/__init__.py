"""The store in one SQLite file: the default, and everything a single machine needs."""

from polyrhythm.stores.sqlite.reading import FileReader
from polyrhythm.stores.sqlite.settings import SqliteSettings
from polyrhythm.stores.sqlite.store import SqliteStore
from polyrhythm.stores.sqlite.verification import Report, backup_file, check_file

__all__ = ["FileReader", "Report", "SqliteSettings", "SqliteStore", "backup_file", "check_file"]
