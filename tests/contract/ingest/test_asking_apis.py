"""How APIs are asked: within bounds, again where that helps, and never telling anybody the key."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from aiohttp import web

from services.ingest.adapters import provider_http
from services.ingest.adapters.provider_apis import discover
from services.ingest.adapters.provider_http import AT_ONCE, TRIES, HttpProviderApi, problem
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.plan import Wanted
from services.ingest.domain.sources import Source
from tests.contract.ingest.apis import LocalApi, local_api
from tests.unit.ingest.shop import source

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
KEY = "somebody@shop.example/token:very-secret-key"
ADA = Wanted("customer", "9001")
PATH = "GET /api/v2/users/9001.json"
SAID = {"user": {"id": 9001, "email": "ada@shopper.example"}}


class Asker:
    """The client, the API that it asks, and how long it has waited: nothing here takes time."""

    def __init__(self, local: LocalApi) -> None:
        self.local = local
        self.source: Source = source("zendesk", api_key=KEY, api_base=local.url)
        self.slept: list[float] = []
        self.http = HttpProviderApi(sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def fetch(self, wait_s: float = 60.0) -> Any:
        found = await self.http.fetch(self.source, ADA, wait_s)
        return None if found is None else found.raw


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with local_api() as local:
        made = Asker(local)
        async with made.http.running():
            yield made


def in_turn(*answers: Any) -> Any:
    said = iter(answers)
    return lambda _request: next(said)


async def test_an_api_that_is_busy_is_asked_again_when_it_says(asker: Asker):
    busy = web.Response(status=429, headers={"Retry-After": "7"})
    asker.local.says[PATH] = in_turn(busy, SAID)
    assert await asker.fetch() == SAID["user"]
    assert asker.slept == [pytest.approx(7, abs=1)]


async def test_pauses_grow_and_end(asker: Asker):
    asker.local.says[PATH] = lambda _: web.Response(status=503)
    with pytest.raises(UnavailableError, match="503"):
        await asker.fetch()
    assert len(asker.local.heard) == TRIES
    assert len(asker.slept) == TRIES - 1
    assert asker.slept == sorted(asker.slept)
    assert max(asker.slept) < 3


async def test_a_pause_that_would_end_too_late_is_not_begun(asker: Asker):
    asker.local.says[PATH] = lambda _: web.Response(status=429, headers={"Retry-After": "3600"})
    with pytest.raises(UnavailableError):
        await asker.fetch(wait_s=5)
    with pytest.raises(UnavailableError):
        await asker.http.fetch(asker.source, Wanted("customer", "9002"), 5)
    assert (len(asker.local.heard), asker.slept) == (1, [])


@pytest.mark.parametrize("status", [400, 401, 403, 302])
async def test_what_asking_again_would_not_help_is_asked_once(asker: Asker, status: int):
    elsewhere = {"Location": f"{asker.local.url}/api/v2/users/9002.json"}
    asker.local.says[PATH] = lambda _: web.Response(status=status, headers=elsewhere)
    with structlog.testing.capture_logs() as logged, pytest.raises(UnavailableError, match=str(status)):
        await asker.fetch()
    assert len(asker.local.heard) == 1
    assert [line["event"] for line in logged] == ["ingest.api_refused"]
    assert "secret" not in str(logged)


async def test_an_answer_that_never_comes_is_waited_for_no_longer_than_asked(asker: Asker):
    asker.local.open.clear()
    with pytest.raises(UnavailableError):
        await asker.fetch(wait_s=0.01)


async def test_an_answer_without_end_is_cut_off(asker: Asker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provider_http, "MAX_BYTES", 1_000)
    asker.local.says[PATH] = web.Response(text='{"user": "' + "x" * 2_000 + '"}')
    with pytest.raises(UnavailableError, match="too much"):
        await asker.fetch()


async def test_an_answer_that_is_no_json_is_no_answer(asker: Asker):
    asker.local.says[PATH] = web.Response(text="<html>")
    with pytest.raises(UnavailableError, match="JSON"):
        await asker.fetch()


async def test_one_person_is_asked_for_once_by_all_who_ask_together(asker: Asker):
    asker.local.says[PATH] = SAID
    assert await asyncio.gather(*(asker.fetch() for _ in range(20))) == [SAID["user"]] * 20
    assert len(asker.local.heard) == 1


async def test_a_person_who_has_changed_is_asked_for_anew(asker: Asker):
    asker.local.says[PATH] = in_turn(SAID, {"user": {"id": 9001, "email": "new@shopper.example"}})
    assert await asker.fetch() == SAID["user"]
    found = await asker.http.fetch(asker.source, Wanted("customer", "9001", whole=True), 60.0)
    assert found is not None
    assert found.at("email").text() == "new@shopper.example"


async def test_whoever_can_wait_longer_is_not_bound_by_who_asked_first(asker: Asker):
    asker.local.says[PATH] = SAID
    asker.local.open.clear()
    hasty, patient = (asyncio.create_task(asker.fetch(wait_s)) for wait_s in (0.05, 60))
    with pytest.raises(UnavailableError):
        await hasty
    asker.local.open.set()
    assert await patient == SAID["user"]


async def test_a_failure_is_not_remembered(asker: Asker):
    asker.local.says[PATH] = web.Response(status=403)
    with pytest.raises(UnavailableError):
        await asker.fetch()
    asker.local.says[PATH] = SAID
    assert await asker.fetch() == SAID["user"]


async def test_only_so_many_questions_are_open_at_once(asker: Asker):
    asker.local.open.clear()
    asks = [
        asyncio.create_task(asker.http.fetch(asker.source, Wanted("customer", str(number)), 60))
        for number in range(AT_ONCE * 3)
    ]
    async with asyncio.timeout(30):
        # The server's side has no event to wait on.
        while asker.local.at_once < AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0)
    asker.local.open.set()
    await asyncio.gather(*asks)
    assert asker.local.most_at_once == AT_ONCE


@pytest.mark.parametrize("number", ["../tickets", "a/b", "9001?role=admin", "", "x" * 65, "ä"])
async def test_a_number_cannot_lead_elsewhere(asker: Asker, number: str):
    assert await asker.http.fetch(asker.source, Wanted("customer", number), 5) is None
    assert asker.local.heard == []


async def test_the_key_is_sent_as_the_provider_wants_it(asker: Asker):
    asker.local.says[PATH] = SAID
    await asker.fetch()
    assert asker.local.heard[0].headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("name", sorted(discover()))
async def test_a_customer_of_every_provider_can_be_asked_for(name: str):
    api = discover()[name]
    one = api.objects["customer"]
    call = one.call("42")
    inner: Any = [{"id": "42"}] if one.of_list else {"id": "42"}
    for step in reversed(one.at):
        inner = {step: inner}
    async with local_api() as local, HttpProviderApi().running() as http:
        local.says[f"GET {call.path}"] = inner
        found = await http.fetch(
            source(name, api_key="a:b", api_base=local.url), Wanted("customer", "42"), 30
        )
    assert found is not None
    assert found.raw == {"id": "42"}
    assert "42" in str(local.heard[0].url)


def test_a_key_that_cannot_be_used_is_explained():
    def said(provider: str, **more: Any) -> str | None:
        return problem(source(provider, **more))

    assert said("shopify") is None
    assert said("stripe", api_key="k") is None
    assert "https://SHOP.myshopify.com" in (said("shopify", api_key="k") or "")
    assert "https" in (said("shopify", api_key="k", api_base="http://shop.example") or "")
    assert said("shopify", api_key="k", api_base="http://127.0.0.1:1") is None
    assert "nothing is asked" in (said("typeform", api_key="k") or "")


def page_of(request: web.Request, found: list[Any], size: int) -> list[Any]:
    page = int(request.query.get("page", "1"))
    return found[size * (page - 1) : size * page]


async def listed(name: str, says: dict[str, Any]) -> tuple[list[str | None], list[str]]:
    async with local_api() as local, HttpProviderApi().running() as http:
        local.says |= says
        shop = source(name, api_key="a:b", api_base=local.url)
        pages = http.listed(shop, NOON - timedelta(hours=2), NOON)
        return [node.at("id").text() async for page in pages for node in page], local.asked()


async def test_shopify_pages_are_followed_by_their_word_and_nowhere_else():
    def orders(request: web.Request) -> Any:
        if "page_info" in request.query:
            assert "status" not in request.query
            return {"orders": [{"id": 2}]}
        link = '<https://elsewhere.example/admin/orders.json?limit=250&page_info=ab%3D>; rel="next"'
        return web.json_response({"orders": [{"id": 1}]}, headers={"Link": link})

    found, asked = await listed("shopify", {"GET /admin/api/2024-10/orders.json": orders})
    assert found == ["1", "2"]
    assert "page_info=ab%3D" in asked[1]


async def test_bigcommerce_says_nothing_where_there_is_nothing():
    found, _ = await listed("bigcommerce", {"GET /v2/orders": web.Response(status=204)})
    assert found == []


async def test_stripes_events_are_turned_round_hour_by_hour():
    happened = [int((NOON - timedelta(minutes=minutes)).timestamp()) for minutes in (1, 30, 61, 90, 119)]

    def events(request: web.Request) -> Any:
        low, high = int(request.query["created[gte]"]), int(request.query["created[lt]"])
        inside = [{"id": f"evt_{at}"} for at in happened if low <= at < high]
        after = request.query.get("starting_after")
        start = next((place + 1 for place, one in enumerate(inside) if one["id"] == after), 0)
        return {"data": inside[start : start + 2], "has_more": start + 2 < len(inside)}

    found, asked = await listed("stripe", {"GET /v1/events": events})
    assert found == [f"evt_{at}" for at in reversed(happened)]
    assert len(asked) == 3


async def test_zendesks_export_goes_on_to_its_end():
    def tickets(request: web.Request) -> Any:
        if request.query.get("cursor") == "c1":
            return {"tickets": [{"id": 2}], "after_cursor": "c2", "end_of_stream": True}
        return {"tickets": [{"id": 1}], "after_cursor": "c1", "end_of_stream": False}

    found, _ = await listed("zendesk", {"GET /api/v2/incremental/tickets/cursor.json": tickets})
    assert found == ["1", "2"]


async def test_gorgias_is_left_where_the_window_ends():
    def tickets(request: web.Request) -> Any:
        number = int(request.query.get("cursor", "0"))
        changed = NOON - timedelta(hours=1.5 * number)
        ticket = {"id": number, "updated_datetime": changed.replace(tzinfo=None).isoformat()}
        return {"data": [ticket], "meta": {"next_cursor": str(number + 1)}}

    found, _ = await listed("gorgias", {"GET /api/tickets": tickets})
    assert found == ["0", "1", "2"]


async def test_intercom_is_searched_page_by_page():
    async def search(request: web.Request) -> Any:
        body = await request.json()
        assert {one["operator"] for one in body["query"]["value"]} == {">", "<"}
        if body["pagination"].get("starting_after") == "next":
            return {"conversations": [{"id": "2"}], "pages": {}}
        return {"conversations": [{"id": "1"}], "pages": {"next": {"starting_after": "next"}}}

    found, _ = await listed("intercom", {"POST /conversations/search": search})
    assert found == ["1", "2"]


async def test_recharge_goes_on_by_cursor():
    def subscriptions(request: web.Request) -> Any:
        if request.query.get("cursor"):
            return {"subscriptions": [{"id": 2}], "next_cursor": None}
        return {"subscriptions": [{"id": 1}], "next_cursor": "c"}

    found, _ = await listed("recharge", {"GET /subscriptions": subscriptions})
    assert found == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "path", "body", "found"),
    [
        (
            "shopify",
            "/admin/api/2024-10/webhooks.json",
            {"webhooks": [{"id": 1, "topic": "orders/create", "address": "https://h.example/a"}]},
            ("1", "orders/create", "https://h.example/a", True),
        ),
        (
            "bigcommerce",
            "/v3/hooks",
            {
                "data": [
                    {"id": 1, "scope": "store/x", "destination": "https://h.example/a", "is_active": False}
                ]
            },
            ("1", "store/x", "https://h.example/a", False),
        ),
        (
            "zendesk",
            "/api/v2/webhooks",
            {"webhooks": [{"id": "01Z", "endpoint": "https://h.example/a", "status": "inactive"}]},
            ("01Z", "all its events", "https://h.example/a", False),
        ),
    ],
)
async def test_subscriptions_are_read(name: str, path: str, body: Any, found: tuple[Any, ...]):
    async with local_api() as local, HttpProviderApi().running() as http:
        local.says[f"GET {path}"] = body
        assert await http.hooks(source(name, api_key="a:b", api_base=local.url)) == [found]
