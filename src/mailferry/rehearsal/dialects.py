"""How real clients speak: one function per dialect, each as its programs and devices do it.

Leaves to others: what is sent (mails), where to (wire.Target) and what it proves (demo).
Invariant: a dialect returns the server's last reply when the message was taken, and raises wire.Refused with the exact
refusal otherwise; it never retries, as devices do not.
"""

from __future__ import annotations

import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from mailferry.rehearsal.mails import Mail
from mailferry.rehearsal.wire import TIMEOUT, Refused, Target, Wire, b64, modern_tls, old_tls

Speak = Callable[[Target, Mail, str, str], str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`speak(target, mail, user, password)`; `program` is the foreign program it needs, "" for none."""

    name: str
    how: str
    speak: Speak
    program: str = ""

    @property
    def available(self) -> bool:
        return not self.program or shutil.which(self.program) is not None


def stuffed(octets: bytes) -> bytes:
    """Dots doubled at the start of lines, and the end of data (RFC 5321 section 4.5.2)."""
    body = octets.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _checked(answer: tuple[int, bytes]) -> str:
    code, text = answer
    said = f"{code} {text.decode('utf-8', 'replace')}"
    if code >= 400:
        raise Refused(said)
    return said


def python_smtplib(target: Target, mail: Mail, user: str, password: str) -> str:
    """Python's smtplib: STARTTLS, then whichever AUTH it prefers of those offered."""
    try:
        with smtplib.SMTP(target.host, target.submission, "erp01.contoso.example", TIMEOUT) as link:
            link.starttls(context=modern_tls(target))
            link.login(user, password)
            options = ["SMTPUTF8"] if not mail.octets.isascii() or not "".join(mail.recipients).isascii() else []
            if options:
                link.command_encoding = "utf-8"
            _checked(link.mail(mail.sender, [*options, f"SIZE={len(mail.octets)}"]))
            for recipient in mail.recipients:
                _checked(link.rcpt(recipient))
            return _checked(link.data(mail.octets))
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error
        raise Refused(
            f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
        ) from None


def curl(target: Target, mail: Mail, user: str, password: str) -> str:
    """curl --ssl-reqd smtp://, as shell scripts and backup jobs call it."""
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(mail.octets)
        file.flush()
        command = ["curl", "-sS", "-v", "--ssl-reqd", "--cacert", str(target.ca_file)]
        command += ["--url", f"smtp://{target.host}:{target.submission}/backup01", "--user", f"{user}:{password}"]
        command += ["--mail-from", mail.sender, "--upload-file", file.name]
        for recipient in mail.recipients:
            command += ["--mail-rcpt", recipient]
        done = subprocess.run(command, capture_output=True, timeout=2 * TIMEOUT, check=False)  # noqa: S603
    replies = [
        line[2:].strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.startswith("< ")
    ]
    if done.returncode:
        refused = [line for line in replies if line[:1] in "45"]
        raise Refused(refused[-1] if refused else done.stderr.decode("utf-8", "replace").strip().splitlines()[-1])
    return next((line for line in reversed(replies) if line.startswith("250")), "250")


def swaks(target: Target, mail: Mail, user: str, password: str) -> str:
    """swaks --tls --auth LOGIN."""
    command = ["swaks", "--server", target.host, "--port", str(target.submission), "--tls", "--auth", "LOGIN"]
    command += ["--auth-user", user, "--auth-password", password, "--helo", "nagios.contoso.example"]
    command += ["--from", mail.sender, "--to", ",".join(mail.recipients), "--data", "-", "--timeout", str(int(TIMEOUT))]
    # swaks reads the message with bare line feeds and writes CRLF itself, also after the last line.
    data = mail.octets.removesuffix(b"\r\n").replace(b"\r\n", b"\n")
    done = subprocess.run(command, input=data, capture_output=True, timeout=2 * TIMEOUT, check=False)  # noqa: S603
    # "<~  250 …" is a reply under TLS, "<~* 535 …" a refusal, "<-" and "<**" the same in clear.
    replies = [line[3:].strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line[:1] == "<"]
    if done.returncode:
        refused = [line for line in replies if line[:1] in "45"]
        raise Refused(refused[0] if refused else f"swaks ended with {done.returncode}")
    return next((line for line in reversed(replies) if line.startswith("250")), "250")


def copier_login(target: Target, mail: Mail, user: str, password: str) -> str:
    """A copier that knows LOGIN only and spells it `auth login <user>` in lower case."""
    with Wire(target.host, target.submission) as wire:
        wire.say(b"ehlo KMBT1C2D3E\r\n")
        wire.start_tls(modern_tls(target))
        wire.say(b"ehlo KMBT1C2D3E\r\n")
        wire.say(b"auth login " + b64(user) + b"\r\n")
        wire.say(b64(password) + b"\r\n")
        return _envelope_and_data(wire, mail)


def anonymous_ups(target: Target, mail: Mail, user: str, password: str) -> str:
    """A UPS card: port 25, HELO, no TLS, no login, upper-case verbs with a blank after the colon."""
    with Wire(target.host, target.plain) as wire:
        wire.say(b"HELO apc-ups-2\r\n")
        return _envelope_and_data(wire, mail, blank=b" ")


def old_scanner(target: Target, mail: Mail, user: str, password: str) -> str:
    """A scanner of 2008: TLS 1.0 and nothing newer, LOGIN with prompts."""
    with Wire(target.host, target.legacy) as wire:
        wire.say(b"EHLO XRX9C934E5F1A2B\r\n")
        try:
            wire.start_tls(old_tls())
        except OSError as error:  # ssl.SSLError is one
            raise Refused(f"TLS handshake failed: {getattr(error, 'reason', None) or error}") from None
        wire.say(b"EHLO XRX9C934E5F1A2B\r\n")
        wire.say(b"AUTH LOGIN\r\n")
        wire.say(b64(user) + b"\r\n")
        wire.say(b64(password) + b"\r\n")
        return _envelope_and_data(wire, mail)


def bare_line_feeds(target: Target, mail: Mail, user: str, password: str) -> str:
    """A controller that ends the lines of its text with a bare LF; only the end of data is right."""
    with Wire(target.host, target.legacy) as wire:
        wire.say(b"EHLO plc-7\r\n")
        wire.start_tls(modern_tls(target))
        wire.say(b"EHLO plc-7\r\n")
        wire.say(b"AUTH LOGIN\r\n")
        wire.say(b64(user) + b"\r\n")
        wire.say(b64(password) + b"\r\n")
        wire.say(b"MAIL FROM:<" + mail.sender.encode() + b">\r\n")
        for recipient in mail.recipients:
            wire.say(b"RCPT TO:<" + recipient.encode() + b">\r\n")
        wire.say(b"DATA\r\n")
        return wire.say(mail.octets.removesuffix(b"\r\n").replace(b"\r\n", b"\n") + b"\r\n.\r\n")


def pipelining_plain(target: Target, mail: Mail, user: str, password: str) -> str:
    """A Java mailer: AUTH PLAIN at once, the whole envelope in one write."""
    with Wire(target.host, target.submission) as wire:
        wire.say(b"EHLO dms.contoso.example\r\n")
        wire.start_tls(modern_tls(target))
        offered = wire.say(b"EHLO dms.contoso.example\r\n")
        if "PLAIN" in offered:
            wire.say(b"AUTH PLAIN " + b64(f"\0{user}\0{password}") + b"\r\n")
        else:
            wire.say(b"AUTH LOGIN\r\n")
            wire.say(b64(user) + b"\r\n")
            wire.say(b64(password) + b"\r\n")
        group = [b"MAIL FROM:<" + mail.sender.encode() + b">\r\n"]
        group += [b"RCPT TO:<" + recipient.encode() + b">\r\n" for recipient in mail.recipients]
        wire.send(b"".join([*group, b"DATA\r\n"]))
        wire.answers(len(group) + 1)
        return wire.say(stuffed(mail.octets))


def _envelope_and_data(wire: Wire, mail: Mail, blank: bytes = b"") -> str:
    wire.say(b"MAIL FROM:" + blank + b"<" + mail.sender.encode() + b">\r\n")
    for recipient in mail.recipients:
        wire.say(b"RCPT TO:" + blank + b"<" + recipient.encode() + b">\r\n")
    wire.say(b"DATA\r\n")
    taken = wire.say(stuffed(mail.octets))
    wire.send(b"QUIT\r\n")
    return taken
