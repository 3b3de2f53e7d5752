"""/metrics and /healthz over HTTP, on an address that only the machine itself should reach.

Leaves to others: the figures (obs.metrics) and what healthy means (the function handed in).
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from mailferry.obs.metrics import Metrics


class Endpoint:
    """`health` returns "" when all is well, else one line that says what is not."""

    def __init__(self, host: str, port: int, metrics: Metrics, health: Callable[[], str]) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._health = health
        self._runner: web.AppRunner | None = None
        self.port = port

    async def start(self) -> None:
        """Raises OSError when the address cannot be had."""
        application = web.Application()
        application.add_routes([web.get("/metrics", self._show_metrics), web.get("/healthz", self._show_health)])
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
        return web.Response(text=(trouble or "ok") + "\n", status=503 if trouble else 200)
