"""All benchmarks in one command (`make bench`), with settings that take a few minutes.

Today that is the cost of a workflow over the wire, against a real Temporal server where
`make servers WHICH=temporal` built one. Arguments go to bench/temporal_wire.py, for example
`make bench ARGS="--only ours --rounds 1"`.
"""

import sys

import temporal_wire


def main() -> int:
    """Run them and return the exit code."""
    return temporal_wire.run(temporal_wire.parse_args())


if __name__ == "__main__":
    sys.exit(main())
