"""Queues that others own: messages in and out, results where those who wait look for them.

`port.py` is what the rest of the library knows of a broker; `machinery` is the vocabulary of the
messages, without any connection; each broker has a folder and an extra of its own.
"""
