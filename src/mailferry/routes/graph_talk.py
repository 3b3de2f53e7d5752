"""The requests of one delivery: with a token that is renewed once when it is refused, and an outcome for what is lost.

Leaves to others: HTTP itself (graph_http), which requests a message needs (graph, graph_draft).
Invariant: `sent` is true from the moment a request that sends the message has gone out until it was answered.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailferry.mail.outcome import Outcome
from mailferry.routes import classify
from mailferry.routes.graph_errors import Answer, Step, outcome
from mailferry.routes.graph_http import Client, Content, Lost, Unreadable
from mailferry.routes.graph_letter import Refused
from mailferry.tokens.api import AccessToken, TokenError, TokenSource


class Talk:
    """`handed_over`: octets of the message went out. Every method raises Refused."""

    __slots__ = ("_client", "_credential", "_scope", "_tokens", "handed_over", "sent")

    def __init__(self, client: Client, tokens: TokenSource, credential: str, scope: str) -> None:
        self._client = client
        self._tokens = tokens
        self._credential = credential
        self._scope = scope
        self.handed_over = False
        self.sent = False

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
        self.sent = step.sends
        try:
            answer, started = await self._client.request(method, url, content, token=token, headers=headers)
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


def _lost(lost: Lost, step: Step) -> Outcome:
    if lost.tls:
        return classify.no_tls(lost.text)
    if lost.connecting:
        return classify.unreachable(lost.text)
    if lost.whole and step.sends:
        return classify.unanswered(lost.text)
    return classify.broken_off(lost.text)
