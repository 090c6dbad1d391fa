"""Machinery's queues and results on Redis, as its two Go drivers read and write them.

The extra `redis` has the client. Nothing outside of this folder imports it.
"""
