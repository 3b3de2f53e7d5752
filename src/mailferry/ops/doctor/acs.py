"""Azure Communication Services by REST: whether its resource lets this gateway in.

Leaves to others: the other routes (ways). Invariant: no mail is sent: the state of an operation that nobody began is
asked for, which a resource answers 404 where the caller may ask and 401 or 403 where not. Whether the sender is a
MailFrom address is told by a message only, and that is said.
"""

from __future__ import annotations

from functools import partial
from uuid import uuid4

from mailferry.delivery.verdict import texts
from mailferry.m365 import errors
from mailferry.m365.errors import Who
from mailferry.m365.facts import Text
from mailferry.ops.doctor.finding import Finding, Level
from mailferry.ops.doctor.patient import Patient
from mailferry.ops.doctor.tenants import explained
from mailferry.routes.acs_build import build_client
from mailferry.routes.acs_client import Lost
from mailferry.routes.acs_errors import Answer
from mailferry.routes.acs_settings import MISSING
from mailferry.routes.faults import Fault
from mailferry.routes.settings import RouteSettings
from mailferry.tokens.api import TokenError
from mailferry.tokens.broker import TokenBroker
from mailferry.tokens.secret import read_secret

_NETWORK = Text(Who.NETWORK.label("en"), Who.NETWORK.label("ja"))
_ENTRA = Text(Who.ENTRA.label("en"), Who.ENTRA.label("ja"))


async def check(patient: Patient, broker: TokenBroker, route: RouteSettings) -> Finding:
    secret = partial(read_secret, environ=patient.environ, owner=f"route {route.name}", what="access key")
    shown = f"{route.name}/{route.mailbox}" if route.mailbox else route.name
    try:
        client = build_client(route, patient.cloud(route), broker, secret)
    except OSError as error:
        what = Text(f"certificates cannot be read: {error}", f"証明書を読み込めません: {error}")
        return Finding("send", shown, Level.FAILED, what)
    try:
        return _judged(shown, await client.status(str(uuid4())))
    except ImportError:
        return Finding("send", shown, Level.FAILED, Text(": ".join(MISSING), ": ".join(MISSING)))
    except TokenError as error:
        cause, cure = texts(Fault.TOKEN, None)
        return Finding("send", shown, Level.FAILED, Text(error.cause, error.cause), cause, cure)
    except Lost as lost:
        cause, cure = texts(Fault.TLS if lost.tls else Fault.CONNECTION, None)
        return Finding("send", shown, Level.FAILED, Text(lost.text, lost.text), cause, cure, _NETWORK)
    finally:
        await client.close()


def _judged(shown: str, answer: Answer) -> Finding:
    if answer.status == 404 or answer.good:
        what = Text(
            "the resource lets this gateway in; whether it takes the sender, a first message tells",
            "リソースに接続できます。送信者が受け入れられるかどうかは、最初のメールで判明します",
        )
        return Finding("send", shown, Level.GOOD, what)
    words = answer.words()
    fact = next(iter(errors.explain(words)), None)
    return Finding("send", shown, Level.FAILED, Text(words, words), *(explained(fact)[:2]), _ENTRA)
