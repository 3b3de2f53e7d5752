"""What Microsoft Graph refuses with: status, code and sentence, each with its source, in the documented envelope.

Leaves to others: when one is due. Marks as in texts: V = Microsoft's text, O = observed by third parties, UNV = best
known. Invariant: the code is what clients are told to act on (V concepts/errors.md); `cause` is for the recorder only.
"""

from __future__ import annotations

from typing import Any

from mailferry.clock import utc
from mailferry.sandbox.refused import Kind, Refused


class GraphRefused(Refused):
    """The request is refused."""

    def body(self, *, now: float, request_id: str, client_request_id: str) -> dict[str, Any]:
        """V concepts/errors.md; the three members of innerError O many, 2023-2026."""
        inner = {
            "date": f"{utc(now):%Y-%m-%dT%H:%M:%S}",
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": {"code": self.kind.code, "message": self.sentence, "innerError": inner}}


# Tokens and permissions.
_TOKEN = "InvalidAuthenticationToken"  # noqa: S105 - an error code
TOKEN_EMPTY = Kind(401, _TOKEN, "Access token is empty.", "O G:61221288943 2026-08-13")
TOKEN_MALFORMED = Kind(401, _TOKEN, "CompactToken parsing failed with error code: 80049217", "O G:29653561963 2019-10")
TOKEN_AUDIENCE = Kind(
    401, _TOKEN, "Access token validation failure. Invalid audience.", "O G:35208064944 2023-04-20, 9 more"
)
TOKEN_EXPIRED = Kind(401, _TOKEN, "Lifetime validation failed, the token is expired.", "O G:4833714220 2024-02-02")
ACCESS_DENIED = Kind(
    403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.", "O G:38305133411 2025-11, 9 more"
)
ME_NEEDS_USER = Kind(
    400, "BadRequest", "/me request is only valid with delegated authentication flow.", "UNV, widely quoted"
)
REPORTS_PERMISSION = Kind(
    403,
    "Authentication_MSGraphPermissionMissing",
    "The principal does not have required Microsoft Graph permission(s): {roles} to call this API.",
    "UNV, widely quoted",
)
REPORTS_LICENCE = Kind(
    403,
    "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
    "Neither tenant is B2C or tenant doesn't have premium license",
    "UNV, widely quoted; that a licence is needed V resources/signin.md 2024-11-14",
)

# Users and items.
INVALID_USER = Kind(404, "ErrorInvalidUser", "The requested user '{user}' is invalid.", "O G:29747804932, 5 more")
MAILBOX_NOT_ENABLED = Kind(
    404,
    "MailboxNotEnabledForRESTAPI",
    "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    "O G:61969306494 with its 404, 9 more",
)
ITEM_NOT_FOUND = Kind(
    404, "ErrorItemNotFound", "The specified object was not found in the store.", "O G:71192383409, 9 more"
)

# Messages.
INVALID_BASE64 = Kind(
    400,
    "ErrorMimeContentInvalidBase64String",
    "Invalid base64 string for MIME content.",
    "V api-reference/v1.0/api/user-sendmail.md",
)
INVALID_RECIPIENTS = Kind(
    400, "ErrorInvalidRecipients", "At least one recipient is not valid.", "O G:59872245004 2026, 8 more"
)
UNRESOLVED_RECIPIENT = Kind(
    400,
    "ErrorInvalidRecipients",
    "At least one recipient is not valid., Recipient '{recipient}' is not resolved. All recipients must be resolved"
    " before a message can be submitted.",
    "O G:59872245004 2026",
)
SEND_AS_DENIED = Kind(
    403,
    "ErrorSendAsDenied",
    "The user account which was used to submit this request does not have the right to send mail on behalf of the"
    " specified sending account. Cannot submit message.",
    "V concepts/outlook-send-mail-from-other-user.md",
)
_TOO_LARGE = ("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.")
MESSAGE_TOO_LARGE = {
    400: Kind(400, *_TOO_LARGE, "O G:70830895328"),
    413: Kind(413, *_TOO_LARGE, "O G:12117619808"),
}
MAILBOX_FULL = Kind(
    507, "ErrorQuotaExceeded", "The mailbox quota is exceeded.", "UNV; 507 V concepts/errors.md for a full quota"
)
NOT_A_DRAFT = Kind(400, "ErrorInvalidOperation", "The item is not a draft and cannot be sent.", "UNV")
HEADER_NAME = Kind(
    400,
    "InvalidInternetMessageHeader",
    "The internet message header name '{name}' should start with 'x-' or 'X-'.",
    "O G:55726312322, 8 more",
)
HEADER_COUNT = Kind(
    400,
    "InvalidInternetMessageHeaderCollection",
    "Maximum number of headers in one message should be less than or equal to 5.",
    "O (code: readers of peers' sources); sentence UNV",
)
ATTACHMENT_TOO_SMALL = Kind(
    400,
    "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
    "Attachment size should not be less than the minimum size.",
    "V concepts/outlook-large-attachments.md (code); status and sentence UNV",
)
ATTACHMENT_TOO_LARGE = Kind(
    413, "ErrorAttachmentSizeLimitExceeded", "The attachment exceeds the maximum supported size.", "UNV; 150 MB V"
)

# Upload sessions. V concepts/errors.md for codes in general; that Outlook's own say so too is UNV.
RANGE_ORDER = Kind(416, "invalidRange", "Uploaded fragment is out of order.", "V concepts/errors.md, general")
RANGE_OVERLAP = Kind(416, "invalidRange", "Uploaded fragment overlaps with existing data.", "V concepts/errors.md")
RANGE_MISSING = Kind(400, "invalidRequest", "A Content-Range header of the form bytes a-b/total is needed.", "UNV")
RANGE_LENGTH = Kind(
    400,
    "invalidRequest",
    "Declared total size for this fragment is different from that of the upload session.",
    "V concepts/errors.md (fragmentLengthMismatch), general",
)
RANGE_TOO_LONG = Kind(413, "invalidRequest", "The uploaded fragment is larger than 4 MB.", "UNV; 4 MB V")
SESSION_NOT_FOUND = Kind(404, "itemNotFound", "Upload session not found.", "V concepts/errors.md, general")
SESSION_AUTHORIZATION = Kind(
    401,
    "InvalidAudience",
    "The audience claim value is invalid for current resource. Audience claim is 'https://graph.microsoft.com', request"
    " url is '{url}'",
    "O microsoft-graph-docs issue 6955, 2020-01-30; code UNV. That no Authorization may be sent: V",
)

# Requests.
REQUEST_TOO_LARGE = Kind(
    413,
    "BadRequest",
    "The maximum request length supported is 4MB.",
    "O microsoft-graph-docs-contrib issue 682, 2021-03-01; 413 V concepts/errors.md",
)
BODY_UNREADABLE = Kind(
    400,
    "BadRequest",
    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON"
    " format.",
    "UNV, widely quoted",
)
BODY_INVALID = Kind(400, "RequestBodyRead", "{problem}", "O (code); sentences UNV")
MEDIA_TYPE = Kind(415, "UnsupportedMediaType", "The content type {type} is not supported.", "V concepts/errors.md 415")
QUERY_INVALID = Kind(400, "BadRequest", "Invalid query: {problem}", "UNV")
UNKNOWN_PROPERTY = Kind(
    400,
    "RequestBroker--ParseUri",
    "Could not find a property named '{name}' on type '{type}'.",
    "UNV, widely quoted",
)
INEFFICIENT_FILTER = Kind(
    400,
    "InefficientFilter",
    "The restriction or sort order is too complex for this operation.",
    "V api-reference/v1.0/api/user-list-messages.md",
)
SEARCH_WITH_FILTER = Kind(
    400, "SearchWithFilter", "The query parameter '$filter' is not supported with '$search'.", "UNV, widely quoted"
)
NOT_IMPLEMENTED = Kind(501, "notImplemented", "not implemented in the sandbox: {what}", "the sandbox's own")

# Throttling.
CONCURRENCY = Kind(
    429,
    "ApplicationThrottled",
    "Application is over its MailboxConcurrency limit.",
    "O G:67428332867, 9 more; 429 and Retry-After V concepts/throttling.md",
)
TOO_MANY_REQUESTS = Kind(429, "TooManyRequests", "Please retry again later.", "V 2021 concepts/throttling.md")


def not_implemented(what: str) -> GraphRefused:
    """What no document says, or nobody needed so far."""
    return GraphRefused(NOT_IMPLEMENTED, what=what)
