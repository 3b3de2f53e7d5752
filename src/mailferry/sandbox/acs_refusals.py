"""What Azure Communication Services by REST refuses with: status, code and sentence, each with its source.

Leaves to others: when one is due. Marks: V = Microsoft's text, O = observed by third parties, UNV = best known.
Invariant: `cause` is for the recorder only.
"""

from __future__ import annotations

from typing import Any

from mailferry.sandbox.refused import Kind, Refused


class AcsRefused(Refused):
    """The request is refused."""

    def body(self) -> dict[str, Any]:
        """O MicrosoftDocs/azure-docs issue 98227, 2022-09-09: five members, three of them null."""
        error = {"code": self.kind.code, "message": self.sentence}
        return {"error": error | {"target": None, "details": None, "innererror": None}}


# Who calls.
DENIED = Kind(401, "Denied", "Denied by the resource provider.", "O G:61377593746, 8 more")
CONTENT_HASH = Kind(
    401,
    "Denied",
    "Request 'x-ms-content-sha256' differs from generated content hash.",
    "O Azure/azure-rest-api-specs issues 11767 (2020-11-24) and 27148 (2023-12-20)",
)
CLOCK = Kind(
    401,
    "Denied",
    "The given request could not be resolved. The time difference between the originating client and the server is"
    " greater than the allowed margin of 5 minutes.",
    "O G:71166708166 with its 401 in G:70890700870; code UNV",
)
FORBIDDEN = Kind(403, "Forbidden", "Forbidden.", "O G:70890700870; that a missing role is answered so UNV")

# The request.
VERSION = Kind(
    400, "UnsupportedApiVersionValue", "The api-version '{version}' is not supported.", "UNV; versions V their folders"
)
BODY = Kind(400, "BadRequest", "{problem}", "UNV; 400 O G:70169065904")
OPERATION_ID = Kind(400, "BadRequest", "The Operation-Id must be a UUID.", "UNV; that it is one V 2025-09-01")
EXISTS = Kind(409, "Conflict", "The operation {id} exists already.", "O G:70169065904 (409); words UNV")
NOT_FOUND = Kind(404, "OperationNotFound", "The operation {id} was not found.", "UNV")
NOT_IMPLEMENTED = Kind(501, "NotImplemented", "not implemented in the sandbox: {what}", "the sandbox's own")

# The message.
DOMAIN = Kind(
    404,
    "DomainNotLinked",
    "The specified sender domain has not been linked.",
    "O G:71177974818 with its 404, G:56591978256",
)
SENDER = Kind(
    400,
    "InvalidSenderUserName",
    "Invalid email sender username: '{user}'. Please use a username from the list of valid usernames configured by your"
    " admin.",
    "O G:54032635137, G:56794733588; code O G:43707843657; status O G:70169065904",
)
ADDRESS = Kind(400, "BadRequest", "Invalid format for email address", "O G:55739819201; code UNV")
RECIPIENTS = Kind(400, "BadRequest", "The number of recipients must not exceed {limit}.", "UNV; the limit V")
PAYLOAD = Kind(
    400, "BadRequest", "Email payload must be less than 10 MB.", "O G:55739819201; by SMTP G:56232434081; code UNV"
)
ATTACHMENT = Kind(
    400,
    "BadRequest",
    "The attachment {name} of type {type} is not allowed.",
    "V that it is 400 (email-headers); words UNV",
)
CONTENT_ID = Kind(
    400,
    "BadRequest",
    "The content ID {id} of the attachments is not unique.",
    "V that it is 400 (email-headers); words UNV",
)
MESSAGE_ID = Kind(
    400, "BadRequest", "The internet message ID is not valid.", "V that it is 400 where asked for (email-headers); UNV"
)

# Too much.
TOO_MANY = Kind(
    429,
    "TooManyRequests",
    "The request limit of the subscription is exceeded.",
    "V service-limits: 429; code O G:55739819201; words UNV",
)

#: Errors of operations: code and message.
SUPPRESSED = ("EmailDroppedAllRecipientsSuppressed", "Message dropped because all recipients were suppressed")  # O
