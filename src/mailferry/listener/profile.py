"""One listener as its sessions see it: its settings with what is derived from them once.

Leaves to others: sockets and contexts (server). Invariant: a password is asked for in clear only where the listener
says so in words (allow_plaintext_auth).
"""

from __future__ import annotations

from mailferry.listener.settings import Authentication, ListenerSettings, TlsMode
from mailferry.listener.site import Site
from mailferry.smtp.limits import Extensions, ServerLimits
from mailferry.smtp.replies import Reply, reply

#: PLAIN and LOGIN for devices, XOAUTH2 for programs that cannot be brought back from it. CRAM-MD5 would need the
#: passwords themselves, and clients that see it prefer it.
MECHANISMS = ("PLAIN", "LOGIN", "XOAUTH2")


class Profile:
    """What a session needs to know of its listener. `site` is replaced when clients or routes change."""

    def __init__(self, settings: ListenerSettings, site: Site) -> None:
        self.settings = settings
        self.site = site
        self.name = settings.name
        self.authentication = settings.authentication
        self.starttls = settings.tls is TlsMode.STARTTLS
        self.logs_in = settings.authentication is not Authentication.NONE
        self.clear_auth = settings.allow_plaintext_auth
        self.max_recipients = settings.max_recipients
        self.limits = ServerLimits(message_size=settings.max_size, recipients=settings.max_recipients)
        usable = self.logs_in and (settings.tls is not TlsMode.NONE or settings.allow_plaintext_auth)
        self.extensions = Extensions(
            starttls=self.starttls,
            auth=MECHANISMS if usable else (),
            auth_in_clear=settings.allow_plaintext_auth,
        )
        self.greeting: Reply = reply(220, "", f"{site.hostname} ESMTP Mailferry")
