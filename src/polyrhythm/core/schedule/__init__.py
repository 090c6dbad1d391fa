"""A schedule: an entity that starts workflows at the times of its spec.

`spec` says when, `state` what one is, `apply` writes it; `advance` decides what happens at an
instant, by the rules of `overlap`; `decide` holds the verbs of clients and of runs, `action` and
`describe` what leaves. Refuses clocks and zones of its own: an instant comes with the context, and
what was computed of it is in the log.
"""
