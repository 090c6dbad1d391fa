"""The `temporal` command against two servers: the same script, its output normalised and compared.

`make conformance TEMPORAL_CLI=compare` runs it on a fresh `poly dev` and compares with what the
real server's answers made of it; `TEMPORAL_CLI=record` asks a fresh real server anew.
"""
