"""The port to the providers' APIs twice: in memory, and over HTTP to a shop's API on loopback."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from services.ingest.adapters.provider_http import HttpProviderApi
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.hooks import Hook, Repair
from services.ingest.domain.plan import Wanted
from services.ingest.domain.sources import Source
from services.ingest.provider_api import ProviderApi
from services.ingest.testing_apis import MemoryProviderApi
from tests.contract.ingest.apis import LocalApi, local_api
from tests.unit.ingest.shop import source

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
ADDRESS = "https://hooks.example/webhooks/woocommerce"
_ROOT = "/wp-json/wc/v3"


class InMemory:
    """A world in which the fake has what the cases need."""

    def __init__(self) -> None:
        self.api: ProviderApi = (fake := MemoryProviderApi())
        self._fake = fake
        self.source = source("woocommerce", api_key="ck:cs")

    def has_customer(self, number: str, body: dict[str, Any]) -> None:
        self._fake.objects["customer", number] = body

    def has_orders(self, *orders: tuple[datetime, dict[str, Any]]) -> None:
        self._fake.changed = list(orders)

    def has_hook(self, number: str, topic: str, *, active: bool) -> None:
        self._fake.subscriptions.append(Hook(number, topic, ADDRESS, active))

    def is_away(self) -> None:
        self._fake.away = True


class OverHttp:
    """The same world behind a WooCommerce that speaks HTTP."""

    def __init__(self, api: LocalApi, http: HttpProviderApi) -> None:
        self.api: ProviderApi = http
        self._local = api
        self.source = source("woocommerce", api_key="ck:cs", api_base=api.url)
        self._orders: list[tuple[datetime, dict[str, Any]]] = []
        self._hooks: dict[str, dict[str, Any]] = {}
        api.says[f"GET {_ROOT}/orders"] = self._list
        api.says[f"GET {_ROOT}/webhooks"] = lambda _: list(self._hooks.values())
        api.says[f"POST {_ROOT}/webhooks"] = self._make

    def has_customer(self, number: str, body: dict[str, Any]) -> None:
        self._local.says[f"GET {_ROOT}/customers/{number}"] = body

    def has_orders(self, *orders: tuple[datetime, dict[str, Any]]) -> None:
        self._orders = list(orders)

    def has_hook(self, number: str, topic: str, *, active: bool) -> None:
        status = "active" if active else "disabled"
        self._hooks[number] = {"id": int(number), "topic": topic, "status": status, "delivery_url": ADDRESS}
        self._local.says[f"PUT {_ROOT}/webhooks/{number}"] = self._wake

    def is_away(self) -> None:
        for path in list(self._local.says):
            self._local.says[path] = web.Response(status=403)

    def _list(self, request: web.Request) -> Any:
        since = datetime.fromisoformat(request.query["modified_after"])
        until = datetime.fromisoformat(request.query["modified_before"])
        found = [order for at, order in self._orders if since <= at < until]
        size, page = int(request.query["per_page"]), int(request.query.get("page", "1"))
        return found[size * (page - 1) : size * page]

    async def _wake(self, request: web.Request) -> Any:
        number = request.path.rpartition("/")[2]
        self._hooks[number] |= await request.json()
        return self._hooks[number]

    async def _make(self, request: web.Request) -> Any:
        number = str(len(self._hooks) + 1)
        self._hooks[number] = {**await request.json(), "id": int(number)}
        return self._hooks[number]


World = InMemory | OverHttp


@pytest.fixture(params=["memory", "http"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield InMemory()
        return
    async with local_api() as api, HttpProviderApi().running() as http:
        yield OverHttp(api, http)


async def listed(world: World, since: datetime, until: datetime) -> list[str | None]:
    pages = world.api.listed(world.source, since, until)
    return [node.at("id").text() async for page in pages for node in page]


async def test_only_a_source_with_a_key_is_served(world: World):
    assert world.api.serves(world.source, "customer")
    bare: Source = world.source.model_copy(update={"api_key": None})
    assert not world.api.serves(bare, "customer")


async def test_an_object_is_found_by_its_number(world: World):
    world.has_customer("61", {"id": 61, "email": "ada@shopper.example"})
    found = await world.api.fetch(world.source, Wanted("customer", "61"), 5)
    assert found is not None
    assert found.at("email").text() == "ada@shopper.example"


async def test_what_the_provider_does_not_know_is_nothing(world: World):
    assert await world.api.fetch(world.source, Wanted("customer", "62"), 5) is None


async def test_what_changed_in_the_window_is_listed_to_the_last_page(world: World):
    minute = timedelta(minutes=1)
    world.has_orders(*((NOON + minute * number, {"id": number}) for number in range(250)))
    assert await listed(world, NOON + minute * 5, NOON + minute * 240) == [str(n) for n in range(5, 240)]
    assert await listed(world, NOON + minute * 300, NOON + minute * 400) == []


async def test_subscriptions_are_listed_switched_on_and_made(world: World):
    world.has_hook("1", "order.created", active=False)
    assert await world.api.hooks(world.source) == [Hook("1", "order.created", ADDRESS, active=False)]
    await world.api.mend(world.source, Repair("order.created", "1"), ADDRESS)
    await world.api.mend(world.source, Repair("order.updated"), ADDRESS)
    assert set(await world.api.hooks(world.source) or ()) == {
        Hook("1", "order.created", ADDRESS),
        Hook("2", "order.updated", ADDRESS),
    }


async def test_one_that_says_no_is_unavailable(world: World):
    world.has_customer("61", {"id": 61})
    world.is_away()
    with pytest.raises(UnavailableError):
        await world.api.fetch(world.source, Wanted("customer", "61"), 5)
    with pytest.raises(UnavailableError):
        await listed(world, NOON, NOON + timedelta(hours=1))
    with pytest.raises(UnavailableError):
        await world.api.hooks(world.source)
