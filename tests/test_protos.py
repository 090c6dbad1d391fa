"""The committed descriptors are what their .proto files compile to."""

import compile_protos


def test_descriptors_are_fresh():
    assert compile_protos.main(check=True) == 0, "run `make proto`"
