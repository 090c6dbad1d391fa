"""`import polyrhythm` costs nothing; every name that it promises is there when it is used."""

import subprocess
import sys

import pytest

import polyrhythm


def test_importing_the_package_imports_nothing_else():
    program = (
        "import sys, polyrhythm\n"
        "ours = [m for m in sys.modules if m.startswith(('polyrhythm.', 'temporalio'))]\n"
        "sys.exit(f'imported {ours}' if ours else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", polyrhythm.__all__)
def test_every_name_is_there(name):
    assert getattr(polyrhythm, name) is not None
    assert name in dir(polyrhythm)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        _ = polyrhythm.Nope
