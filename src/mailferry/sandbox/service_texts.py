"""What the services beside client submission say, sentence by sentence, each with its source.

Marks as in texts: V = Microsoft's text, O = observed by third parties, UNV = best known. Leaves to others: when a
sentence is said (hve_login, hve, acs_smtp, onprem, mx) and what is a setting (service_settings).
"""

from __future__ import annotations

from mailferry.sandbox.texts import Text

# High Volume Email. The codes are O (a relay project tested live; a digest of Microsoft Learn), texts where marked.
HVE_ORGANISATION = Text(
    535,
    "5.7.139",
    "Authentication unsuccessful, the organization configuration doesn't allow this authentication request.",
    True,
    "V learn, troubleshoot High Volume Email",
)
HVE_EXPIRING = Text(535, "5.7.142", "Token will expire soon", False, "O digest of Microsoft Learn; relay project")
HVE_EXPIRED = Text(535, "5.7.143", "Expired token", False, "O digest of Microsoft Learn; relay project")
HVE_PERMISSION = Text(
    535, "5.7.144", "XOAUTH2 authentication failed. Invalid API permissions", False, "O digest of Microsoft Learn"
)
HVE_APPLICATION = Text(
    550,
    "5.7.240",
    "The application is not allowed for use with this High Volume Email account",
    False,
    "O digest of Microsoft Learn",
)
#: 5.5.121 to 5.5.126 are for missing user, Bearer or token; which is which, and the texts, UNV.
HVE_ARGUMENT = Text(501, "5.5.121", "Invalid XOAUTH2 argument", False, "O code; text UNV")
HVE_NO_USER = Text(501, "5.5.122", "Invalid XOAUTH2 argument: user is missing", False, "O code; meaning and text UNV")
HVE_NO_AUTH = Text(501, "5.5.123", "Invalid XOAUTH2 argument: auth is missing", False, "O code; meaning and text UNV")
HVE_NO_BEARER = Text(501, "5.5.124", "Invalid XOAUTH2 argument: no Bearer", False, "O code; meaning and text UNV")
HVE_NO_TOKEN = Text(501, "5.5.125", "Invalid XOAUTH2 argument: no token", False, "O code; meaning and text UNV")
HVE_SENDER = Text(
    550, "5.7.62", "The sender is not the High Volume Email account", True, "O code (relay project); text UNV"
)
HVE_FROM = Text(
    550, "5.6.241", "From is not the High Volume Email account", True, "O code (relay project); text, reply code UNV"
)
HVE_NO_ACCOUNT = Text(
    550, "5.2.240", "The user is not a High Volume Email account", True, "O code (relay project); text, stage UNV"
)

# Azure Communication Services: no dialogue is published. Codes in CamelCase are those of REST (O).
ACS_LOGIN = Text(535, "5.7.3", "Authentication unsuccessful", False, "UNV")
ACS_DENIED = Text(535, "5.7.1", "Denied by the resource provider.", False, "O of REST (401 Denied); UNV here")
ACS_MUST_LOG_IN = Text(530, "5.7.0", "Authentication required", False, "UNV; RFC 4954 section 6")
ACS_DOMAIN = Text(
    550, "5.7.1", "DomainNotLinked: The specified sender domain has not been linked.", False, "O of REST; UNV here"
)
ACS_SENDER = Text(
    550,
    "5.7.1",
    "InvalidSenderUserName: The sender username is not provisioned for this domain.",
    False,
    "O code of REST; text UNV",
)
ACS_SUPPRESSED = Text(
    550,
    "5.7.1",
    "EmailDroppedAllRecipientsSuppressed: All recipients are on the suppression list.",
    False,
    "O code of REST; text UNV",
)

# Exchange Server, frontend.
RELAY_REFUSED = Text(
    550, "5.7.54", "SMTP; Unable to relay recipient in non-accepted domain", False, "O nine public files"
)
ANONYMOUS_REFUSED = Text(
    530, "5.7.57", "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", False, "V NDR list"
)
SERVICE_NOT_ACTIVE = Text(421, "4.3.2", "Service not active", False, "V message-rate-limits; O G:4079515354")
TOO_MANY_CONNECTIONS = Text(
    421,
    "4.3.2",
    "The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
    False,
    "O Exchange family; UNV",
)
NO_CONNECTOR = Text(421, "4.3.2", "Service not available", False, "UNV: no receive connector holds the address")

# The MX.
TENANT_ATTRIBUTION = Text(550, "5.7.64", "TenantAttribution; Relay Access Denied", True, "V fix-error-5-7-64")
DIRECT_SEND = Text(
    550,
    "5.7.68",
    "TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
    True,
    "O six files; petri.com quoting blog 4408790",
)
DBEB = Text(550, "5.4.1", "Recipient address rejected: Access denied", True, "V NDR list")
BANNED = Text(
    550,
    "5.7.606",
    "Access denied, banned sending IP [{address}]. To request removal from this list please visit"
    " https://sender.office.com/ and follow the directions.",
    True,
    "O G:18009744533 (head); rest UNV",
)
TLS_REQUIRED = Text(451, "5.7.3", "STARTTLS is required to send mail", True, "UNV at the MX; Exchange family")
