"""A language model behind an OpenAI-compatible API on loopback that says what a test wants, however wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class FakeModel:
    """`say` makes the text of an answer from the notice that was sent; `raw` is a whole answer instead."""

    url: str = ""
    say: Callable[[dict[str, str]], object] = lambda document: json.dumps(document)
    raw: Callable[[], web.StreamResponse] | None = None
    slow: bool = False
    finish: str = "stop"
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.requests.append(asked)
        self.keys.append(request.headers.get("Authorization", ""))
        if self.slow:
            await asyncio.Event().wait()
        if self.raw is not None:
            return self.raw()
        text = self.say(json.loads(asked["messages"][-1]["content"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": self.finish}
        return web.json_response({"object": "chat.completion", "choices": [choice]})


@asynccontextmanager
async def model() -> AsyncIterator[FakeModel]:
    fake = FakeModel()
    application = web.Application()
    application.router.add_post("/v1/chat/completions", fake.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield fake
    finally:
        await runner.cleanup()
