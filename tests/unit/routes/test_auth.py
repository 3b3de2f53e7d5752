"""Logging in: where a password is read, which refusals are of the token itself, and what a missing password means."""

from __future__ import annotations

import threading

import pytest

from mailferry.routes.auth import PasswordLogin, names_token, renewal_may_help
from mailferry.routes.classify import Classifier
from mailferry.routes.faults import Unusable
from mailferry.smtp.replies import Reply
from mailferry.tokens.api import TokenRefused


async def test_a_password_is_not_read_on_the_event_loop() -> None:
    """It may lie on a network; everything else would wait for it."""
    threads: list[threading.Thread] = []

    def password() -> str:
        threads.append(threading.current_thread())
        return "secret"

    await PasswordLogin("scanner", password, Classifier(exchange=False), 1.0).prepare()
    assert threads
    assert threading.current_thread() not in threads


async def test_a_password_that_is_not_there_holds_the_lane() -> None:
    def password() -> str:
        raise TokenRefused("route relay: cannot read the password in p.txt: No such file or directory")

    with pytest.raises(Unusable) as caught:
        await PasswordLogin("scanner", password, Classifier(exchange=False), 1.0).prepare()
    assert "No such file" in str(caught.value.outcome)


@pytest.mark.parametrize(
    ("enhanced", "text", "helps", "named"),
    [
        ("5.7.142", "Token will expire soon", True, True),
        ("5.7.143", "Expired token", True, True),
        ("5.7.3", "Authentication unsuccessful [SN2PR00CA0018.namprd00.prod.outlook.com]", True, False),
        ("5.7.139", "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.", False, False),
    ],
)
def test_which_refusals_name_the_token(enhanced: str, text: str, helps: bool, named: bool) -> None:
    reply = Reply(535, enhanced, (text,))
    assert renewal_may_help(reply) is helps
    assert names_token(reply) is named
