"""The requests of one delivery: with a token that is renewed once when it is refused, and an outcome for what is lost.

Leaves to others: HTTP itself (graph_http), which requests a message needs (graph, graph_draft), how many there may be
(graph_quota). Invariant: `sent` is true from the moment a request that sends the message has gone out until it was
answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

from mailferry.mail.outcome import Outcome
from mailferry.routes import classify
from mailferry.routes.graph_errors import Answer, Step, outcome
from mailferry.routes.graph_http import Client, Content, Lost, Unreadable
from mailferry.routes.graph_letter import Refused
from mailferry.routes.graph_quota import Full, Quota
from mailferry.tokens.api import AccessToken, TokenError, TokenSource


class Talk:
    """`handed_over`: octets of the message went out; `quota` what the mailbox may be asked, None where it is not a
    mailbox that is asked. Every method raises Refused."""

    __slots__ = ("_client", "_credential", "_quota", "_scope", "_tokens", "handed_over", "sent")

    def __init__(
        self, client: Client, tokens: TokenSource, credential: str, scope: str, quota: Quota | None = None
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._credential = credential
        self._scope = scope
        self._quota = quota
        self.handed_over = False
        self.sent = False

    def expect(self, requests: int) -> None:
        """Begin nothing that so many requests could not finish."""
        try:
            if self._quota is not None:
                self._quota.expect(requests)
        except Full as full:
            raise Refused(_full(full)) from full

    async def send(self, step: Step, url: str, content: Content | None) -> Outcome:
        """The request after which the message is on its way."""
        return outcome(await self.ask(step, "POST", url, content), step)

    async def get(self, step: Step, method: str, url: str, content: Content | None = None) -> Answer:
        """A request that succeeds, or Refused."""
        answer = await self.ask(step, method, url, content)
        if not answer.good:
            raise Refused(outcome(answer, step))
        return answer

    async def ask(self, step: Step, method: str, url: str, content: Content | None = None) -> Answer:
        try:
            token = await self._tokens.token(self._credential, self._scope)
        except TokenError as error:
            raise self._no_token(error) from error
        answer = await self._once(step, method, url, content, token)
        if answer.status != 401:
            return answer
        refused = token
        try:  # 401 is of the token alone: what it may not do is answered 403
            token = await self._tokens.refresh(refused, named=True)
        except TokenError as error:
            raise self._no_token(error) from error
        if token.value == refused.value:
            return answer
        return await self._once(step, method, url, content, token)

    async def put(self, url: str, content: Content, headers: Mapping[str, str]) -> Answer:
        """One block of an upload, to an address that is authorised by itself."""
        answer = await self._exchange(Step.UPLOAD, "PUT", url, content, None, headers)
        if not answer.good:
            raise Refused(outcome(answer, Step.UPLOAD))
        return answer

    async def _once(self, step: Step, method: str, url: str, content: Content | None, token: AccessToken) -> Answer:
        return await self._exchange(step, method, url, content, token.value, {})

    async def _exchange(
        self, step: Step, method: str, url: str, content: Content | None, token: str | None, headers: Mapping[str, str]
    ) -> Answer:
        octets = content.length if content is not None else 0
        try:
            async with self._quota.turn(octets) if self._quota is not None else nullcontext():
                self.sent = step.sends
                answer, started = await self._client.request(method, url, content, token=token, headers=headers)
        except Full as full:
            raise Refused(_full(full)) from full
        except Lost as lost:
            self.sent = False
            self.handed_over = self.handed_over or not lost.connecting
            raise Refused(_lost(lost, step)) from lost
        except Unreadable as unreadable:
            self.sent = False
            raise unreadable.error from unreadable
        self.sent = False
        self.handed_over = self.handed_over or started
        return answer

    def _no_token(self, error: TokenError) -> Refused:
        return Refused(classify.no_token(f"No token for {self._credential}: {error.cause}", error.retry_after))


def _full(full: Full) -> Outcome:
    text = "This gateway keeps to what Microsoft Graph takes of one application for one mailbox"
    return classify.throttled(text, full.wait)


def _lost(lost: Lost, step: Step) -> Outcome:
    if lost.tls:
        return classify.no_tls(lost.text)
    if lost.connecting:
        return classify.unreachable(lost.text)
    if lost.whole and step.sends:
        return classify.unanswered(lost.text)
    return classify.broken_off(lost.text)
