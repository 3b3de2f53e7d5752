"""The replies that the core gives by itself, in one place.

Leaves to others: every reply that a policy decides. Invariant: fixed texts; nothing of what the client sent is echoed.
Codes: RFC 5321 section 4.2, RFC 5248 (enhanced codes of syntax errors), RFC 4954 section 6 (AUTH).
"""

from __future__ import annotations

from mailferry.smtp.replies import reply

SYNTAX = reply(500, "5.5.2", "Syntax error, command not understood")
BINARY = reply(500, "5.5.2", "Command contains characters that are not allowed")
LINE_TOO_LONG = reply(500, "5.5.2", "Line too long")
AUTH_LINE_TOO_LONG = reply(500, "5.5.6", "Authentication exchange line is too long")  # RFC 4954 section 4
BAD_BASE64 = reply(501, "5.5.2", "Cannot decode Base64")
BAD_ARGUMENT = reply(501, "5.5.4", "Syntax error in parameters or arguments")
BAD_SENDER = reply(501, "5.1.7", "Syntax error in sender address")
BAD_RECIPIENT = reply(501, "5.1.3", "Syntax error in recipient address")
UTF8_ADDRESS = reply(553, "5.6.7", "Address needs SMTPUTF8")  # RFC 6531 section 3.5
UNOFFERED = reply(502, "5.5.1", "Command not implemented")
HELLO_FIRST = reply(503, "5.5.1", "Send EHLO first")
SEQUENCE = reply(503, "5.5.1", "Bad sequence of commands")
NESTED_MAIL = reply(503, "5.5.1", "Sender already given")
MAIL_FIRST = reply(503, "5.5.1", "Need MAIL before RCPT")
RCPT_FIRST = reply(503, "5.5.1", "Need RCPT before the message")
AUTH_TWICE = reply(503, "5.5.1", "Already authenticated")
TLS_TWICE = reply(503, "5.5.1", "TLS is already on")
STARTTLS_TAIL = reply(503, "5.5.1", "Nothing may follow STARTTLS before the handshake")  # RFC 3207; CVE-2011-0411
TOO_BIG = reply(552, "5.3.4", "Message size exceeds fixed limit")  # RFC 1870 section 6
BARE_NEWLINE = reply(521, "5.5.2", "Bare line ending refused")
TOO_MANY_IDLE = reply(421, "4.7.0", "Too many commands without mail")
TOO_MANY_ERRORS = reply(421, "4.7.0", "Too many errors")

#: What a sequence error of an act is called (by the act's name); SEQUENCE for all others.
BY_ACT = {"MAIL": NESTED_MAIL, "RCPT": MAIL_FIRST, "DATA": RCPT_FIRST, "BDAT": RCPT_FIRST}
