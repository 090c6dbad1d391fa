"""Who has which rights: what a keyring's file says, and what becomes of what a caller shows."""

import pytest

from polyrhythm.access.identity import (
    EVERYWHERE,
    Identity,
    Role,
    anonymous,
    decode_identity,
    encode_identity,
)
from polyrhythm.access.keyring import digest_of, parse_keyring
from polyrhythm.access.scope import check_role
from polyrhythm.base.errors import PermissionDenied

KEY, OTHER = "poly-0123456789abcdef", "poly-fedcba9876543210"
TEXT = f"""
[keys.billing]
sha256 = "{digest_of(KEY).hex()}"
namespaces = {{ billing = "write", default = "read" }}

[keys.operator]
sha256 = "{digest_of(OTHER).hex().upper()}"
namespaces = {{ "*" = "read", default = "admin" }}

[certificates."worker-1"]
namespaces = {{ default = "write" }}
"""


def test_a_key_is_its_identity_with_its_roles():
    billing = parse_keyring(TEXT).identify(f"Bearer {KEY}", "", "10.0.0.1:5")
    assert (billing.subject, billing.peer) == ("billing", "10.0.0.1:5")
    assert billing.role_in("billing") is Role.WRITE
    assert billing.role_in("default") is Role.READ
    assert billing.role_in("elsewhere") is billing.role_in(EVERYWHERE) is Role.NONE


def test_a_role_everywhere_counts_in_each_namespace():
    operator = parse_keyring(TEXT).identify(f"bearer {OTHER}", "", "")
    assert operator.role_in("anything") is operator.role_in(EVERYWHERE) is Role.READ
    assert operator.role_in("default") is Role.ADMIN


def test_a_certificate_counts_without_a_key_only():
    keyring = parse_keyring(TEXT)
    assert keyring.identify("", "worker-1", "").subject == "worker-1"
    assert keyring.identify(f"Bearer {KEY}", "worker-1", "").subject == "billing"
    for certificate in ("", "worker-2"):
        found = keyring.identify("", certificate, "x")
        assert (found.subject, dict(found.roles)) == ("", {})


@pytest.mark.parametrize(
    "shown", [f"Bearer {KEY}x", f"Basic {KEY}", KEY, "Bearer ", "Bearer \udce9"]
)
def test_an_unknown_key_is_refused_even_with_a_certificate(shown):
    with pytest.raises(PermissionDenied, match="the API key is not known here"):
        parse_keyring(TEXT).identify(shown.encode(errors="replace").decode(), "worker-1", "")


HASH = "ab" * 32
WRONG = [
    ("", "it names nobody"),
    ("[keys", "Expected"),
    ("[people.x]\n", "there are only"),
    ("keys = 3", "there are only"),
    ("[keys]\nx = 3", r"\[keys.x\] has namespaces and sha256 only"),
    (f'[keys.x]\nsha256 = "{HASH}"', r"\[keys.x\] namespaces is a table"),
    (f'[keys.x]\nsha256 = "{HASH}"\nnamespaces = {{}}', "namespaces is a table"),
    ('[keys.x]\nnamespaces = { a = "read" }', "64 hexadecimal digits"),
    ('[keys.x]\nsha256 = "abc"\nnamespaces = { a = "read" }', "64 hexadecimal digits"),
    (f'[keys.x]\nsha256 = "{HASH}"\nnamespaces = {{ a = "owner" }}', "not 'owner'"),
    (f'[keys.x]\nkey = "{HASH}"\nnamespaces = {{ a = "read" }}', "only"),
    (f'[certificates.x]\nsha256 = "{HASH}"\nnamespaces = {{ a = "read" }}', "namespaces only"),
    (
        "".join(
            f'[keys.{n}]\nsha256 = "{HASH}"\nnamespaces = {{ a = "read" }}\n' for n in ("x", "y")
        ),
        r"\[keys.y\] has the key of x",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_file_that_cannot_be_meant(text, message):
    with pytest.raises(ValueError, match=message):
        parse_keyring(text)


VERDICTS = [
    (Role.READ, Role.READ, True),
    (Role.READ, Role.WRITE, False),
    (Role.WRITE, Role.READ, True),
    (Role.WRITE, Role.ADMIN, False),
    (Role.ADMIN, Role.ADMIN, True),
    (Role.NONE, Role.READ, False),
    (Role.NONE, Role.NONE, True),
]


@pytest.mark.parametrize(("has", "needs", "may"), VERDICTS)
def test_each_role_may_do_what_those_before_it_may(has, needs, may):
    identity = Identity("somebody", roles={"shop": has})
    if may:
        check_role(identity, "shop", needs)
    else:
        with pytest.raises(
            PermissionDenied, match=f"no {needs.name.lower()} role in namespace shop"
        ):
            check_role(identity, "shop", needs)


def test_the_server_as_a_whole_is_not_a_namespace():
    with pytest.raises(PermissionDenied, match="no read role in the server as a whole"):
        check_role(Identity("somebody", roles={"shop": Role.ADMIN}), EVERYWHERE, Role.READ)


def test_an_identity_travels_as_text():
    for identity in (anonymous("1.2.3.4:5"), Identity("Zoë", "x", {"größe": Role.WRITE})):
        text = encode_identity(identity)
        assert text.isascii()
        assert decode_identity(text) == identity


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"subject": "x", "peer": "", "roles": {"a": "OWNER"}}']
)
def test_what_is_no_identity(text):
    with pytest.raises(ValueError, match=r"no identity|Expecting value"):
        decode_identity(text)
