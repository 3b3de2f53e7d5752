"""A notice as a mail, and its submission to the gateway.

Leaves to others: carrying it (the gateway, as any client's mail: its rules, queue and history hold for it too).
Invariant: the answer 250 is the gateway's promise; what it refused is named, recipient by recipient.

It goes by SMTP rather than straight into the spool because that is the organisation's way of sending: the listener's
rules are kept, the command may run on another machine, and an arrived notice proves the way that it tells about.
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailferry.bulletin import forms
from mailferry.bulletin.notice import Notice
from mailferry.bulletin.settings import MailSettings
from mailferry.clock import Clock, utc


class NotSent(Exception):
    """The gateway did not take the mail. `hint` says what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Sent:
    """What the gateway took, and whom it refused with which reply."""

    accepted: tuple[str, ...]
    refused: dict[str, str]


def letter(notice: Notice, sender: str, name: str, recipients: Sequence[str], clock: Clock) -> EmailMessage:
    """Plain text with the page as its alternative. Several recipients do not see each other."""
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    text = forms.text(notice)
    mail["From"] = Address(name, addr_spec=sender)
    mail["To"] = recipients[0] if len(recipients) == 1 else "undisclosed-recipients:;"
    mail["Subject"] = notice.title
    mail["Date"] = format_datetime(utc(clock.time()))
    digest = hashlib.sha256(f"{mail['Date']}\0{text}\0{recipients}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{sender.rpartition('@')[2]}>"
    mail["Content-Language"] = notice.language
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: no vacation reply comes back
    mail.set_content(text)
    mail.add_alternative(forms.html(notice), subtype="html")
    return mail


def submit(mail: EmailMessage, sender: str, recipients: Sequence[str], settings: MailSettings, password: str) -> Sent:
    """Hand it to the gateway. Raises NotSent."""
    where = f"{settings.host}:{settings.port}"
    try:
        with _connected(settings) as server:
            if settings.account:
                server.login(settings.account, password)
            refused = server.send_message(mail, sender, list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        raise NotSent(
            f"{where} takes no recipient: {_reply(next(iter(error.recipients.values())))}",
            "the client's recipients in the gateway's configuration must allow them",
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise NotSent(f"{where} refuses the login: {_reply((error.smtp_code, error.smtp_error))}", _LOGIN) from None
    except smtplib.SMTPNotSupportedError as error:
        raise NotSent(f"{where}: {error}", "account and tls of [bulletin.mail] must suit the listener") from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(
            f"{where} answers {_reply((error.smtp_code, error.smtp_error))}", "the gateway's log tells why"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise NotSent(
            f"the certificate of {where} is not trusted: {error.verify_message}",
            "name its authority with ca_file of [bulletin.mail], and the host as the certificate does",
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"{where} cannot be reached: {error}", "host, port and tls of [bulletin.mail]") from None
    failed = {recipient: _reply(reply) for recipient, reply in refused.items()}
    return Sent(tuple(one for one in recipients if one not in failed), failed)


_LOGIN = "account and password of [bulletin.mail] must be those of a [[client]] of the gateway"


def _connected(settings: MailSettings) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.tls == "implicit":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)
    if settings.tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _reply(reply: tuple[int, bytes | str]) -> str:
    code, text = reply
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(f"{code} {shown}".split())[:300]
