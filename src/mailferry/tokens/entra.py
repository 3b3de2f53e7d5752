"""Asks Microsoft Entra, or the token service of a machine in Azure, for one token, by azure-identity.

Leaves to others: when to ask and what to keep (broker), secrets (credential), users who signed in (delegated), what an
answer means (answer).
Invariant: whatever happens while asking comes out as TokenRefused or TokenUnavailable with one line for people, a
bounded wait, and neither secret, assertion nor token in it.

azure-identity's credentials for secret, certificate and assertion post straight to
<authority>/<tenant>/oauth2/v2.0/token (no instance discovery, so that any https authority will do), and sign with PS256
and x5t#S256. MSAL would do the same with threads and two requests of discovery before. Which service of a machine is
asked for a managed identity, azure-identity tells from the process's environment, as Azure sets it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mailferry.tokens.answer import Answer
from mailferry.tokens.api import TokenError, TokenUnavailable
from mailferry.tokens.credential import Assertion, ClientCertificate, ClientSecret, Credential, Machine
from mailferry.tokens.settings import Kind

if TYPE_CHECKING:  # 0.25 s of imports, on first use
    from azure.core.pipeline.transport import AioHttpTransport
    from azure.identity.aio import (
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
    )

    _Client = CertificateCredential | ClientAssertionCredential | ClientSecretCredential | ManagedIdentityCredential

_MACHINE = "the managed identity service of this machine"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the token service gave. `lifetime` in seconds, counted from the asking; `trouble` is what went wrong beside
    and holds no mail back."""

    value: str = field(repr=False)
    lifetime: float
    trouble: str = ""


class EntraFetcher:
    """Fetches tokens; holds no state, so that each request uses the secret of the moment."""

    async def fetch(self, credential: Credential, scope: str) -> Fetched:
        """One token for `scope`. Raises TokenError."""
        answer = Answer()
        outcome = await self._ask(credential, scope, answer)
        # Raised here, outside of any handler, so that no context of azure-core (which holds the request) hangs on it.
        if isinstance(outcome, TokenError):
            raise outcome
        return outcome

    async def _ask(self, credential: Credential, scope: str, answer: Answer) -> Fetched | TokenError:
        host = service(credential)
        try:
            async with asyncio.timeout(credential.settings.timeout):
                if credential.kind is Kind.SIGN_IN:
                    from mailferry.tokens import delegated

                    return await asyncio.to_thread(delegated.renew, credential, scope, answer)
                client = await asyncio.to_thread(_client, credential, answer)
                async with client:
                    token = await client.get_token(scope)
            return Fetched(token.token, answer.lifetime())
        except TokenError as error:
            return type(error)(error.cause, error.code, error.retry_after)
        except TimeoutError:
            return TokenUnavailable(f"{host} did not answer within {credential.settings.timeout:g} s")
        except Exception as error:
            return answer.error(host, error)


def service(credential: Credential) -> str:
    """Who is asked, for people."""
    return _MACHINE if credential.kind is Kind.MANAGED_IDENTITY else urlsplit(credential.authority).netloc


def _client(credential: Credential, answer: Answer) -> _Client:
    """The library's credential for one request. Blocks on imports, files and keys. Raises TokenRefused."""
    from azure.identity.aio import (
        CertificateCredential,
        ClientAssertionCredential,
        ClientSecretCredential,
        ManagedIdentityCredential,
    )

    # Its warnings repeat the service's words, which could repeat the secret; the broker logs the cause instead.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    settings, material = credential.settings, credential.material()
    options: dict[str, Any] = {
        "connection_timeout": settings.timeout + 1,  # a backstop; fetch() keeps the time
        "read_timeout": settings.timeout + 1,
        "retry_total": 0,  # the broker decides when to ask again
        "raw_response_hook": answer.take,
    }
    match material:
        case Machine(name=name):
            return ManagedIdentityCredential(identity_config=dict(name), transport=_straight(), **options)
        case Assertion() | ClientSecret():
            answer.secrets = (material.value,)
        case ClientCertificate():
            pass
    verify = str(settings.ca_file) if settings.ca_file else True
    options |= {"authority": credential.authority, "connection_verify": verify}
    match material:
        case ClientSecret(value=value):
            return ClientSecretCredential(settings.tenant_id, settings.client_id, value, **options)
        case Assertion(value=value):
            return ClientAssertionCredential(settings.tenant_id, settings.client_id, lambda: value, **options)
        case ClientCertificate(pem=pem):
            return CertificateCredential(settings.tenant_id, settings.client_id, certificate_data=pem, **options)


def _straight() -> AioHttpTransport:
    """The machine's own service speaks plain HTTP: a proxy of the environment would see its key and the tokens (V
    instance-metadata-service.md, "Have your HTTP clients bypass web proxies", read 2026-11)."""
    from azure.core.pipeline.transport import AioHttpTransport

    return AioHttpTransport(use_env_settings=False)
