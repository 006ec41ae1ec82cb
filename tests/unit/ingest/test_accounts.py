"""A source that is of one account takes nothing of another, whoever's secret signed it."""

import pytest

from libs.runtime.errors import ConfigError
from services.ingest.adapters.sources_file import read_sources
from services.ingest.domain.accounts import ACCOUNTS
from services.ingest.ports import LetterQuery
from services.ingest.redrive import Redriver
from tests.unit.ingest.shop import Shop, order, source

OURS, OTHERS = "ours.myshopify.com", "others.myshopify.com"


def shop() -> Shop:
    return Shop(sources=(source("shopify", account=OURS),))


async def test_a_redaction_of_another_shop_signed_by_the_same_app_erases_nobody():
    made = shop()
    await made.shopify("orders/create", order(), **{"x-shopify-shop-domain": OURS})
    for named in (OTHERS, OURS):  # the header is not signed, the body is
        body = {"shop_id": 2, "shop_domain": OTHERS}
        answer = await made.shopify("shop/redact", body, **{"x-shopify-shop-domain": named})
        assert (answer.status_code, answer.json()["dead_letter"]) == (202, "other_account")
    assert await made.privacy.requests() == []
    assert "customer.erased" not in {event["type"] for event in made.events()}


@pytest.mark.parametrize("header", ["x-shopify-shop-domain", "shopify-shop-domain"])
async def test_an_order_of_another_shop_is_nobodys_here(header):
    made = shop()
    answer = await made.shopify("orders/create", order(), **{header: OTHERS})
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "other_account")
    assert (made.events(), made.profiles()) == ([], [])


async def test_a_letter_of_another_account_stays_one_when_it_is_read_again():
    made = shop()
    await made.shopify("orders/create", order(), **{"x-shopify-shop-domain": OTHERS})
    redriver = Redriver(made.ingest.intake, made.ports.sources, made.letters)
    (letter,) = await redriver.waiting(LetterQuery(), 10)
    done = await redriver.one(letter.reference)
    assert (letter.reason, done and done.received.dead_letter) == ("other_account", "other_account")
    assert made.events() == []


async def test_a_deliverys_own_account_is_taken_however_it_is_spelled():
    made = shop()
    for named in (OURS, OURS.upper(), None):
        answer = await made.shopify("orders/create", order(), **{"x-shopify-shop-domain": named})
        assert answer.status_code == 200
    body = {"shop_id": 1, "shop_domain": OURS}
    assert (await made.shopify("shop/redact", body)).status_code == 200
    assert [row.kind for row in await made.privacy.requests()] == ["redact_shop"]


@pytest.mark.parametrize(
    ("provider", "member"), [("intercom", "app_id"), ("stripe", "account"), ("bigcommerce", "producer")]
)
async def test_where_a_body_names_the_account_it_is_compared(provider, member):
    made = Shop(sources=(source(provider, account="ours"), source(provider, name=f"{provider}-any")))
    body = {"id": "n1", "topic": "no.such", "type": "no.such", "scope": "no/such", member: "others"}
    tried = [(provider, body), (provider, {**body, member: "ours"}), (f"{provider}-any", body)]
    first, *others = [(await made.post(name, sent)).json().get("dead_letter") for name, sent in tried]
    assert first == "other_account"
    assert "other_account" not in others


def test_an_account_that_no_delivery_names_would_protect_nothing():
    assert set(ACCOUNTS) == {"shopify", "intercom", "stripe", "bigcommerce"}
    entry = "sources: [{{name: a, provider: {}, tenant: t, secrets: [s], account: {}}}]"
    with pytest.raises(ConfigError, match="deliveries of klaviyo name none"):
        read_sources(entry.format("klaviyo", "x"))
    assert read_sources(entry.format("shopify", OURS))["a"].account == OURS
