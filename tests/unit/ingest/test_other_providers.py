"""Klaviyo, Zendesk, Segment and Standard Webhooks: topics become our events."""

import pytest

from tests.unit.ingest.shop import Shop, dumps, klaviyo, order, segment, sign, source, standard, zendesk


async def only(shop: Shop, provider: str, body: dict) -> dict:
    answer = await shop.post(provider, body)
    assert answer.status_code == 200, answer.text
    (number,) = answer.json()["events"]
    return next(event for event in shop.events() if event["id"] == number)


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("received_email", "email.delivered"),
        ("opened_email", "email.opened"),
        ("clicked_email", "email.clicked"),
        ("bounced_email", "email.bounced"),
        ("marked_email_as_spam", "email.complained"),
        ("subscribed_to_email_marketing", "email.subscribed"),
        ("unsubscribed_from_email_marketing", "email.unsubscribed"),
        ("subscribed_to_sms_marketing", "customer.consent_changed"),
        ("unsubscribed_from_sms_marketing", "sms.unsubscribed"),
        ("sent_sms", "sms.replied"),
        ("received_sms", "sms.sent"),
        ("active_on_site", "site.visited"),
    ],
)
async def test_klaviyo_topics(topic, name):
    event = await only(Shop(), "klaviyo", klaviyo((topic, "e1", {})))
    assert (event["type"], event["id"], event["time"]) == (name, "klaviyo:event:e1", "2024-06-01T00:00:00Z")


async def test_klaviyo_bounces_reviews_and_machines():
    shop = Shop()
    body = klaviyo(
        ("bounced_email", "e1", {"bounce_type": "Hard"}),
        ("submitted_review", "e2", {"rating": 4, "product_id": "p"}),
        ("opened_email", "e3", {"machine_open": True}),
        ("clicked_email", "e4", {"Bot Click": "true", "$message": "C1"}),
    )
    await shop.post("klaviyo", body)
    data = [event["data"] for event in shop.events()]
    assert data == [
        {"kind": "hard"},
        {"review_id": "e2", "rating": 4, "product_id": "p"},
        {"machine": True},
        {"machine": True, "campaign_id": "C1"},
    ]


async def test_consent_to_sms_is_given_and_taken_back():
    shop = Shop()
    number = {"phone_number": "+12125550143"}
    for topic, consent in (("subscribed_to", True), ("unsubscribed_from", False)):
        await shop.post("klaviyo", klaviyo((f"{topic}_sms_marketing", topic, number)))
        assert shop.profiles()[-1] == {"phone": "+12125550143", "sms_consent": consent}
    assert shop.events()[0]["data"] == {"channel": "sms", "consent": True}


@pytest.mark.parametrize("topic", ["clicked_email", "unsubscribed_from_email_marketing", "received_sms"])
async def test_the_number_of_an_event_is_no_message(topic: str):
    shop = Shop()
    event = await only(shop, "klaviyo", klaviyo((topic, "e1", {"$event_id": "1717200000"})))
    assert "message_id" not in event["data"]
    told = {"$event_id": "1717200000", "$message_interaction": "M1"}
    assert (await only(shop, "klaviyo", klaviyo((topic, "e2", told))))["data"]["message_id"] == "M1"


async def test_a_klaviyo_profile_is_the_shops_customer_once_its_address_was_seen():
    shop = Shop()
    placed = await shop.shopify("orders/create", order())
    assert placed.status_code == 200
    address = {"email_address": "Ada@Shopper.example"}
    linked = await only(shop, "klaviyo", klaviyo(("unsubscribed_from_email_marketing", "e1", address)))
    later = await only(shop, "klaviyo", klaviyo(("clicked_email", "e2", {})))
    assert linked["subject"] == later["subject"] == shop.events()[0]["subject"]
    assert shop.profiles()[-1]["email_consent"] is False


async def test_a_profile_met_before_its_address_is_merged_later():
    shop = Shop()
    await shop.shopify("orders/create", order())
    alone = await only(shop, "klaviyo", klaviyo(("clicked_email", "e1", {})))
    address = {"email": "ada@shopper.example"}
    linked = await only(shop, "klaviyo", klaviyo(("clicked_email", "e2", address)))
    (merged,) = (event for event in shop.events() if event["type"] == "customer.merged")
    assert {merged["subject"], merged["data"]["into"]} == {alone["subject"], shop.events()[0]["subject"]}
    assert linked["subject"] == merged["data"]["into"]
    after = await only(shop, "klaviyo", klaviyo(("clicked_email", "e3", {})))
    again = await shop.shopify("orders/create", order(1002))
    assert again.status_code == 200
    assert after["subject"] == shop.events()[-1]["subject"] == linked["subject"]


async def test_a_ticket_is_opened_and_only_its_class_is_kept():
    shop = Shop()
    body = zendesk("ticket.created", subject="Broken!", description="This is terrible, I am very angry.")
    event = await only(shop, "zendesk", body)
    assert event["id"] == "zendesk:ticket:88:opened"
    assert event["data"] == {
        "ticket_id": "88",
        "sentiment": "negative",
        "priority": "high",
        "channel": "web_service",
    }
    assert not any(b"angry" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize(
    ("action", "event", "name"),
    [
        ("ticket.status_changed", {"previous": "OPEN", "current": "SOLVED"}, "ticket.solved"),
        ("ticket.status_changed", {"previous": "SOLVED", "current": "OPEN"}, "ticket.reopened"),
        ("ticket.priority_changed", {"previous": "LOW", "current": "URGENT"}, "ticket.escalated"),
        ("ticket.comment_added", {"comment": {"body": "thanks, great"}}, "ticket.commented"),
        ("ticket.csat_received", {"satisfaction_score": {"score": "GOOD"}}, "ticket.rated"),
        ("ticket.csat_requested", {}, "survey.asked"),
    ],
)
async def test_zendesk_topics(action, event, name):
    assert (await only(Shop(), "zendesk", zendesk(action, event)))["type"] == name


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("ticket.status_changed", {"previous": "OPEN", "current": "PENDING"}),
        ("ticket.comment_added", {"comment": {"body": "hm", "is_public": False}}),
        ("ticket.priority_changed", {"current": "LOW"}),
        ("ticket.tags_changed", {}),
    ],
)
async def test_zendesk_changes_that_say_nothing_are_ignored(action, event):
    shop = Shop()
    answer = await shop.post("zendesk", zendesk(action, event))
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert shop.letters.letters == {}


async def test_an_agents_words_are_not_the_customers_mood():
    comment = {"comment": {"body": "sorry, this is terrible", "author": {"is_staff": True}}}
    event = await only(Shop(), "zendesk", zendesk("ticket.comment_added", comment))
    assert event["data"].get("sentiment") is None
    assert event["data"]["by_customer"] is False


async def test_a_requester_is_a_customer_once_a_user_event_names_the_address():
    shop = Shop()
    await shop.shopify("orders/create", order())
    user = {
        **zendesk("user.created"),
        "detail": {"id": "9001", "email": "ada@shopper.example", "role": "end-user"},
    }
    assert (await shop.post("zendesk", user)).json()["events"] == []
    ticket = await only(shop, "zendesk", zendesk("ticket.created"))
    assert ticket["subject"] == shop.events()[0]["subject"]
    trimmed = zendesk("ticket.status_changed", {"previous": "OPEN", "current": "SOLVED"}, requester_id=None)
    assert (await only(shop, "zendesk", trimmed))["subject"] == ticket["subject"]


async def test_a_zendesk_trigger_with_our_template_is_understood():
    body = {
        "event": "commented",
        "ticket_id": "88",
        "requester_id": "9001",
        "requester_email": "ada@shopper.example",
        "priority": "Urgent",
        "channel": "Web form",
        "comment": "still not working, useless",
        "order_id": "1001",
        "at": "2024-05-31T10:00:00Z",
    }
    event = await only(Shop(), "zendesk", body)
    assert event["type"] == "ticket.commented"
    assert event["data"] == {
        "ticket_id": "88",
        "sentiment": "negative",
        "priority": "urgent",
        "channel": "web_form",
        "order_id": "1001",
    }


@pytest.mark.parametrize(
    ("kind", "event", "properties", "name"),
    [
        ("page", None, {"path": "/"}, "site.visited"),
        ("screen", None, {}, "site.visited"),
        ("track", "Product Viewed", {"product_id": "p1"}, "product.viewed"),
        ("track", "Product Added", {"product_id": "p1", "quantity": 2}, "product.added_to_cart"),
        ("track", "Product Removed", {"sku": "s1"}, "product.removed_from_cart"),
        ("track", "Products Searched", {"query": "boots"}, "site.searched"),
        ("track", "Order Completed", {"order_id": "o1", "total": 27.5}, "site.visited"),
        ("track", "Email Opened", {"email_id": "m", "campaign_id": "c"}, "email.opened"),
        ("track", "Unsubscribed", {"list_id": "l"}, "email.unsubscribed"),
    ],
)
async def test_segment_calls(kind, event, properties, name):
    found = await only(Shop(), "segment", segment(kind, event, properties=properties))
    assert found["type"] == name
    assert found["id"] == f"segment:message:m-{event or kind}"
    assert "boots" not in str(found)


async def test_a_device_becomes_somebody_when_it_is_identified():
    shop = Shop()
    stranger = await shop.post("segment", segment("page", userId=None))
    assert (stranger.status_code, stranger.json()["events"]) == (200, [])
    await shop.shopify("orders/create", order())
    await shop.post("segment", segment("identify", traits={"email": "ada@shopper.example", "name": "Ada B"}))
    visit = await only(shop, "segment", segment("page", userId=None, messageId="m2"))
    assert visit["subject"] == shop.events()[0]["subject"]


async def test_pages_of_one_day_and_device_are_one_visit_unless_the_site_says_so():
    shop = Shop()
    first = await only(shop, "segment", segment("page", messageId="1"))
    second = await only(shop, "segment", segment("page", messageId="2"))
    assert first["data"]["session_id"] == second["data"]["session_id"]
    assert "d-1" not in first["data"]["session_id"]
    own = await only(shop, "segment", segment("page", messageId="3", properties={"session_id": "s-9"}))
    assert own["data"]["session_id"] == "s-9"


async def test_bots_are_dropped_and_counted():
    shop = Shop()
    answer = await shop.post("segment", segment("page", context={"userAgent": "Googlebot/2.1"}))
    assert answer.json()["events"] == []
    assert shop.metric("greenline_ingest_ignored_total", provider="segment", reason="bot") == 1


async def test_a_batch_of_calls_is_taken_and_names_each_event_once():
    shop = Shop()
    calls = [
        segment("page"),
        segment("page"),
        segment("track", "Product Viewed", properties={"product_id": "p"}),
    ]
    raw = dumps(calls)
    headers = {"content-type": "application/json", **sign("segment", dumps(calls[0]))}
    answer = await shop.request("POST", "/webhooks/segment", raw, headers)
    assert answer.status_code == 200
    assert len(answer.json()["events"]) == 2
    assert answer.json()["duplicates"] == 1


async def test_a_segment_deletion_erases():
    shop = Shop()
    await shop.post("segment", segment("page"))
    await shop.post("segment", {"type": "delete", "userId": "u-1", "timestamp": "2024-05-31T00:00:00Z"})
    assert shop.events()[-1]["type"] == "customer.erased"


async def test_the_proof_of_a_segment_deletion_is_not_made_from_the_users_number():
    shop = Shop()
    requests = [{"type": "delete", "userId": "u-1", "timestamp": f"2024-05-31T00:00:0{n}Z"} for n in (1, 2)]
    for body in requests:
        await shop.post("segment", body)
    assert len({row.reference for row in await shop.privacy.requests()}) == 2


async def test_the_sites_user_ids_can_be_the_shops_customers():
    linked = source("segment", same_as={"segment.user": "shopify.customer"})
    shop = Shop(sources=(source("shopify"), linked))
    await shop.shopify("orders/create", order())
    visit = await only(shop, "segment", segment("page", userId="7001"))
    assert visit["subject"] == shop.events()[0]["subject"]


async def test_a_standard_webhook_speaks_our_vocabulary():
    shop = Shop()
    data = {
        "customer": {"id": "s-1", "email": "ada@shopper.example", "name": "Ada", "email_consent": True},
        "subscription_id": "sub-1",
        "amount": "9.99",
        "currency": "EUR",
        "interval_days": 30,
    }
    event = await only(shop, "standard", standard("subscription.started", data))
    assert (event["id"], event["type"]) == ("standard:msg_1", "subscription.started")
    assert event["data"] == {
        "subscription_id": "sub-1",
        "amount": "9.99",
        "currency": "EUR",
        "interval_days": 30,
    }
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada", "email_consent": True}]


async def test_a_standard_ticket_is_classified_and_its_text_left_behind():
    shop = Shop()
    data = {"customer": {"id": "s-1"}, "ticket_id": "t", "text": "awful service"}
    event = await only(shop, "standard", standard("ticket.opened", data))
    assert event["data"] == {"ticket_id": "t", "sentiment": "negative"}
    assert not any(b"awful" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize("provider", ["shopify", "klaviyo", "zendesk", "segment", "standard"])
async def test_the_same_delivery_twice_has_the_same_ids(provider):
    bodies = {
        "shopify": order(),
        "klaviyo": klaviyo(("clicked_email", "e1", {})),
        "zendesk": zendesk("ticket.created"),
        "segment": segment("page", messageId=None),
        "standard": standard("usage.recorded", {"customer": {"id": "1"}, "feature": "export"}),
    }
    shop = Shop()
    headers = {"x-shopify-topic": "orders/create"}
    first = await shop.post(provider, bodies[provider], headers)
    second = await shop.post(provider, bodies[provider], headers)
    assert first.json() == second.json()
    assert len(first.json()["events"]) == 1
