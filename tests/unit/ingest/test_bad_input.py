"""docs/bad-input.md, row by row: every row names one of these tests, and every test here has a row."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from services.ingest.settings import IngestSettings
from services.ingest.testing import FixedSources
from tests.property.ingest.jumping import JumpingLoop
from tests.unit.ingest import platforms
from tests.unit.ingest.bad_answers import assert_dead_letter, assert_problem
from tests.unit.ingest.held_log import HeldLog
from tests.unit.ingest.shop import (
    NOW,
    SECRETS,
    Shop,
    dumps,
    klaviyo,
    order,
    refund,
    segment,
    sign,
    source,
    standard,
    zendesk,
)
from tests.unit.ingest.tools import delighted

TABLE = Path(__file__).resolve().parents[3] / "docs" / "bad-input.md"


async def test_a_forged_signature_is_refused():
    shop = Shop()
    answer = await shop.post("shopify", order(), {"x-shopify-topic": "orders/create"}, secret="wrong")
    assert_problem(answer, 401)
    assert shop.events() == []


async def test_a_missing_signature_is_refused():
    headers = {"content-type": "application/json", "x-shopify-topic": "orders/create"}
    assert_problem(await Shop().request("POST", "/webhooks/shopify", dumps(order()), headers), 401)


async def test_a_body_changed_after_signing_is_refused():
    raw = dumps(order())
    headers = {"content-type": "application/json", **sign("shopify", raw)}
    changed = raw.replace(b"59.90", b"59.91", 1)
    assert_problem(await Shop().request("POST", "/webhooks/shopify", changed, headers), 401)


@pytest.mark.parametrize("provider", ["klaviyo", "zendesk", "mailchimp", "standard", "bigcommerce", "stripe"])
async def test_a_replayed_delivery_is_refused(provider):
    answer = await Shop().post(provider, {}, at=NOW - timedelta(minutes=6))
    assert_problem(answer, 401)
    assert "replayed" in answer.json()["detail"]


@pytest.mark.parametrize("provider", ["klaviyo", "zendesk", "mailchimp", "standard", "bigcommerce"])
async def test_a_signature_from_the_future_is_refused(provider):
    assert_problem(await Shop().post(provider, {}, at=NOW + timedelta(minutes=6)), 401)


async def test_an_oversized_body_is_cut_off():
    shop = Shop(settings=IngestSettings(max_body_bytes=2_000))
    answer = await shop.shopify("orders/create", order(note="x" * 2_000))
    assert_problem(answer, 413)
    assert shop.events() == []


async def assert_unparsable(provider: str, raw: bytes, says: str) -> None:
    shop = Shop()
    await assert_dead_letter(shop, await shop.post(provider, raw), "unparsable")
    (letter,) = shop.letters.letters.values()
    assert (letter.body, says in letter.detail, letter.verified_at) == (raw, True, NOW)


@pytest.mark.parametrize("raw", [b'{"id": 1,', b"<order/>", b"\xff\x00", b'{"note": "a "quoted" word"}'])
@pytest.mark.parametrize("provider", sorted(SECRETS.keys() - {"mailchimp"}))
async def test_a_body_that_is_not_json_is_kept(provider, raw):
    await assert_unparsable(provider, raw, "not JSON")


async def test_json_that_is_no_object_is_kept():
    await assert_unparsable("shopify", b"[1, 2]", "expected a JSON object")


async def test_json_nested_too_deeply_is_kept():
    await assert_unparsable("shopify", b"[" * 100_000, "nested too deeply")


async def test_an_empty_body_is_kept():
    await assert_unparsable("shopify", b"", "not JSON")


async def test_a_form_that_is_none_is_kept():
    await assert_unparsable("mailchimp", b"{}", "not a URL-encoded form")


async def test_a_batch_of_too_many_elements_is_kept():
    await assert_unparsable("klaviyo", dumps({"data": [{}] * 1_001}), "more than 1000 events")
    await assert_unparsable("segment", dumps([{}] * 4_001), "more than 4000 events")


@pytest.mark.parametrize("raw", [b'{"id": 1,', b"<order/>", b""])
@pytest.mark.parametrize("kind", ["application/json", "text/xml"])
async def test_what_cannot_be_read_and_is_not_signed_is_refused(raw, kind):
    shop = Shop()
    assert_problem(await shop.post("shopify", raw, {"content-type": kind}, secret="wrong"), 401)
    assert shop.letters.letters == {}


async def test_a_wrong_token_is_refused():
    assert_problem(await Shop().post("gorgias", {}, {"x-greenline-token": "guessed"}), 401)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_wrong_content_type_is_kept(kind):
    shop = Shop()
    answer = await shop.post("shopify", dumps(order()), {"content-type": kind})
    await assert_dead_letter(shop, answer, "wrong_content_type")


async def test_control_characters_in_contact_details_are_left_out():
    shop = Shop()
    named = {**order()["customer"], "first_name": "A\0da\x9b", "last_name": "By\u007fron"}
    assert (await shop.shopify("orders/create", order(customer=named))).status_code == 200
    assert shop.profiles()[-1]["name"] == "Ada Byron"


def test_a_body_that_does_not_come_in_time_is_refused():
    async def nothing():
        await asyncio.get_running_loop().create_future()
        yield b""

    async def play() -> None:
        assert_problem(await Shop().request("POST", "/webhooks/shopify", nothing()), 408)
        assert asyncio.get_running_loop().time() == pytest.approx(10)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())


async def test_an_unknown_source_is_not_found():
    assert_problem(await Shop().post("nobody", b"{}"), 404)


async def test_no_source_is_called_unknown_before_the_file_was_read():
    sources = FixedSources(source("shopify"))
    sources.away = True
    answer = await Shop(sources=sources).shopify("orders/create", order())
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_another_method_is_not_allowed(method):
    answer = await Shop().request(method, "/webhooks/shopify")
    assert_problem(answer, 405)
    assert "POST" in answer.headers["allow"]


async def test_an_unknown_topic_is_kept():
    shop = Shop()
    await assert_dead_letter(shop, await shop.shopify("orders/teleported", order()), "unknown_topic")


async def test_a_missing_topic_is_kept():
    shop = Shop()
    await assert_dead_letter(shop, await shop.post("shopify", order()), "unknown_topic")


async def test_an_order_of_nobody_is_kept():
    shop = Shop()
    answer = await shop.shopify("orders/create", order(customer=None, email=""))
    await assert_dead_letter(shop, answer, "missing_customer")


async def test_a_refund_of_an_unknown_order_is_kept():
    shop = Shop()
    answer = await shop.shopify("refunds/create", refund(number=999))
    await assert_dead_letter(shop, answer, "missing_customer")


@pytest.mark.parametrize("date", ["2024-06-03T00:00:00Z", "1989-12-31T00:00:00Z", "2124-01-01T00:00:00Z"])
async def test_an_absurd_date_is_kept(date):
    shop = Shop()
    await assert_dead_letter(shop, await shop.shopify("orders/create", order(created_at=date)), "absurd_date")


@pytest.mark.parametrize(
    "date", ["yesterday", "2024-05-30T08:00:00", 1717200000, {"at": 1}, "0001-01-01T00:00:00+23:00"]
)
async def test_an_unreadable_date_is_kept(date):
    shop = Shop()
    answer = await shop.shopify("orders/create", order(created_at=date))
    await assert_dead_letter(shop, answer, "unreadable_date")


async def test_a_missing_date_is_kept():
    shop = Shop()
    answer = await shop.shopify("orders/create", order(created_at=None))
    await assert_dead_letter(shop, answer, "missing_date")


@pytest.mark.parametrize("amount", ["1000000.01", "1e400", "99999999999999", "-5.00"])
async def test_an_absurd_amount_is_kept(amount):
    shop = Shop()
    answer = await shop.shopify("orders/create", order(current_total_price=amount))
    await assert_dead_letter(shop, answer, "absurd_amount")


@pytest.mark.parametrize("amount", ["ten", "NaN", "Infinity", True, ["1.00"]])
async def test_an_unreadable_amount_is_kept(amount):
    shop = Shop()
    answer = await shop.shopify("orders/create", order(current_total_price=amount))
    await assert_dead_letter(shop, answer, "unreadable_amount")


async def test_a_missing_amount_is_kept():
    shop = Shop()
    answer = await shop.shopify("orders/create", order(current_total_price=None, total_price=None))
    await assert_dead_letter(shop, answer, "missing_amount")


async def test_a_missing_id_is_kept():
    shop = Shop()
    answer = await shop.shopify("orders/create", order(id=None, admin_graphql_api_id=None))
    await assert_dead_letter(shop, answer, "missing_id")


async def test_a_currency_nobody_has_is_kept():
    shop = Shop()
    answer = await shop.shopify("orders/create", order(currency="gold coins"))
    await assert_dead_letter(shop, answer, "invalid_data")


async def test_an_empty_batch_is_kept():
    shop = Shop()
    await assert_dead_letter(shop, await shop.post("klaviyo", klaviyo()), "empty_batch")


async def test_a_batch_that_is_half_understood_is_accepted_and_the_rest_kept():
    shop = Shop()
    body = klaviyo(("clicked_email", "e1", {"email": "ada@shopper.example"}), ("went_fishing", "e2", {}))
    answer = await shop.post("klaviyo", body)
    assert answer.status_code == 200
    assert answer.json()["events"] == ["klaviyo:event:e1"]
    assert answer.json()["dead_letter"] == "unknown_topic"
    assert len(shop.letters.letters) == 1


async def test_klaviyo_naming_another_webhook_is_refused():
    body = klaviyo(("clicked_email", "e1", {}))
    assert_problem(await Shop().post("klaviyo", body, {"klaviyo-webhook-id": "wh_other"}), 401)


async def test_a_satisfaction_without_a_score_is_kept():
    shop = Shop()
    answer = await shop.post(
        "zendesk", zendesk("ticket.csat_received", {"satisfaction_score": {"score": "MEH"}})
    )
    await assert_dead_letter(shop, answer, "missing_rating")


async def test_a_survey_of_an_unknown_scale_is_kept():
    shop = Shop()
    answer = await shop.post("delighted", delighted(survey_type="horoscope"))
    await assert_dead_letter(shop, answer, "unknown_survey")


async def test_a_kind_of_call_segment_does_not_have_is_kept():
    shop = Shop()
    await assert_dead_letter(shop, await shop.post("segment", segment("teleport")), "unknown_topic")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("survey.answered", {"kind": "nps", "score": "great"}),
        ("referral.made", {"referral_id": "\\\x1f"}),
    ],
)
async def test_data_that_does_not_fit_its_type_is_kept(name, data):
    shop = Shop()
    body = standard(name, {"customer": {"id": "1"}, **data})
    await assert_dead_letter(shop, await shop.post("standard", body), "invalid_data")


async def test_an_address_in_event_data_is_kept_out():
    shop = Shop()
    data = {"customer": {"id": "1"}, "referral_id": "friend@elsewhere.example"}
    await assert_dead_letter(
        shop, await shop.post("standard", standard("referral.made", data)), "contact_in_data"
    )


async def test_an_id_alone_is_kept():
    shop = Shop()
    body = platforms.bigcommerce("order/created", "order", 250)
    await assert_dead_letter(shop, await shop.post("bigcommerce", body), "thin_payload")


async def test_a_merge_without_its_end_is_kept():
    shop = Shop()
    named = {
        f"admin_graphql_api_customer_{which}_id": "gid://shopify/Customer/1" for which in ("kept", "deleted")
    }
    answer = await shop.shopify("customers/merge", {**named, "status": "who knows"})
    await assert_dead_letter(shop, answer, "unknown_status")


async def test_a_secret_that_can_be_no_key_lets_nobody_in():
    shop = Shop(sources=(source("standard", secrets=["whsec_!!"]),))
    assert_problem(await shop.post("standard", standard("site.visited", {})), 401)


@pytest.mark.parametrize("name", ["outreach.closed", "customer.merged", "customer.erased", "no.such.type"])
async def test_a_type_that_senders_may_not_use_is_kept(name):
    shop = Shop()
    await assert_dead_letter(shop, await shop.post("standard", standard(name, {})), "unknown_topic")


async def test_more_deliveries_than_fit_are_sent_away_for_a_while():
    log = HeldLog()
    shop = Shop(settings=IngestSettings(max_in_flight=1), log=log)
    first = asyncio.create_task(shop.shopify("orders/create", order()))
    await log.reached.wait()
    second = await shop.shopify("orders/create", order(1002))
    log.go.set()
    assert_problem(second, 429)
    assert second.headers["retry-after"] == "1"
    assert (await first).status_code == 200


async def test_more_bytes_than_fit_are_sent_away_for_a_while():
    shop = Shop(settings=IngestSettings(max_buffered_bytes=1_024))
    answer = await shop.shopify("orders/create", order(note="x" * 2_000))
    assert_problem(answer, 429)
    assert (
        await shop.post("standard", standard("usage.recorded", {"customer": {"id": "1"}, "feature": "x"}))
    ).status_code == 200


async def test_more_requests_than_a_source_may_send_are_sent_away_before_the_body_is_read():
    limited = source("shopify", limits={"per_second": 1, "burst": 1})
    shop = Shop(sources=(limited,))
    assert (await shop.shopify("orders/create", order())).status_code == 200

    async def never_read():
        yield pytest.fail("the body was read")

    answer = await shop.request(
        "POST", "/webhooks/shopify", never_read(), {"content-type": "application/json"}
    )
    assert_problem(answer, 429)
    assert answer.headers["retry-after"] == "1"


async def test_too_much_from_segment_is_answered_so_that_it_comes_again():
    limited = source("segment", limits={"per_second": 1, "burst": 1})
    shop = Shop(sources=(limited,))
    assert (await shop.post("segment", segment("page"))).status_code == 200
    assert_problem(await shop.post("segment", segment("page")), 503)


async def test_a_source_that_is_switched_off_is_refused():
    shop = Shop(sources=(source("shopify", enabled=False), source("mailchimp", enabled=False)))
    assert_problem(await shop.shopify("orders/create", order()), 403)
    assert_problem(await shop.request("GET", "/webhooks/mailchimp"), 403)


async def test_nothing_is_answered_2xx_when_neither_store_takes_it():
    shop = Shop()
    shop.log.away = shop.spool.away = True
    answer = await shop.shopify("orders/create", order())
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_the_table_and_the_tests_are_the_same_list():
    rows = set(re.findall(r"`(test_[a-z0-9_]+)`", TABLE.read_text()))
    tests = {name for name in globals() if name.startswith("test_")}
    assert rows == tests - {"test_the_table_and_the_tests_are_the_same_list"}
