"""/metrics and /healthz over HTTP, on an address that only the machine itself should reach.

Leaves to others: the figures (obs.metrics) and what healthy means (the function handed in).
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from mailferry.obs.metrics import Metrics


class Endpoint:
    """`health` returns "" while mail is taken, else one line that says why not; `troubles` what else is wrong.

    /healthz answers 503 only while no mail is taken: a load balancer or supervisor that turned away from a gateway
    that cannot send at the moment would stop devices whose mail it keeps. /healthz/sending answers 503 for both.
    """

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        health: Callable[[], str],
        troubles: Callable[[], list[str]] = list,
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._health = health
        self._troubles = troubles
        self._runner: web.AppRunner | None = None
        self.port = port

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/healthz", self._show_health),
                web.get("/healthz/sending", self._show_sending),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _show_health(self, _: web.Request) -> web.Response:
        trouble = self._health()
        lines = [trouble or "ok", *(f"degraded: {each}" for each in self._troubles())]
        return web.Response(text="\n".join(lines) + "\n", status=503 if trouble else 200)

    async def _show_sending(self, _: web.Request) -> web.Response:
        lines = [*filter(None, [self._health()]), *self._troubles()]
        return web.Response(text="\n".join(lines or ["ok"]) + "\n", status=503 if lines else 200)
