"""What the sandbox says, sentence by sentence, each with its source. Written again from the sources, not shared with
the gateway's own tables.

Marks: V = Microsoft's text, O = observed by third parties, UNV = best known. [H] = the host suffix (hosts).
Leaves to others: when a sentence is said (decide, submission, exchange_session).
"""

from __future__ import annotations

from dataclasses import dataclass

from mailferry.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Text:
    """A refusal. `suffixed`: the host suffix follows; `text` may hold {names} to be filled in."""

    code: int
    enhanced: str
    text: str
    suffixed: bool
    mark: str

    def fill(self, **values: str) -> Text:
        """The same with its {names} replaced."""
        return Text(self.code, self.enhanced, self.text.format(**values), self.suffixed, self.mark)

    def reply(self, suffix: str) -> Reply:
        return Reply(self.code, self.enhanced, (f"{self.text} [{suffix}]" if self.suffixed else self.text,))


def _unsuccessful(reason: str, mark: str) -> Text:
    return Text(535, "5.7.139", f"Authentication unsuccessful, {reason}", True, mark)


# The retirement. V: Message Center MC786329, Exchange Team blog 4489835; stage not published.
BASIC_RETIRED = Text(
    550, "5.7.30", "Basic authentication is not supported for Client Submission.", False, "V MC786329 2026-01-27"
)

# AUTH.
AUTHENTICATION_UNSUCCESSFUL = Text(
    535, "5.7.3", "Authentication unsuccessful", True, "V office-developer-exchange-docs 2026-06-19"
)
SMTP_DISABLED_TENANT = _unsuccessful(
    "SmtpClientAuthentication is disabled for the Tenant."
    " Visit https://aka.ms/smtp_auth_disabled for more information.",
    "O G:69033120634, G:24138142309",
)
SMTP_DISABLED_MAILBOX = _unsuccessful(
    "SmtpClientAuthentication is disabled for the Mailbox."
    " Visit https://aka.ms/smtp_auth_disabled for more information.",
    "O G:69046662300 measured 2026-09-17; to XOAUTH2 with a valid token too",
)
BASIC_DISABLED = _unsuccessful("basic authentication is disabled.", "O microsoft-smtp-oauth2-proxy, G:69033120634")
CREDENTIALS_INCORRECT = _unsuccessful("the user credentials were incorrect.", "O G:41779298675")
CRITERIA_NOT_MET = _unsuccessful(
    "the request did not meet the criteria to be authenticated successfully. Contact your administrator.",
    "O G:4903955032; G:63511202216 2026-08",
)
SECURITY_DEFAULTS = _unsuccessful(
    "user is locked by your organization's security defaults policy. Contact your administrator.", "O G:69033120634"
)
ACCOUNT_LOCKED = _unsuccessful("account locked.", "O G:69033120634")
UNRECOGNIZED_TYPE = Text(504, "5.7.4", "Unrecognized authentication type", True, "O G:66000316693, G:69033120634")
TLS_TOO_OLD = Text(
    421,
    "4.7.66",
    "TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2."
    " Visit https://aka.ms/smtp_auth_tls",
    False,
    "O m365scripts.com, cubesys.com.au quoting blog 2659652",
)

# MAIL and RCPT.
NOT_AUTHENTICATED = Text(530, "5.7.57", "Client not authenticated to send mail.", True, "O many, 2026")
NOT_AUTHENTICATED_BECAUSE = Text(
    530, "5.7.57", "Client not authenticated to send mail. Error: {error}", True, "O G:4903955032; G:63511202216"
)
TOO_LARGE = Text(
    552, "5.3.4", "Message size exceeds fixed maximum message size", False, "O wide reuse; UNV at Exchange Online"
)
ENVELOPE_RECIPIENTS = Text(452, "4.5.3", "Too many recipients", False, "V NDR list; this use UNV")
UNKNOWN_RECIPIENT = Text(
    550,
    "5.1.10",
    "RESOLVER.ADR.RecipientNotFound; Recipient {recipient} not found by SMTP address lookup",
    False,
    "O third-party NDR copies",
)

# End of data.
SEND_AS_DENIED = Text(
    554,
    "5.2.252",
    "SendAsDenied; {user} not allowed to send as {sender};"
    " STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message due to a"
    " permanent exception with message [BeginDiagnosticData]Cannot submit message. {trail}[EndDiagnosticData]"
    " [Hostname={host}]",
    False,
    "O G:51970297327 2025-11-23",
)
SUBMISSION_QUOTA = Text(
    554,
    "5.2.0",
    "STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent"
    " exception with message Cannot submit message. [Hostname={host}]",
    False,
    "V learn smtp-submission-improvements (head); rest UNV",
)
CONCURRENT_CONNECTIONS = Text(
    432,
    "4.3.2",
    "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information."
    " [Hostname={host}]",
    False,
    "O G:28532023436; V learn, short text",
)
MESSAGE_RATE = Text(
    421,
    "4.4.2",
    "Message submission rate for this client has exceeded the configured limit",
    False,
    "O the receive connector's text, Exchange Server; UNV at Exchange Online",
)
MAILBOX_FULL = Text(
    554,
    "5.2.2",
    "mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionQuotaExceeded; Failed to process"
    " message due to a permanent exception with message [Hostname={host}]",
    False,
    "V learn smtp-submission-improvements (head); rest UNV",
)
RESTRICTED = Text(550, "5.1.8", "Access denied, bad outbound sender AS(42004)", True, "V NDR list; AS(nnnn) UNV")
RECIPIENT_LIMIT = Text(550, "5.5.3", "RESOLVER.ADR.RecipLimit; too many recipients", False, "UNV")
LOGON_FAILURE = Text(430, "4.2.0", "STOREDRV; mailbox logon failure [Hostname={host}]", False, "O G:6819437402, UNV")

# Reports to the sender's Inbox. V: SupportArticles-docs ae5c3e0 2026-01-07.
TENANT_LIMIT = Text(
    550,
    "5.7.233",
    "Your message can't be sent because your tenant has exceeded its daily limit for sending email to external"
    " recipients (tenant external recipient rate limit)",
    False,
    "V SupportArticles-docs ae5c3e0 2026-01-07",
)
TENANT_LIMIT_TRIAL = Text(
    550,
    "5.7.232",
    "Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external"
    " recipients (tenant external recipient rate limit)",
    False,
    "V SupportArticles-docs ae5c3e0 2026-01-07",
)

# Positive answers and the greeting. O: transcript of 2025-11-23, G:51970297327; 235: V Microsoft Learn.
GREETING = "{host} Microsoft ESMTP MAIL Service ready at {date} [{session}]"
CAPABILITIES_CLEAR = (
    "SIZE {size}",
    "PIPELINING",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "STARTTLS",
    "8BITMIME",
    "BINARYMIME",
    "CHUNKING",
    "SMTPUTF8",
)
CAPABILITIES_TLS = tuple("AUTH LOGIN XOAUTH2" if c == "STARTTLS" else c for c in CAPABILITIES_CLEAR)
STARTTLS_READY = Reply(220, "2.0.0", ("SMTP server ready",))
AUTHENTICATED = Reply(235, "2.7.0", ("Authentication successful",))
SENDER_OK = Reply(250, "2.1.0", ("Sender OK",))
RECIPIENT_OK = Reply(250, "2.1.5", ("Recipient OK",))
START_DATA = Reply(354, "", ("Start mail input; end with <CRLF>.<CRLF>",))
QUEUED = "OK <{message_id}> [Hostname={host}]"  # O G:41779298675, G:11571455226
CLOSING = Reply(221, "2.0.0", ("Service closing transmission channel",))  # O G:11571455226
RESETTING = Reply(250, "2.0.0", ("Resetting",))  # UNV
OK = Reply(250, "2.0.0", ("OK",))  # UNV
CHUNK_OK = "{size} octets received"  # UNV
CANCELLED = Reply(501, "5.7.0", ("Authentication cancelled",))  # RFC 4954 section 4: 501 to "*"
BAD_XOAUTH2 = Reply(501, "5.5.4", ("Invalid arguments",))  # UNV
UNKNOWN_COMMAND = Reply(500, "5.3.3", ("Unrecognized command",))  # O Exchange family
VRFY = Reply(252, "2.1.5", ("Cannot VRFY user",))  # O Exchange family
UNSUPPORTED_PARAMETER = Reply(501, "5.5.4", ("Unrecognized parameter",))  # O Exchange family; RFC 5321 would say 555
TEMPORARY = Reply(451, "4.7.0", ("Temporary server error. Please try again later.",))  # UNV
