"""What users import: tasks, workflows, the verbs inside workflows, clients and workers.

Owns everything between a user's function and a service's call: values to payloads, exceptions to
failures, the deterministic loop with its replay, the worker. It knows a service only as the Link of
`sdk/link.py` and never imports the engine, a store or a transport.
"""
