"""A provider's API on loopback, saying what a test tells it to, in shapes of our own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Any]


@dataclass
class LocalApi:
    """What is asked, and what is said: by method and path, as JSON, a response or a function."""

    url: str = ""
    says: dict[str, Any] = field(default_factory=dict)
    heard: list[web.Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.heard.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            return await self._said(request)
        finally:
            self.at_once -= 1

    async def _said(self, request: web.Request) -> web.StreamResponse:
        said = self.says.get(f"{request.method} {request.path}")
        if callable(said):
            said = said(request)
            said = await said if asyncio.iscoroutine(said) else said
        if said is None:
            return web.json_response({"error": "no such thing"}, status=404)
        return said if isinstance(said, web.StreamResponse) else web.json_response(said)

    def asked(self) -> list[str]:
        return [f"{request.method} {request.path_qs}" for request in self.heard]


@asynccontextmanager
async def local_api() -> AsyncIterator[LocalApi]:
    api = LocalApi()
    api.open.set()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    try:
        yield api
    finally:
        api.open.set()
        await runner.cleanup()
