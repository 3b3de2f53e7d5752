"""Every sentence as its source has it; the source and its date stand beside each expected text."""

from __future__ import annotations

import re

import pytest

from mailferry.sandbox import texts
from mailferry.sandbox.hosts import Hosts
from mailferry.sandbox.texts import Text
from support.sandbox_lab import Lab

H = " [H]"

SENTENCES = [
    # Message Center MC786329 (2026-01-27), Exchange Team blog 4489835 (2026-01-27)
    (texts.BASIC_RETIRED, "550 5.7.30 Basic authentication is not supported for Client Submission."),
    # MicrosoftDocs/office-developer-exchange-docs, OAuth for IMAP, POP and SMTP (2026-06-19)
    (texts.AUTHENTICATION_UNSUCCESSFUL, f"535 5.7.3 Authentication unsuccessful{H}"),
    # observed: G:69033120634, G:24138142309
    (
        texts.SMTP_DISABLED_TENANT,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
        f" Visit https://aka.ms/smtp_auth_disabled for more information.{H}",
    ),
    # measured 2026-09-17: G:69046662300
    (
        texts.SMTP_DISABLED_MAILBOX,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."
        f" Visit https://aka.ms/smtp_auth_disabled for more information.{H}",
    ),
    # observed: oldium/microsoft-smtp-oauth2-proxy README, G:69033120634
    (texts.BASIC_DISABLED, f"535 5.7.139 Authentication unsuccessful, basic authentication is disabled.{H}"),
    # observed: G:41779298675
    (
        texts.CREDENTIALS_INCORRECT,
        f"535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.{H}",
    ),
    # observed: G:4903955032; G:63511202216 (2026-08)
    (
        texts.CRITERIA_NOT_MET,
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated"
        f" successfully. Contact your administrator.{H}",
    ),
    # observed: G:69033120634
    (
        texts.SECURITY_DEFAULTS,
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy."
        f" Contact your administrator.{H}",
    ),
    # observed: G:69033120634 (fixture)
    (texts.ACCOUNT_LOCKED, f"535 5.7.139 Authentication unsuccessful, account locked.{H}"),
    # observed: G:66000316693, G:69033120634
    (texts.UNRECOGNIZED_TYPE, f"504 5.7.4 Unrecognized authentication type{H}"),
    # observed: m365scripts.com and cubesys.com.au quoting Exchange Team blog 2659652
    (
        texts.TLS_TOO_OLD,
        "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2."
        " Visit https://aka.ms/smtp_auth_tls",
    ),
    # observed by many, 2026
    (texts.NOT_AUTHENTICATED, f"530 5.7.57 Client not authenticated to send mail.{H}"),
    # wide reuse in the Exchange family; not seen at Exchange Online
    (texts.TOO_LARGE, "552 5.3.4 Message size exceeds fixed maximum message size"),
    # NDR list, Microsoft Learn (2021 copy)
    (texts.ENVELOPE_RECIPIENTS, "452 4.5.3 Too many recipients"),
    # observed: G:28532023436; short text on Microsoft Learn
    (
        texts.CONCURRENT_CONNECTIONS.fill(host="X.PROD.OUTLOOK.COM"),
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information."
        " [Hostname=X.PROD.OUTLOOK.COM]",
    ),
    # UNV
    (texts.RECIPIENT_LIMIT, "550 5.5.3 RESOLVER.ADR.RecipLimit; too many recipients"),
    # SupportArticles-docs ae5c3e0 (2026-01-07)
    (
        texts.TENANT_LIMIT,
        "550 5.7.233 Your message can't be sent because your tenant has exceeded its daily limit for sending email to"
        " external recipients (tenant external recipient rate limit)",
    ),
]

#: Texts known only by their beginning.
BEGINNINGS = [
    # transcript of 2025-11-23: G:51970297327
    (
        texts.SEND_AS_DENIED.fill(user="a@contoso.example", sender="b@contoso.example", trail="T ", host="H"),
        "554 5.2.252 SendAsDenied; a@contoso.example not allowed to send as b@contoso.example; STOREDRV.Submission."
        "Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a permanent"
        " exception with message [BeginDiagnosticData]Cannot submit message. ",
    ),
    # Microsoft Learn, smtp-submission-improvements; G:4200371385
    (texts.SUBMISSION_QUOTA, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"),
    # Microsoft Learn, smtp-submission-improvements
    (
        texts.MAILBOX_FULL,
        "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded",
    ),
    # NDR list, Microsoft Learn (2021 copy)
    (texts.RESTRICTED, "550 5.1.8 Access denied, bad outbound sender"),
    # observed: G:6819437402, text not verified
    (texts.LOGON_FAILURE, "430 4.2.0 STOREDRV; mailbox logon failure"),
]


@pytest.mark.parametrize(("text", "expected"), SENTENCES, ids=lambda v: v.enhanced if isinstance(v, Text) else "")
def test_sentence(text: Text, expected: str) -> None:
    assert str(text.reply("H")) == expected


@pytest.mark.parametrize(("text", "expected"), BEGINNINGS, ids=lambda v: v.enhanced if isinstance(v, Text) else "")
def test_beginning(text: Text, expected: str) -> None:
    assert str(text.reply("H")).startswith(expected)


def test_every_text_has_a_mark() -> None:
    every = [value for value in vars(texts).values() if isinstance(value, Text)]
    assert len(every) >= 23
    assert all(re.match(r"V |O |UNV", text.mark) for text in every)


def test_both_forms_of_the_host_suffix(lab: Lab) -> None:
    """O: G:45373638250 (host, time, session), Microsoft Learn (host alone)."""
    front = Hosts(lab.world.random).front_end(lab.clock.time())
    assert re.fullmatch(r"[A-Z0-9]+\.[a-z0-9]+\.prod\.outlook\.com", front.suffix("host", 0))
    new = front.suffix("host-time-session", 1750571881.072)
    assert re.fullmatch(r"[A-Z0-9]+\.[A-Z0-9]+\.PROD\.OUTLOOK\.COM 2025-06-22T05:58:01\.07\dZ [0-9A-F]{16}", new)
