"""Sans-IO core of SMTP (RFC 5321 and its extensions), both roles: bytes in, events out; replies in, bytes out.

Leaves to others: sockets, TLS, clocks, policy, storage and logging. It imports none of them (import-linter keeps it).
Invariant: any bytes from a peer become events or a protocol error, never another exception, and only
CRLF.CRLF ends a message.
"""
