"""Who may do what: pure verdicts over identities, roles and scopes.

Imports base only and is asked from one place, the service's gate.
"""
