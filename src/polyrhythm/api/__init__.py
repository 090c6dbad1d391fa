"""Our own protobuf messages: the notes of a run's log, and polyrhythm.api.v1.

The lowest room beside base: core, engine, service and transports share this vocabulary next to
`temporalio.api`. Written by hand are the .proto files; `make proto` writes the rest. Fields are
only ever added.
"""
