"""The blocking client is what its generator writes from the async one."""

from mirror import TARGET, mirror


def test_the_mirror_is_fresh():
    assert TARGET.read_text(encoding="utf-8") == mirror(), "run `python tools/mirror.py`"
