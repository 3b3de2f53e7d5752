"""Foreign clients, each made to send one message through one door of the gateway.

Each verifies the certificate by its own CA option and is told which mechanism to log in with. Leaves to others: what
must have arrived (the test). A client that is told no by the server raises Refused.
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from support.letters import Letter

ACCOUNT, PASSWORD = "scanner@contoso.example", "a pass:word%with+signs"


class Refused(Exception):
    """The client ended with an error; its words."""


@dataclass(frozen=True, slots=True)
class Door:
    """A listener as a client sees it: its port and its TLS mode (none, starttls, implicit)."""

    port: int
    tls: str
    ca: Path


@dataclass(frozen=True, slots=True)
class Order:
    """What one client is to do. `mechanism` "" is no login."""

    letter: Letter
    door: Door
    mechanism: str
    directory: Path
    tool: Callable[[str], str]
    password: str = field(default=PASSWORD, repr=False)
    options: tuple[str, ...] = ()  # more words on the command line

    def file(self, data: bytes) -> Path:
        path = self.directory / "message.eml"
        path.write_bytes(data)
        return path


def _run(command: list[str], stdin: bytes = b"", **environment: str) -> None:
    ended = subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, check=False, env={**os.environ, **environment}
    )
    if ended.returncode != 0:
        said = (ended.stdout[-3000:] + ended.stderr[-3000:]).decode(errors="replace")
        raise Refused(f"{command[0]} ended with {ended.returncode}:\n{said}")


def swaks(order: Order) -> None:
    letter, door = order.letter, order.door
    command = [order.tool("swaks"), "--server", "localhost", "--port", str(door.port), "--helo", "swaks.example"]
    command += ["--from", letter.sender, "--to", ",".join(letter.recipients), "--silent", "2", "--suppress-data"]
    file = order.file(letter.data + b".\r\n")  # it takes a dot at the very end for the end of data
    command += ["--data", f"@{file}"]
    command += {"none": [], "starttls": ["--tls"], "implicit": ["--tls-on-connect"]}[door.tls]
    if door.tls != "none":
        command += ["--tls-verify", "--tls-ca-path", str(door.ca)]
    if order.mechanism:
        command += ["--auth", order.mechanism, "--auth-user", ACCOUNT, "--auth-password", order.password]
    _run([*command, *order.options])


def msmtp(order: Order) -> None:
    letter, door = order.letter, order.door
    command = [order.tool("msmtp"), "--host=localhost", f"--port={door.port}", f"--from={letter.sender}"]
    if door.tls == "none":
        command += ["--tls=off"]
    else:
        starttls = "on" if door.tls == "starttls" else "off"
        command += ["--tls=on", f"--tls-starttls={starttls}", f"--tls-trust-file={door.ca}"]
    if order.mechanism:
        secret = order.directory / "secret"
        secret.write_text(order.password)
        command += [f"--auth={order.mechanism.lower()}", f"--user={ACCOUNT}", f"--passwordeval=cat {secret}"]
    _run([*command, *order.options, "--", *letter.recipients], letter.data.replace(b"\r\n", b"\n"))


def curl(order: Order) -> None:
    letter, door = order.letter, order.door
    scheme = "smtps" if door.tls == "implicit" else "smtp"
    command = [
        order.tool("curl"),
        "--silent",
        "--show-error",
        "--url",
        f"{scheme}://localhost:{door.port}/curl.example",
    ]
    command += ["--mail-from", letter.sender, "--upload-file", str(order.file(letter.data))]
    for recipient in letter.recipients:
        command += ["--mail-rcpt", recipient]
    if door.tls != "none":
        command += ["--ssl-reqd", "--cacert", str(door.ca)]
    if order.mechanism:
        command += ["--user", f"{ACCOUNT}:{order.password}", "--login-options", f"AUTH={order.mechanism}"]
    _run([*command, *order.options], LC_ALL="C.UTF-8")


def snail(order: Order) -> None:
    """It writes the header itself, so only the text is given."""
    letter, door = order.letter, order.door
    scheme = "smtps" if door.tls == "implicit" else "smtp"
    options = {
        "v15-compat": "yes",
        "mta": f"{scheme}://localhost:{door.port}",
        "hostname": "snail.example",
        "smtp-auth": order.mechanism.lower() or "none",
        "user": ACCOUNT,
        "password": order.password,
        "sendwait": "mta",
        "DEAD": str(order.directory / "dead.letter"),
        "sendcharsets": letter.charset,
        "ttycharset": "UTF-8",
        "mime-encoding": "8bit",
    }
    if door.tls != "none":
        options |= {"tls-verify": "strict", "tls-ca-file": str(door.ca), "tls-ca-no-defaults": "yes"}
    if door.tls == "starttls":
        options["smtp-use-starttls"] = "yes"
    command = [order.tool("s-nail"), "-:", "/", "-s", letter.subject, "-r", letter.sender]
    for name, value in options.items():
        command += ["-S", f"{name}={value}"]
    text = letter.body.replace(b"\r\n", b"\n")
    _run([*command, *letter.recipients], text, LC_ALL="C.UTF-8", MAILRC="/dev/null", HOME=str(order.directory))


def python(order: Order) -> None:
    letter, door = order.letter, order.door
    context = ssl.create_default_context(cafile=str(door.ca))
    options = ["BODY=8BITMIME"] if letter.eight_bit else []
    options += ["SMTPUTF8"] if letter.smtputf8 else []
    try:
        client = (
            smtplib.SMTP_SSL("localhost", door.port, timeout=30, context=context)
            if door.tls == "implicit"
            else smtplib.SMTP("localhost", door.port, timeout=30)
        )
        with client:
            if door.tls == "starttls":
                client.starttls(context=context)
            client.ehlo("python.example")
            if order.mechanism:
                client.user, client.password = ACCOUNT, order.password
                client.auth(order.mechanism, getattr(client, f"auth_{order.mechanism.lower()}"))
            client.sendmail(letter.sender, letter.recipients, letter.data, options)
    except smtplib.SMTPException as error:
        raise Refused(repr(error)) from error


def nodemailer(order: Order) -> None:
    letter, door = order.letter, order.door
    tls = {"caFile": str(door.ca)} if door.tls != "none" else {}
    transport = {
        "host": "localhost",
        "port": door.port,
        "name": "node.example",
        "secure": door.tls == "implicit",
        "requireTLS": door.tls == "starttls",
        "ignoreTLS": door.tls == "none",
        "tls": tls,
    }
    if order.mechanism:
        transport["auth"] = {"user": ACCOUNT, "pass": order.password}
        transport["authMethod"] = order.mechanism
    envelope = {"from": letter.sender, "to": letter.recipients, "use8BitMime": letter.eight_bit}
    what = {"transport": transport, "envelope": envelope, "file": str(order.file(letter.data))}
    script = Path(__file__).with_name("nodemailer.cjs")
    module = order.tool("node_modules/nodemailer")
    _run([order.tool("node"), str(script), module], json.dumps(what).encode())


CLIENTS: dict[str, Callable[[Order], None]] = {
    "swaks": swaks,
    "msmtp": msmtp,
    "curl": curl,
    "s-nail": snail,
    "smtplib": python,
    "nodemailer": nodemailer,
}
#: Those that take part in SMTPUTF8 (RFC 6531); msmtp 1.8, s-nail 14.9 and swaks 2020 know nothing of it.
SPEAK_SMTPUTF8 = frozenset({"curl", "smtplib", "nodemailer"})
