"""What only this machine can tell: directories, certificates, secrets.

Leaves to others: whether the settings fit together (the other checks). Nothing is changed and nobody is asked over
the network. Invariant: no secret that is read here is kept or shown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path as FilePath

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from mailferry.alarms.target import TargetError
from mailferry.alarms.webhook import address
from mailferry.clock import Clock, utc
from mailferry.config.checks import bulletin, tenants
from mailferry.config.checks.finding import Finding, error, warning
from mailferry.config.console import ConsoleSettings
from mailferry.config.lines import Path
from mailferry.config.schema import AlarmSettings, GatewaySettings, TenantSettings
from mailferry.config.validate import View
from mailferry.listener.settings import ListenerSettings, TlsMode, TlsSettings
from mailferry.routes.acs_access import key_of
from mailferry.routes.settings import RouteSettings
from mailferry.spool.settings import SpoolSettings
from mailferry.tokens.api import TokenError
from mailferry.tokens.secret import read_secret

_SOON = timedelta(days=30)


def check(view: View, clock: Clock, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield from _directories(view)
    yield from _certificates(view, clock)
    yield from tenants.machine(view, clock, environ)
    for item in view.all(TenantSettings):
        yield from _authorities((*item.path, "ca_file"), item.value.ca_file)
    for alarm in view.all(AlarmSettings):
        yield from _authorities((*alarm.path, "ca_file"), alarm.value.ca_file)
        yield from _target(alarm.path, alarm.value, environ)
    yield from bulletin.secrets(view, environ)
    for path, file in bulletin.authorities(view):
        yield from (warning(found.path, found.what, found.cure) for found in _authorities(path, file))
    for route in view.all(RouteSettings):
        yield from _authorities((*route.path, "ca_file"), route.value.ca_file)
        yield from _secrets(route.path, route.value, environ)
        if route.value.certificate is not None:
            yield from _pair(route.path, route.value.certificate, route.value.key, "", clock)


def _directories(view: View) -> Iterator[Finding]:
    gateway, spool = view.one(GatewaySettings), view.one(SpoolSettings)
    if gateway is not None:
        yield from _directory(("gateway", "state"), gateway.value.state)
    if spool is not None and spool.value.directory is not None:
        yield from _directory(("spool", "directory"), spool.value.directory)


def _directory(path: Path, directory: FilePath) -> Iterator[Finding]:
    """It can be written, or made in the nearest parent that there is."""
    there = directory
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        yield error(path, f"{there} is no directory", "name another one")
    elif not os.access(there, os.W_OK | os.X_OK):
        yield error(path, f"{there} cannot be written by this user", "let the user that runs mailferry own it")


def _certificates(view: View, clock: Clock) -> Iterator[Finding]:
    gateway = view.one(GatewaySettings)
    host = gateway.value.hostname if gateway else ""
    tls = view.one(TlsSettings)
    if tls is not None and tls.value.certificate is not None:
        yield from _pair(tls.path, tls.value.certificate, tls.value.key, host, clock)
    elif tls is not None and tls.value.key is not None:
        yield error(("tls", "key"), "is given without certificate", "name the certificate too")
    console = view.one(ConsoleSettings)
    if console is not None and console.value.certificate is not None:
        yield from _pair(console.path, console.value.certificate, console.value.key, host, clock)
    for item in view.all(ListenerSettings):
        listener = item.value
        if listener.tls is TlsMode.NONE:
            continue
        if listener.certificate is not None:
            yield from _pair(item.path, listener.certificate, listener.key, host, clock)
        elif listener.key is not None:
            yield error((*item.path, "key"), "is given without certificate", "name the certificate too")


def _pair(path: Path, certificate: FilePath, key: FilePath | None, host: str, clock: Clock) -> Iterator[Finding]:
    here, there = (*path, "certificate"), (*path, "key" if key else "certificate")
    key = key or certificate
    try:
        first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except OSError as problem:
        yield error(here, f"{certificate} cannot be read: {_why(problem)}", "correct the name or the permissions")
        return
    except ValueError:
        yield error(
            here, f"{certificate} holds no certificate in PEM form", "it begins with -----BEGIN CERTIFICATE-----"
        )
        return
    yield from _validity(here, first, host, clock)
    yield from _key(there, key, first)


def _validity(path: Path, certificate: x509.Certificate, host: str, clock: Clock) -> Iterator[Finding]:
    now = utc(clock.time())
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        yield error(path, f"expired on {end:%Y-%m-%d}", "renew it")
    elif now < start:
        yield error(path, f"is valid from {start:%Y-%m-%d} only", "wait, or look at the clock of this machine")
    elif end - now < _SOON:
        yield warning(path, f"expires on {end:%Y-%m-%d}", "renew it")
    names = _names(certificate)
    if host and not any(_matches(host.lower(), name) for name in names):
        listed = ", ".join(names) or "no host"
        yield warning(path, f"is for {listed}, not for {host}", "clients that check names will refuse it")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)]


def _matches(host: str, name: str) -> bool:
    """RFC 6125 section 6.4.3: a wildcard stands for one whole label."""
    return host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _key(path: Path, file: FilePath, certificate: x509.Certificate) -> Iterator[Finding]:
    try:
        data = file.read_bytes()
        mode = file.stat().st_mode
        key = serialization.load_pem_private_key(data, password=None)
    except OSError as problem:
        yield error(path, f"{file} cannot be read: {_why(problem)}", "correct the name or the permissions")
        return
    except TypeError:
        yield error(path, f"the key in {file} has a passphrase", "store it without one, readable by this user only")
        return
    except ValueError:
        yield error(path, f"{file} holds no private key in PEM form", "it begins with -----BEGIN PRIVATE KEY-----")
        return
    if key.public_key() != certificate.public_key():
        yield error(path, f"the key in {file} belongs to another certificate", "name the key of this certificate")
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warning(path, f"{file} can be read by every user of this machine", f"chmod o= {file}")


def _authorities(path: Path, file: FilePath | None) -> Iterator[Finding]:
    if file is None:
        return
    try:
        x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as problem:
        yield error(path, f"{file} cannot be read: {_why(problem)}", "correct the name or the permissions")
    except ValueError:
        yield error(path, f"{file} holds no certificate in PEM form", "it begins with -----BEGIN CERTIFICATE-----")


def _secrets(path: Path, route: RouteSettings, environ: Mapping[str, str]) -> Iterator[Finding]:
    for key, source in (("password", route.password), ("access_key", route.access_key)):
        if source is None:
            continue
        try:
            text = read_secret(source, environ, route.name, key.replace("_", " "))
            if key == "access_key":
                key_of(text)
        except TokenError as problem:
            yield error((*path, key), problem.cause.removeprefix(f"{route.name}: "), "nothing can be sent without it")


def _target(path: Path, target: AlarmSettings, environ: Mapping[str, str]) -> Iterator[Finding]:
    cure = "nobody hears of an alarm by this target without it"
    for key, source in (("url", target.url), ("authorization", target.authorization)):
        if source is None:
            continue
        try:
            text = read_secret(source, environ, target.name, key)
            if key == "url":
                address(text)
        except TokenError as problem:
            yield error((*path, key), problem.cause.removeprefix(f"{target.name}: "), cure)
        except TargetError as problem:
            yield error((*path, key), problem.cause, cure)
    if target.command is not None and not os.access(target.command[0], os.X_OK):
        yield error((*path, "command"), f"{target.command[0]} is no program that this user can run", cure)


def _why(problem: OSError) -> str:
    return (problem.strerror or str(problem)).lower()
