"""The blocking client is what its generator writes from the async one."""

import pytest
from mirror import LIBRARY, TARGETS, mirror


@pytest.mark.parametrize("target", TARGETS)
def test_the_mirror_is_fresh(target):
    written = (LIBRARY / f"{target}.py").read_text(encoding="utf-8")
    assert written == mirror(target), "run `python tools/mirror.py`"
