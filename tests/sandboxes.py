"""Tests that need bubblewrap: they run in CI, and elsewhere say what is absent when they skip."""

import shutil

import pytest

ABSENT = [name for name in ("bwrap", "busybox") if shutil.which(name) is None]
needs_sandbox = pytest.mark.skipif(
    bool(ABSENT),
    reason=f"{' and '.join(ABSENT)} not found: apt-get install bubblewrap busybox-static",
)
