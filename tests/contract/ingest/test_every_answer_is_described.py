"""Every status that a route gives is described in the OpenAPI document, and no other is."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.sources import Source, hash_of
from services.ingest.ports import Earlier, SpoolDepth
from services.ingest.settings import IngestSettings
from services.ingest.testing import FixedSources
from tests.unit.ingest.shop import Shop, order, source
from tests.unit.ingest.test_events_api import ORDER, REFUND, TOKEN, post

PRIVACY = "a token of the demo tenant"
HOOK, EVENTS, ASK = "/webhooks/{source}", "/v1/events", "/v1/privacy/requests"
Act = Callable[[], Awaitable[httpx.Response]]


class Unread(FixedSources):
    """Sources that nobody could read yet."""

    def find(self, _name: str) -> Source | None:
        raise UnavailableError("the sources in PostgreSQL have not been read yet")

    def all(self) -> list[Source]:
        raise UnavailableError("the sources in PostgreSQL have not been read yet")


def shop(*sources: Source, unread: bool = False, **settings: Any) -> Shop:
    given = IngestSettings(kafka_wait_s=0.2, privacy_tokens={"demo": PRIVACY}, **settings)
    if unread:
        return Shop(settings=given, sources=Unread())
    return Shop(settings=given, **({"sources": sources} if sources else {}))


def away(made: Shop) -> Shop:
    made.log.away = made.spool.away = made.identities.away = made.privacy.away = True
    return made


def off() -> Source:
    return source("standard", enabled=False, tokens=[hash_of(TOKEN)])


def own(**more: Any) -> Source:
    return source("standard", tokens=[hash_of(TOKEN)], **more)


async def twice(made: Shop, act: Callable[[Shop], Awaitable[httpx.Response]]) -> httpx.Response:
    await act(made)
    return await act(made)


def standard(made: Shop, body: Any = b"{}", **more: Any) -> Awaitable[httpx.Response]:
    return made.post("standard", body, **more)


async def look(method: str, made: Shop, name: str) -> httpx.Response:
    return await made.request(method, f"/webhooks/{name}")


async def ask(made: Shop, token: str = PRIVACY, **body: Any) -> httpx.Response:
    raw = json.dumps(body).encode()
    return await made.request("POST", ASK, raw, {"authorization": f"Bearer {token}"})


async def listed(made: Shop, token: str = PRIVACY) -> httpx.Response:
    return await made.request("GET", ASK, headers={"authorization": f"Bearer {token}"})


async def a_person_with_an_order() -> Shop:
    made = shop()
    await made.shopify("orders/create", order())
    await made.shopify("orders/teleported", order(1002))
    return made


async def two_with_one_address() -> httpx.Response:
    made = shop()
    for number in (1, 2):
        email = f"c{number}@b.example"
        await made.shopify("orders/create", order(number, email=email, customer={"id": number}))
    return await ask(made, kind="data_request", ids={"shopify.customer": "1"}, email="c2@b.example")


async def in_work() -> httpx.Response:
    made = shop(own())
    await post(made, ORDER)
    earlier = made.answers.earlier["standard", "k1"]
    made.answers.earlier["standard", "k1"] = Earlier(earlier.fingerprint, None)
    return await post(made, ORDER)


async def another_body() -> httpx.Response:
    made = shop(own())
    await post(made, ORDER)
    return await post(made, REFUND)


async def behind() -> httpx.Response:
    made = shop()
    made.ingest.publisher.depth = SpoolDepth(1, 3600.0)
    return await made.request("GET", "/readyz")


async def handed_over() -> httpx.Response:
    made = await a_person_with_an_order()
    made.log.away = True
    await made.shopify("orders/create", order(1003))
    await ask(made, kind="data_request", email="ada@shopper.example")
    return await ask(made, kind="data_request", email="ada@shopper.example")


async def erased() -> httpx.Response:
    return await ask(await a_person_with_an_order(), kind="redact_customer", email="ada@shopper.example")


async def proofs() -> httpx.Response:
    made = await a_person_with_an_order()
    await ask(made, kind="redact_customer", email="ada@shopper.example")
    return await listed(made)


async def nothing() -> AsyncIterator[bytes]:
    await asyncio.get_running_loop().create_future()
    yield b""


BEARER = {
    "authorization": f"Bearer {TOKEN}",
    "content-type": "application/json",
    "idempotency-key": "k",
}
FORM = {"content-type": "application/x-www-form-urlencoded"}
LIMIT = {"per_second": 1, "burst": 1}
LARGE = b" " * 2000
ANSWERS: dict[tuple[str, str, int], list[Act]] = {
    ("post", HOOK, 200): [
        lambda: shop().shopify("orders/create", order()),
        lambda: shop().post(
            "woocommerce", b"webhook_id=7", {"content-type": "application/x-www-form-urlencoded"}
        ),
    ],
    ("post", HOOK, 202): [
        lambda: shop().shopify("orders/teleported", order()),
        lambda: standard(shop(), b"{"),
        lambda: standard(shop(), headers={"content-type": "text/csv"}),
    ],
    ("post", HOOK, 401): [lambda: standard(shop(), headers={"webhook-signature": "v1,AAAA"})],
    ("post", HOOK, 403): [lambda: standard(shop(off()))],
    ("post", HOOK, 404): [lambda: look("POST", shop(), "nobody")],
    ("post", HOOK, 408): [lambda: shop(body_wait_s=0.01).request("POST", "/webhooks/shopify", nothing())],
    ("post", HOOK, 413): [lambda: standard(shop(max_body_bytes=1024), LARGE)],
    ("post", HOOK, 429): [
        lambda: twice(shop(own(limits=LIMIT)), standard),
        lambda: standard(shop(max_buffered_bytes=1024), LARGE),
    ],
    ("post", HOOK, 503): [
        lambda: away(shop()).shopify("orders/create", order()),
        lambda: standard(shop(unread=True)),
        lambda: twice(shop(source("segment", limits=LIMIT)), lambda made: made.post("segment", {})),
    ],
    ("get", HOOK, 200): [lambda: look("GET", shop(), "mailchimp")],
    ("get", HOOK, 403): [lambda: look("GET", shop(off()), "standard")],
    ("get", HOOK, 404): [lambda: look("GET", shop(), "nobody")],
    ("get", HOOK, 405): [lambda: look("GET", shop(), "standard")],
    ("get", HOOK, 503): [lambda: look("GET", shop(unread=True), "standard")],
    ("head", HOOK, 200): [
        lambda: look("HEAD", shop(), "intercom"),
        lambda: look("HEAD", shop(), "mailchimp"),
    ],
    ("head", HOOK, 403): [lambda: look("HEAD", shop(off()), "standard")],
    ("head", HOOK, 404): [lambda: look("HEAD", shop(), "nobody")],
    ("head", HOOK, 405): [lambda: look("HEAD", shop(), "standard")],
    ("head", HOOK, 503): [lambda: look("HEAD", shop(unread=True), "standard")],
    ("post", EVENTS, 200): [lambda: post(shop(own()), ORDER)],
    ("post", EVENTS, 400): [lambda: post(shop(own()), ORDER, None), lambda: post(shop(own()), b"{")],
    ("post", EVENTS, 401): [lambda: post(shop(), ORDER)],
    ("post", EVENTS, 403): [lambda: post(shop(off()), ORDER)],
    ("post", EVENTS, 408): [
        lambda: shop(own(), body_wait_s=0.01).request("POST", EVENTS, nothing(), BEARER),
    ],
    ("post", EVENTS, 409): [in_work],
    ("post", EVENTS, 413): [lambda: post(shop(own(), max_body_bytes=1024), LARGE)],
    ("post", EVENTS, 415): [lambda: post(shop(own()), ORDER, **{"content-type": "text/plain"})],
    ("post", EVENTS, 422): [lambda: post(shop(own()), {**ORDER, "type": "none"}), another_body],
    ("post", EVENTS, 429): [
        lambda: twice(shop(own(limits=LIMIT)), lambda made: post(made, ORDER)),
        lambda: post(shop(own(), max_buffered_bytes=1024), LARGE),
    ],
    ("post", EVENTS, 503): [
        lambda: post(away(shop(own())), ORDER),
        lambda: post(shop(unread=True), ORDER),
    ],
    ("post", ASK, 200): [handed_over, erased],
    ("post", ASK, 202): [lambda: ask(shop(), kind="redact_shop", confirm="demo")],
    ("post", ASK, 400): [lambda: ask(shop(), kind="forget"), lambda: ask(shop(), kind="data_request")],
    ("post", ASK, 401): [lambda: ask(shop(), "wrong", kind="data_request")],
    ("post", ASK, 409): [two_with_one_address],
    ("post", ASK, 413): [lambda: ask(shop(), kind="data_request", email="x" * 20_000)],
    ("post", ASK, 503): [lambda: ask(away(shop()), kind="data_request", email="ada@shopper.example")],
    ("get", ASK, 200): [lambda: listed(shop()), proofs],
    ("get", ASK, 401): [lambda: listed(shop(), "wrong")],
    ("get", ASK, 503): [lambda: listed(away(shop()))],
    ("get", "/healthz", 200): [lambda: shop().request("GET", "/healthz")],
    ("get", "/readyz", 200): [lambda: shop().request("GET", "/readyz")],
    ("get", "/readyz", 503): [behind],
    ("get", "/metrics", 200): [lambda: shop().request("GET", "/metrics")],
}


async def document() -> dict[str, Any]:
    return (await shop().request("GET", "/openapi.json")).json()


def validator(found: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": found["components"]})


async def test_the_answers_described_are_those_that_are_given():
    found = await document()
    described = {
        (method, path, int(status))
        for path, operations in found["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    }
    assert described == set(ANSWERS)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
async def test_an_answer_is_as_it_is_described(method, path, status):
    found = await document()
    described = found["paths"][path][method]["responses"][str(status)]
    for act in ANSWERS[method, path, status]:
        answer = await act()
        assert answer.status_code == status, answer.text
        assert {name.lower() for name in described.get("headers", ())} <= set(answer.headers)
        media_type = answer.headers["content-type"].partition(";")[0] if answer.content else ""
        if method == "head":
            assert "content" not in described
        elif media_type == "application/json" or status >= 400:
            assert status < 400 or path == "/readyz" or media_type == "application/problem+json"
            validator(found, described["content"][media_type]["schema"]).validate(answer.json())
        else:
            assert media_type in {"text/plain", ""}
            assert "text/plain" in described["content"]


async def test_every_operation_says_what_it_is_for_and_its_examples_are_true():
    found = await document()
    told = 0
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media_type, content in (pair for body in bodies for pair in body.get("content", {}).items()):
                given = [one["value"] for one in content.get("examples", {}).values()]
                given += [content["example"]] if "example" in content else []
                if path.startswith(("/v1/", "/webhooks/")) and content["schema"]:
                    assert given, (method, path, media_type)
                for example in given:
                    validator(found, content["schema"]).validate(example)
                    told += 1
    assert told > 40


async def test_who_needs_a_token_is_told_which_and_challenged():
    found = await document()
    schemes = found["components"]["securitySchemes"]
    for method, path, scheme in (
        ("post", EVENTS, "token"),
        ("post", ASK, "privacy"),
        ("get", ASK, "privacy"),
    ):
        operation = found["paths"][path][method]
        assert operation["security"] == [{scheme: []}]
        assert schemes[scheme]["scheme"] == "bearer"
        assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]
    assert (await listed(shop(), "wrong")).headers["www-authenticate"] == "Bearer"


async def test_privacy_is_not_described_where_it_is_off():
    found = (await Shop().request("GET", "/openapi.json")).json()
    assert ASK not in found["paths"]
    assert set(found["components"]["securitySchemes"]) == {"token"}
