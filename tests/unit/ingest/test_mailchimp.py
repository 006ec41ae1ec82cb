"""Mailchimp: forms become events, a GET is answered, an unsigned webhook proves itself by the address."""

from datetime import timedelta

import pytest

from tests.unit.ingest.shop import NOW, SECRETS, Shop, order, sign
from tests.unit.ingest.tools import FORM, encoded, mailchimp

ADA = "0a1b2c3d4e"


@pytest.mark.parametrize(
    ("body", "name", "data"),
    [
        (mailchimp("subscribe"), "email.subscribed", {"list_id": "aud1"}),
        (
            mailchimp("unsubscribe", action="unsub", reason="manual", campaign_id="c9"),
            "email.unsubscribed",
            {"list_id": "aud1", "reason": "manual", "campaign_id": "c9"},
        ),
        (
            mailchimp("unsubscribe", action="delete", reason="manual"),
            "email.unsubscribed",
            {"list_id": "aud1", "reason": "deleted"},
        ),
        (
            mailchimp("unsubscribe", action="unsub", reason="abuse", campaign_id="c9"),
            "email.complained",
            {"campaign_id": "c9"},
        ),
        (
            mailchimp("cleaned", reason="hard", campaign_id="c9", id=None),
            "email.bounced",
            {"kind": "hard", "campaign_id": "c9"},
        ),
        (mailchimp("cleaned", reason="abuse", id=None), "email.complained", {}),
    ],
)
async def test_a_form_becomes_its_event(body, name, data):
    event = await Shop().only("mailchimp", body)
    assert (event["type"], event["data"], event["time"]) == (name, data, "2024-05-31T08:00:00Z")


@pytest.mark.parametrize(
    ("topic", "data", "consent"),
    [
        ("subscribe", {}, True),
        ("unsubscribe", {"reason": "manual"}, False),
        ("cleaned", {"reason": "hard"}, None),
        ("cleaned", {"reason": "abuse"}, False),
    ],
)
async def test_consent_follows_what_the_member_did(topic, data, consent):
    shop = Shop()
    await shop.post("mailchimp", mailchimp(topic, **data))
    assert (shop.profiles()[-1] or {}).get("email_consent") is consent


async def test_a_profile_says_who_and_nothing_more():
    shop = Shop()
    answer = await shop.post("mailchimp", mailchimp("profile"))
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]


async def test_a_new_address_stays_the_same_person():
    shop = Shop()
    await shop.shopify("orders/create", order())
    moved = {"new_id": "ffff", "old_email": "Ada@Shopper.example", "new_email": "ada@new.example"}
    answer = await shop.post("mailchimp", {"type": "upemail", "data": {"list_id": "aud1", **moved}})
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    later = await shop.only("mailchimp", mailchimp("subscribe", id="ffff", email="ada@new.example"))
    assert later["subject"] == shop.events()[0]["subject"]
    assert shop.profiles()[-1]["email"] == "ada@new.example"


async def test_an_address_that_several_read_moves_nobody():
    shop = Shop()
    first = await shop.only("mailchimp", mailchimp("subscribe", email="info@shopper.example", id="ee"))
    moved = {"old_email": "info@shopper.example", "new_email": "ada@new.example"}
    await shop.post("mailchimp", {"type": "upemail", "data": moved})
    later = await shop.only("mailchimp", mailchimp("subscribe", id="ffff", email="ada@new.example"))
    assert later["subject"] != first["subject"]


@pytest.mark.parametrize("topic", ["campaign", "batch_operation_completed"])
async def test_a_campaign_and_a_batch_of_calls_are_nobodys(topic):
    assert await Shop().ignored("mailchimp", mailchimp(topic)) == "not_about_a_customer"


async def test_a_retry_is_the_same_event_and_the_next_unsubscription_another():
    shop = Shop()
    body = mailchimp("unsubscribe", reason="manual")
    first = await shop.post("mailchimp", body)
    again = await shop.post("mailchimp", body, at=NOW + timedelta(minutes=4))
    later = await shop.post("mailchimp", mailchimp("unsubscribe", "2024-05-31 09:00:00", reason="manual"))
    assert first.json() == again.json()
    assert first.json()["events"] == [f"mailchimp:aud1:{ADA}:unsubscribe:2024-05-31 08:00:00"]
    assert later.json()["events"] != first.json()["events"]


async def test_a_form_without_a_time_is_told_by_its_bytes_and_happened_now():
    shop = Shop()
    event = await shop.only("mailchimp", mailchimp("unsubscribe", None, reason="manual"))
    again = await shop.only("mailchimp", mailchimp("unsubscribe", None, reason="manual"))
    other = await shop.only("mailchimp", mailchimp("unsubscribe", None, reason="manual", campaign_id="c2"))
    assert event["id"] == again["id"] != other["id"]
    assert event["time"] == "2024-06-01T12:00:00Z"


async def test_an_address_never_becomes_part_of_an_id():
    event = await Shop().only("mailchimp", mailchimp("cleaned", id=None, reason="hard"))
    assert "@" not in event["id"]


async def test_saving_the_webhook_asks_by_get_and_is_answered_200():
    shop = Shop()
    for method in ("GET", "HEAD"):
        answer = await shop.request(method, "/webhooks/mailchimp")
        assert (answer.status_code, answer.text) == (200, "")
    assert shop.metric("greenline_ingest_requests_total", source="mailchimp", outcome="probe") == 2
    assert shop.log.records == []


async def test_an_unsigned_form_needs_the_token_of_the_address():
    shop = Shop()
    raw, kind = encoded(mailchimp("subscribe")), {"content-type": FORM}
    good = await shop.request("POST", f"/webhooks/mailchimp?token={SECRETS['mailchimp']}", raw, kind)
    assert (good.status_code, len(good.json()["events"])) == (200, 1)
    for query in ("", "?token=", "?token=wrong", f"?secret={SECRETS['mailchimp']}"):
        assert (await shop.request("POST", f"/webhooks/mailchimp{query}", raw, kind)).status_code == 401


async def test_a_wrong_signature_is_not_helped_by_a_right_token():
    raw = encoded(mailchimp("subscribe"))
    headers = {"content-type": FORM, **sign("mailchimp", raw, "wrong")}
    answer = await Shop().request("POST", f"/webhooks/mailchimp?token={SECRETS['mailchimp']}", raw, headers)
    assert answer.status_code == 401


async def test_a_second_signature_of_a_rotation_verifies():
    shop, raw = Shop(), encoded(mailchimp("subscribe"))
    good = sign("mailchimp", raw)["x-mailchimp-signature"]
    stamp, _, signature = good.partition(",")
    both = {"content-type": FORM, "x-mailchimp-signature": f"{stamp},v1={'0' * 64}, {signature}"}
    assert (await shop.request("POST", "/webhooks/mailchimp", raw, both)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"plain", b"a=%ff", b"\xff=1", b"{}", b"a=1&" * 1_001 + b"a=1"])
async def test_bytes_that_are_no_form_are_kept(body):
    shop = Shop()
    answer = await shop.post("mailchimp", body)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unparsable")
    (letter,) = shop.letters.letters.values()
    assert (letter.body, letter.detail) == (body, "not a URL-encoded form")


async def test_a_form_of_contradictory_brackets_is_read_as_far_as_it_goes():
    body = b"data=1&data[email]=a@b.example&type=unsubscribe&data[email][x]=2&" + b"z" + b"[y]" * 99 + b"=1"
    answer = await Shop().post("mailchimp", body)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "missing_id")
