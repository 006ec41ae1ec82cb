"""A ProviderApi over HTTP: bounded in time, requests at once and bytes; patient where the caller is.

Nothing here is logged but codes: a key or an address must not end up in a log. Redirects are not followed,
for the key would go with them.
"""

import asyncio
import contextlib
import random
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from libs.runtime.errors import ConfigError
from libs.runtime.logging import get_logger
from services.ingest.adapters.api_plan import Answer, Api, Call, Listing
from services.ingest.adapters.provider_apis import discover
from services.ingest.domain.errors import UnavailableError, UnparsableError
from services.ingest.domain.hooks import Hook, Repair
from services.ingest.domain.plan import Wanted
from services.ingest.domain.reading import Node, parse_json
from services.ingest.domain.sources import Source
from services.ingest.provider_api import PATIENT_S

_log = get_logger(__name__)
MAX_BYTES = 16 * 1024 * 1024  # of one answer: 250 orders of 100 lines each are about 12 MB
AT_ONCE = 4  # requests to one source: the strictest limits are about two a second
TRIES = 5
_PAUSE_S = 0.25  # after the first failure; doubled by each further one
_ONE_TRY_S = 20.0
_KEPT, _KEPT_S = 10_000, 30.0  # people: a batch of events about one is one question, and no memory of anybody
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what goes into a path; a body's words must not lead elsewhere
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Sleep = Callable[[float], Awaitable[None]]


class _Kept(NamedTuple):
    asked: "asyncio.Task[Node | None]"
    until: float


def problem(source: Source, apis: Mapping[str, Api] | None = None) -> str | None:
    """Why a source's key cannot be used, if it cannot: what to write where."""
    api = (apis or discover()).get(source.provider)
    if source.api_key is None:
        return None
    if api is None:
        return f"source {source.name}: api_key: nothing is asked of the API of {source.provider}"
    base = source.api_base or api.base
    if base is None:
        return f"source {source.name}: api_base is missing: write {api.example}"
    found = urlsplit(base)
    if found.scheme != "https" and not (found.scheme == "http" and found.hostname in _LOOPBACK):
        return f"source {source.name}: api_base must begin with https://, or the key could be read on its way"
    return None


class HttpProviderApi:
    """A ProviderApi."""

    def __init__(self, sleep: Sleep = asyncio.sleep, apis: Mapping[str, Api] | None = None) -> None:
        self._sleep = sleep
        self._apis = apis or discover()
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        self._http = httpx.AsyncClient(limits=limits, timeout=_ONE_TRY_S, follow_redirects=False)
        self._lanes: dict[str, asyncio.Semaphore] = {}
        self._rests: dict[str, float] = {}  # until when a source is not asked, by the loop's clock
        self._people: OrderedDict[tuple[str, str, str], _Kept] = OrderedDict()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["HttpProviderApi"]:
        """Connections are kept for the length of the block."""
        try:
            yield self
        finally:
            await self._close()

    async def _close(self) -> None:
        asked = [kept.asked for kept in self._people.values()]
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await self._http.aclose()

    # -- the port

    def serves(self, source: Source, what: str) -> bool:
        if source.api_key is None or problem(source, self._apis) is not None:
            return False
        api = self._apis[source.provider]
        return what in api.objects or (what == "listed" and api.listing is not None)

    async def fetch(self, source: Source, wanted: Wanted, wait_s: float) -> Node | None:
        api = self._api(source)
        one = api.objects.get(wanted.what)
        if one is None or not _ID.fullmatch(wanted.id):
            return None
        until = asyncio.get_running_loop().time() + wait_s
        if one.kept and not wanted.whole:  # what changed is what is asked for: an old answer is none
            return await self._person(source, wanted, until)
        return await self._object(source, wanted, until)

    async def listed(self, source: Source, since: datetime, until: datetime) -> AsyncIterator[Sequence[Node]]:
        listing = self._api(source).listing
        if listing is None:
            return
        begin = since
        while begin < until:
            end = min(begin + listing.slices, until) if listing.slices else until
            pages = self._pages(source, listing.first(begin, end), listing.following, listing.at)
            if listing.slices:
                yield [node async for page in pages for node in page][::-1]
            else:
                async for page in pages:
                    yield page
                    if _is_over(listing, page, since):
                        return
            begin = end

    async def hooks(self, source: Source) -> list[Hook] | None:
        hooks = self._api(source).hooks
        if hooks is None:
            return None
        pages = self._pages(source, hooks.listing, hooks.following, hooks.at)
        return [hook async for page in pages for node in page for hook in hooks.read(node)]

    async def mend(self, source: Source, repair: Repair, address: str) -> None:
        hooks = self._api(source).hooks
        call: Call | None = None
        if hooks is not None and repair.id is not None and hooks.wake is not None:
            call = hooks.wake(repair.id)
        elif hooks is not None and repair.id is None and hooks.make is not None:
            call = hooks.make(repair.topic, address, source)
        if call is None:
            raise UnavailableError(f"{source.provider} has no way to mend a subscription: do it by hand")
        await self._send(source, call, asyncio.get_running_loop().time() + PATIENT_S)

    # -- how

    def _api(self, source: Source) -> Api:
        """Raises ConfigError: whoever asks must have asked whether the source is served."""
        wrong = problem(source, self._apis)
        if source.api_key is None or wrong is not None:
            raise ConfigError(wrong or f"source {source.name} has no api_key")
        return self._apis[source.provider]

    async def _person(self, source: Source, wanted: Wanted, until: float) -> Node | None:
        """Those who ask for one person at the same moment share the question."""
        loop, name = asyncio.get_running_loop(), (source.name, wanted.what, wanted.id)
        kept = self._people.get(name)
        if kept is None or kept.until < loop.time() or _failed(kept.asked):
            return await _in_time(self._ask_for(source, wanted, until), source, until)
        try:
            return await _in_time(kept.asked, source, until)
        except UnavailableError:
            # Whoever asked first may have had less time.
            return await self._object(source, wanted, until)

    def _ask_for(self, source: Source, wanted: Wanted, until: float) -> "asyncio.Task[Node | None]":
        loop, name = asyncio.get_running_loop(), (source.name, wanted.what, wanted.id)
        asked = asyncio.create_task(self._object(source, wanted, until))
        asked.add_done_callback(_failed)  # nobody may be waiting any more
        self._people[name] = _Kept(asked, loop.time() + _KEPT_S)
        if len(self._people) > _KEPT:
            self._people.popitem(last=False)
        return asked

    async def _object(self, source: Source, wanted: Wanted, until: float) -> Node | None:
        one = self._api(source).objects[wanted.what]
        answer = await self._send(source, one.call(wanted.id), until)
        if answer is None:
            return None
        found = answer.body.at(*one.at)
        if one.of_list:
            found = next(found.each(), Node(None))
        return found or None

    async def _pages(
        self, source: Source, call: Call, following: Callable[[Call, Answer], Call | None], at: Sequence[str]
    ) -> AsyncIterator[list[Node]]:
        nothing = Answer(Node(None), {})
        asked: Call | None = call
        while asked is not None:
            until = asyncio.get_running_loop().time() + PATIENT_S
            answer = await self._send(source, asked, until) or nothing
            yield list(answer.body.at(*at).each())
            asked = following(asked, answer)

    async def _send(self, source: Source, call: Call, until: float) -> Answer | None:
        """None: there is no such thing. Tries again as long as that can still end in time."""
        lane = self._lanes.setdefault(source.name, asyncio.Semaphore(AT_ONCE))
        for failed in range(TRIES):
            await self._rest(source, until)
            try:
                async with asyncio.timeout_at(until), lane:
                    status, answer = await self._once(source, call)
            except (httpx.HTTPError, TimeoutError) as error:
                said, asked_for = type(error).__name__, None
            else:
                if status < 300:
                    return answer
                if status in {404, 410}:
                    return None
                said, asked_for = str(status), _retry_after(answer)
            if not _may_help(said):
                _log.warning("ingest.api_refused", source=source.name, status=said)
                break
            pause = asked_for if asked_for is not None else _PAUSE_S * 2**failed * random.uniform(0.5, 1)
            self._rests[source.name] = asyncio.get_running_loop().time() + pause
        raise UnavailableError(f"the API of {source.provider} did not give what was asked: {said}")

    async def _rest(self, source: Source, until: float) -> None:
        """An API that asked to be left alone is: by whoever can wait, the others fail at once."""
        now = asyncio.get_running_loop().time()
        pause = self._rests.get(source.name, 0.0) - now
        if now >= until or now + pause >= until:
            raise UnavailableError(f"the API of {source.provider} is not to be asked before it is too late")
        if pause > 0:
            await self._sleep(pause)

    async def _once(self, source: Source, call: Call) -> tuple[int, Answer]:
        api, key = self._apis[source.provider], source.api_key
        base = (source.api_base or api.base or "").rstrip("/")
        headers = {"Accept": "application/json", **api.headers(key.get_secret_value() if key else "")}
        async with self._http.stream(
            call.method, base + call.path, params=dict(call.query), json=call.body, headers=headers
        ) as answer:
            body = bytearray()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise UnavailableError(f"the API of {source.provider} answered with too much")
            status = answer.status_code
            return status, Answer(_parsed(bytes(body), status), dict(answer.headers))


async def _in_time(asked: "asyncio.Task[Node | None]", source: Source, until: float) -> Node | None:
    """Others may wait for it longer than this."""
    try:
        async with asyncio.timeout_at(until):
            return await asyncio.shield(asked)
    except TimeoutError:
        raise UnavailableError(f"the API of {source.provider} took too long") from None


def _failed(asked: "asyncio.Task[Node | None]") -> bool:
    return asked.done() and (asked.cancelled() or asked.exception() is not None)


def _parsed(body: bytes, status: int) -> Node:
    """What an error page says does not matter."""
    if not body or status >= 300:
        return Node(None)
    try:
        return parse_json(body)
    except UnparsableError:
        raise UnavailableError("the API answered something that is not JSON") from None


def _may_help(said: str) -> bool:
    """Whether asking again may: not where the key is refused or the question is wrong."""
    return not said.isdigit() or int(said) in _AGAIN


def _retry_after(answer: Answer) -> float | None:
    """In seconds. A date is taken for no answer: it would need their clock and ours to agree."""
    said = Node(answer.headers.get("retry-after")).text() or ""
    return float(said) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", said) else None


def _is_over(listing: Listing, page: Sequence[Node], since: datetime) -> bool:
    if listing.stops_at is None or not page:
        return False
    changed = page[-1].at(listing.stops_at).instant(listing.stops_at, UTC)
    return changed is not None and changed < since
