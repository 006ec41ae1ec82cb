"""Providers declared in YAML: they sign, read and erase like those in Python, and a wrong file says where."""

import re

import pytest

from libs.runtime.errors import ConfigError
from services.ingest.adapters.provider_file import load, parse
from tests.unit.ingest.declared import KINDRED, SECRET, deliver, element, kindred, shop_with, signed
from tests.unit.ingest.shop import NOW, dumps, order

STARS = {"id": "r1", "stars": 4, "at": "2024-05-31 08:00:00"}


TOPICS = [
    (
        element("review.published", review=STARS),
        "review.submitted",
        "r1",
        {"review_id": "r1", "rating": 4},
    ),
    (
        element("survey.done", survey={"id": "s", "answer": 9, "face": "sad"}),
        "survey.answered",
        "s:9",
        {"survey_id": "s", "response_id": "9", "kind": "csat", "score": 1},
    ),
    (
        element(
            "order.made",
            order={"id": 1, "total": 9.5, "currency": "eur", "gift": "true", "products": [31, "p@x", {}]},
        ),
        "order.placed",
        "1",
        {
            "order_id": "1",
            "amount": "9.50",
            "currency": "EUR",
            "items": 3,
            "gift": True,
            "products": ["31", "h_0457455dfe26e9e0e2a63786"],
        },
    ),
    (
        element("ticket.new", ticket="t1", words="This is awful.", priority="High"),
        "ticket.opened",
        "t1",
        {"ticket_id": "t1", "sentiment": "negative", "priority": "high"},
    ),
    (
        element("ticket.new", ticket="t1", words="positive", priority="whatever"),
        "ticket.opened",
        "t1",
        {"ticket_id": "t1", "sentiment": "positive"},
    ),
    (
        element("plan.ends", plan="p", until=1717286400000, days="30", why="Too Expensive!"),
        "subscription.cancel_requested",
        "p",
        {
            "subscription_id": "p",
            "interval_days": 30,
            "reason": "too_expensive",
            "renewal_at": "2024-06-02T00:00:00Z",
        },
    ),
]


@pytest.mark.parametrize(("given", "name", "number", "data"), TOPICS)
async def test_each_topic_becomes_its_event(given, name, number, data):
    shop = shop_with(kindred())
    answer = await deliver(shop, given)
    assert answer.json()["events"] == [f"kindred:{name}:{number}"], answer.text
    (event,) = shop.events()
    assert (event["type"], event["data"]) == (name, data)


async def test_a_time_is_the_source_s_or_that_of_its_arrival():
    shop = shop_with(kindred())
    await deliver(shop, element("review.published", review=STARS), element("ticket.new", ticket="t1"))
    assert [event["time"] for event in shop.events()] == ["2024-05-31T08:00:00Z", "2024-06-01T12:00:00Z"]


@pytest.mark.parametrize(
    "at", [1717142400, 1717142400.0, 1717142400000, "1717142400", "2024-05-31T10:00:00+02:00"]
)
async def test_a_time_may_be_seconds_milliseconds_or_a_date(at):
    shop = shop_with(kindred())
    await deliver(shop, element("review.published", review={**STARS, "at": at}))
    assert shop.events()[0]["time"] == "2024-05-31T08:00:00Z"


async def test_a_date_without_a_zone_needs_the_file_to_say_which():
    shop = shop_with(kindred(KINDRED.replace("naive_times: utc\n", "")))
    answer = await deliver(shop, element("review.published", review=STARS))
    assert answer.json()["dead_letter"] == "unreadable_date"


async def test_the_person_is_the_shops_customer_and_the_words_stay_behind():
    shop = shop_with(kindred())
    await shop.shopify("orders/create", order())
    await deliver(shop, element("ticket.new", ticket="t1", words="awful"))
    assert shop.events()[1]["subject"] == shop.events()[0]["subject"]
    assert shop.profiles()[-1] == {"email": "ada@shopper.example", "name": "Ada Byron"}
    assert not any(b"awful" in (record.value or b"") for record in shop.log.records)


async def test_an_order_is_remembered_with_its_customer_and_amount():
    shop = shop_with(kindred())
    made = {"id": 1, "total": "30", "currency": "USD"}
    await deliver(shop, element("order.made", order=made))
    await deliver(shop, {"what": "order.returned", "order": {**made, "total": 10}, "refund": "f1"})
    placed, refunded = shop.events()
    assert (refunded["subject"], refunded["data"]["order_amount"]) == (placed["subject"], "30.00")


async def test_a_person_is_erased_and_a_topic_ignored_as_declared():
    shop = shop_with(kindred())
    await deliver(shop, element("ticket.new", ticket="t1"))
    answer = await deliver(shop, element("ticket.viewed"), element("buyer.forgotten"))
    assert (answer.status_code, shop.events()[-1]["type"]) == (200, "customer.erased")
    assert [one.kind for one in await shop.privacy.requests()] == ["redact_customer"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (element("something.else"), "unknown_topic"),
        (element("review.published", review={**STARS, "id": None}), "missing_id"),
        (element("review.published", review={**STARS, "at": None}), "missing_date"),
        (element("review.published", review={**STARS, "stars": 9}), "invalid_data"),
        (element("survey.done", survey={"id": "s", "answer": 9, "face": "puzzled"}), "invalid_data"),
        ({"what": "buyer.forgotten"}, "missing_customer"),
        (element("order.made", order={"id": 1, "total": "ten", "currency": "USD"}), "unreadable_amount"),
    ],
)
async def test_what_cannot_be_read_is_kept(given, reason):
    answer = await deliver(shop_with(kindred()), given)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, reason)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"events": 1}', b"not"])
async def test_what_is_no_batch_is_kept(body):
    answer = await shop_with(kindred()).request("POST", "/webhooks/kindred", body, signed(body))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unparsable")


@pytest.mark.parametrize(
    "change",
    [
        {"x-kindred-signature": "v2=" + "0" * 64},
        {"x-kindred-signature": None},
        {"x-kindred-id": "m2"},
        {"x-kindred-id": None},
        {"x-kindred-time": "1"},
        {"x-kindred-time": None},
        signed(b"other"),
        signed(dumps({"events": [element("ticket.new", ticket="t1")]}), "another secret"),
        signed(dumps({"events": [element("ticket.new", ticket="t1")]}), seconds=int(NOW.timestamp()) - 61),
    ],
)
async def test_what_is_not_exactly_signed_is_refused(change):
    raw = dumps({"events": [element("ticket.new", ticket="t1")]})
    answer = await shop_with(kindred()).request("POST", "/webhooks/kindred", raw, {**signed(raw), **change})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("verifier", "headers"),
    [
        ("header: X-T\n  algorithm: token", {"x-t": SECRET}),
        ('header: X-T\n  algorithm: token\n  prefix: "Bearer "', {"x-t": f"Bearer {SECRET}"}),
    ],
)
async def test_a_token_in_a_header_will_do_where_nothing_is_signed(verifier, headers):
    head, _, rest = KINDRED.partition("verifier:\n")
    shop = shop_with(kindred(f"{head}verifier:\n  {verifier}\n{rest[rest.index('probes') :]}"))
    raw = dumps({"events": [element("ticket.new", ticket="t1")]})
    json_type = {"content-type": "application/json"}
    assert (await shop.request("POST", "/webhooks/kindred", raw, {**json_type, **headers})).status_code == 200
    assert (
        await shop.request("POST", "/webhooks/kindred", raw, {**json_type, "x-t": "x"})
    ).status_code == 401
    assert (await shop.request("GET", "/webhooks/kindred")).status_code == 200


BROKEN = [
    ("name: kindred", "name: Kindred", 1, "name: string should match"),
    ("name: kindred", "name: shopify", 1, "name: shopify is a provider already"),
    ("name: kindred", "nam: kindred", 1, "nam: extra inputs are not permitted"),
    ("name: kindred", "nam: kindred", 1, "name: field required"),
    ("  header: X-Kindred-Signature", "  header: X Kindred", 3, "verifier.header: string should match"),
    ('  prefix: "v2="', "  algorithm: md5", 4, "verifier.algorithm: input should be 'sha1'"),
    ('  prefix: "v2="', "  encoding: ascii85", 4, "verifier.encoding: input should be 'hex'"),
    ("{timestamp}.{header:x-kindred-id}.{body}", "{timestamp}.", 5, "verifier.signed: must hold {body}"),
    ("{timestamp}.{header:x-kindred-id}.{body}", "{body}", 5, "verifier.signed: must hold {timestamp}"),
    ("{timestamp}.{header:x-kindred-id}.{body}", "{time}.{body}", 5, "verifier.signed: knows {body}"),
    ("  timestamp_header: X-Kindred-Time\n", "", 5, "verifier.signed: holds {timestamp}, and neither"),
    ("tolerance_s: 60", "tolerance_s: soon", 7, "verifier.tolerance_s: input should be a valid number"),
    ("tolerance_s: 60", "timestamp_name: t", 7, "verifier.timestamp_name: the timestamp is in a header of"),
    ("tolerance_s: 60", "timestamp_name: t", 7, "verifier.timestamp_name: needs signature_name"),
    ("tolerance_s: 60", "algorithm: token", 7, "verifier.algorithm: a token signs nothing"),
    ("probes: [GET]", "probes: [POST]", 8, "probes.0: input should be 'GET'"),
    ("items: $.events", "items: events", 9, "items: is not a path"),
    ("topic: $.what", "topic: {head: X}", 10, "topic: "),
    ("  id: $.buyer.id", "  id: $.buyer[x]", 13, "person.id: is not a path"),
    ("erase: [buyer.forgotten]", "erase: [ticket.new]", 18, "erase.0: ticket.new is there twice"),
    (
        "event: review.submitted",
        "event: review.burnt",
        21,
        "events.review.published.event: review.burnt",
    ),
    (
        "event: review.submitted",
        "event: outreach.closed",
        21,
        "events.review.published.event: outreach.",
    ),
    ("id: [$.review.id]", "id: []", 22, "events.review.published.id: list should have at least 1"),
    (
        "      rating: $.review.stars\n",
        "",
        24,
        "events.review.published.fields: review.submitted also needs rating",
    ),
    (
        "rating: $.review.stars",
        "stars: $.review.stars",
        26,
        "events.review.published.fields.stars: there",
    ),
    (
        "rating: $.review.stars",
        "rating: $..stars",
        26,
        "events.review.published.fields.rating: is not",
    ),
    ("rating: $.review.stars", "rating: 6", 26, "events.review.published.fields.rating: 6 does not fit"),
    (
        "renewal_at: $.until",
        "renewal_at: soon",
        51,
        "events.plan.ends.fields.renewal_at: 'soon' does not fit",
    ),
    ("kind: csat", "kind: joy", 33, "events.survey.done.fields.kind: 'joy' does not fit"),
    ("{happy: 5, sad: 1}", "{happy: 5, sad: 11}", 34, "events.survey.done.fields.score: 11 does not fit"),
    ("{happy: 5, sad: 1}", "{happy: 5, happy: 1}", 34, "happy: is there twice"),
    ("topic: $.what", "topic: $.what\ntopic: $.that", 11, "topic: is there twice"),
    ("topic: $.what", "topic: [", 12, "not YAML"),
]


@pytest.mark.parametrize(("good", "bad", "line", "says"), BROKEN)
def test_a_mistake_is_refused_with_its_file_and_line(good, bad, line, says):
    assert good in KINDRED
    with pytest.raises(ConfigError, match=re.escape(f"kindred.yaml:{line}: {says}")):
        parse(KINDRED.replace(good, bad, 1), "kindred.yaml")


def test_every_mistake_of_a_file_is_told_at_once():
    text = KINDRED.replace("event: review.submitted", "event: x").replace("kind: csat", "kind: joy")
    with pytest.raises(ConfigError) as caught:
        parse(text, "k.yaml")
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["21", "33"]


@pytest.mark.parametrize("text", ["", "- a", "just text", "a: &a [*a]", "? [x]\n: y", "a: 2024-13-45"])
def test_a_file_that_is_something_else_is_refused(text):
    with pytest.raises(ConfigError, match=r"^k\.yaml:\d+: "):
        parse(text, "k.yaml")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml:1: cannot be read"):
        load(tmp_path / "gone.yaml")
