"""The vocabulary of Machinery, the Go task queue: what its messages and results say.

Pure values and codecs: signatures, argument types, task states, group records, and what follows
from an outcome. Bytes written by Go programs are read, and the other way round. No connection, no
clock: times and ids are given.
"""
