"""Which tokens the resource takes."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from mailferry.sandbox.bearer import Bearer, TokenRejected
from mailferry.sandbox.certificates import Keys
from mailferry.sandbox.organisation import SECRET_CLIENT_ID, TENANT_ID
from mailferry.sandbox.signer import Signer
from support.sandbox_lab import Lab

AUDIENCES = ("https://outlook.office365.com",)


def check(lab: Lab, token: str) -> Bearer:
    return lab.checker.check(token, now=lab.clock.time(), tenant_id=TENANT_ID, audiences=AUDIENCES)


def test_good_token(lab: Lab) -> None:
    bearer = check(lab, lab.token())
    assert (bearer.app_id, bearer.roles) == (SECRET_CLIENT_ID, {"SMTP.SendAsApp"})


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"audience": "https://graph.microsoft.com"}, "audience"),
        ({"audience": "https://outlook.office.com"}, "audience"),  # V: must be outlook.office365.com
        ({"tenant_id": "other"}, "tenant"),
        ({"now": 0.0}, "expired"),
        ({"now": 4e9}, "not valid yet"),
    ],
)
def test_wrong_token(lab: Lab, changes: dict[str, object], cause: str) -> None:
    with pytest.raises(TokenRejected, match=cause):
        check(lab, lab.token(**changes))


def test_trailing_slash_of_the_audience_is_the_same(lab: Lab) -> None:
    assert check(lab, lab.token(audience="https://outlook.office365.com/"))


def test_token_that_was_good_expires(lab: Lab) -> None:
    token = lab.token()
    expires = check(lab, token).expires
    lab.clock.set(expires - 1)
    assert check(lab, token)
    lab.clock.set(expires)
    with pytest.raises(TokenRejected, match="expired"):
        check(lab, token)


def test_forged_tokens(lab: Lab, keys: Keys) -> None:
    good = lab.token()
    head, payload, signature = good.split(".")
    foreign = Signer(keys.application_key, lab.world.random).issue(
        application=lab.world.tenant.applications[SECRET_CLIENT_ID],
        tenant_id=TENANT_ID,
        audience=AUDIENCES[0],
        roles=("SMTP.SendAsApp",),
        by="1",
        now=lab.clock.time(),
    )
    hs256 = jwt.encode({"alg": "HS256"}, {"tid": TENANT_ID}, OctKey.import_key(b"k" * 32))
    none = f"eyJhbGciOiJub25lIn0.{payload}."
    changed = f"{head}.{payload[:-2]}AA.{signature}"
    for token in (foreign.token, hs256, none, changed, "", "x", "a.b.c", good + "x", "\udcff"):
        with pytest.raises(TokenRejected):
            check(lab, token)


def test_many_tokens_do_not_pile_up(lab: Lab) -> None:
    for _ in range(3):
        check(lab, lab.token())
    assert len(lab.checker._known) == 3
