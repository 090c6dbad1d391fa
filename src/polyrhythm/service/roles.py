"""Which role a method asks for, and where: the levels are those of the Temporal server.

Its table (release 1.31.2, `common/api/metadata.go`) says for each method whether it reads, writes
or administers; names say the same but for the few in the sets below. A method of the protocol that
is not known yet is a write, one of the operator's service administers.
"""

from __future__ import annotations

from polyrhythm.access.identity import Role

# Answered to everybody: a client asks before it has shown anything, and learns nothing.
OPEN = frozenset(("GetSystemInfo",))
READ_VERBS = ("Get", "List", "Describe", "Count", "Scan", "Query", "Read", "Fetch", "Validate")
# They wait for what somebody else's call decides.
READS = frozenset(
    """PollWorkflowExecutionUpdate PollActivityExecution PollNexusOperationExecution
    PollWorkflowExecutionTimeSkipping""".split()
)
ADMINISTERS = frozenset(("RegisterNamespace", "UpdateNamespace", "DeprecateNamespace"))
OPERATOR_READS = frozenset(("ListSearchAttributes",))


def role_of(full_name: str) -> Role:
    """Return the role that `/package.Service/Method` asks for."""
    service, _, method = full_name.lstrip("/").partition("/")
    if method in OPEN:
        return Role.NONE
    if service.endswith(".OperatorService"):
        return Role.READ if method in OPERATOR_READS else Role.ADMIN
    if method in ADMINISTERS:
        return Role.ADMIN
    if method in READS or method.startswith(READ_VERBS):
        return Role.READ
    return Role.WRITE
