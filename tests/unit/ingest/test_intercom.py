"""Intercom: conversations and tickets of either shape, contacts and mails become events; HEAD is answered."""

import pytest

from tests.unit.ingest.shop import Shop, order
from tests.unit.ingest.tools import CHANGED_AT, contact, conversation, intercom, old_conversation, part

OPENED, CHANGED = "2024-05-31T08:00:00Z", "2024-05-31T09:00:00Z"
SHAPES = pytest.mark.parametrize("shape", [conversation, old_conversation])
ID = "intercom:conversation:5500"


def ticket(after: str = "submitted", before: str = "submitted", **more: object) -> dict:
    """A ticket that an agent moved from one state to another."""
    moved = part("admin", number="t1", previous_ticket_state=before, ticket_state=after)
    return {
        "type": "ticket",
        "id": "5500",
        "ticket_id": "12",
        "category": "Customer",
        "channel": "messenger",
        "created_at": CHANGED_AT - 3600,
        "updated_at": CHANGED_AT,
        "ticket_type": {"id": "1", "is_internal": False},
        "ticket_attributes": {"_default_title_": "Broken", "_default_description_": "awful"},
        "ticket_state": {"category": after},
        "ticket_parts": {"ticket_parts": [moved]},
        "contacts": {"contacts": [{"type": "contact", "id": "con1", "external_id": "7001"}]},
        **more,
    }


@SHAPES
async def test_a_conversation_is_opened_and_only_its_class_is_kept(shape):
    shop = Shop()
    event = await shop.only("intercom", intercom("conversation.user.created", shape()))
    assert (event["type"], event["id"], event["time"]) == ("ticket.opened", f"{ID}:opened", OPENED)
    assert (event["data"]["ticket_id"], event["data"]["sentiment"]) == ("5500", "negative")
    assert not any(b"broken" in (record.value or b"") for record in shop.log.records)
    assert (shop.profiles()[0] or {})["email"] == "ada@shopper.example"


@pytest.mark.parametrize(
    ("topic", "item", "name", "number"),
    [
        ("conversation.user.replied", conversation(part("user", "thanks")), "commented", "intercom:part:p1"),
        ("conversation.admin.replied", conversation(part("admin", "sorry")), "commented", "intercom:part:p1"),
        (
            "conversation.admin.closed",
            old_conversation(part("admin")),
            "solved",
            f"{ID}:solved:20240531T090000",
        ),
        ("conversation.admin.opened", conversation(), "reopened", f"{ID}:reopened:20240531T090000"),
        (
            "conversation.priority.updated",
            conversation(priority="priority"),
            "escalated",
            f"{ID}:escalated:20240531T090000",
        ),
        ("ticket.created", ticket(), "opened", f"{ID}:opened"),
        ("ticket.contact.replied", ticket(), "commented", "intercom:part:t1"),
        ("ticket.admin.replied", ticket(), "commented", "intercom:part:t1"),
        ("ticket.state.updated", ticket("resolved"), "solved", f"{ID}:solved:20240531T090000"),
        ("ticket.resolved", ticket("resolved"), "solved", f"{ID}:solved:20240531T090000"),
        ("ticket.closed", {"ticket": ticket("resolved")}, "solved", f"{ID}:solved:20240531T090000"),
        (
            "ticket.state.updated",
            ticket("in_progress", "resolved"),
            "reopened",
            f"{ID}:reopened:20240531T090000",
        ),
    ],
)
async def test_what_became_of_a_conversation(topic, item, name, number):
    if topic == "ticket.contact.replied":
        item["ticket_parts"]["ticket_parts"][0]["author"]["type"] = "user"
    event = await Shop().only("intercom", intercom(topic, item))
    assert (event["type"], event["id"]) == (f"ticket.{name}", number)
    assert event["data"]["ticket_id"] == "5500"
    assert event["time"] == (OPENED if name == "opened" else CHANGED)


@pytest.mark.parametrize(
    ("topic", "author", "data"),
    [
        ("conversation.user.replied", "user", {"by_customer": None, "sentiment": "positive"}),
        ("conversation.user.replied", "lead", {"by_customer": None, "sentiment": "positive"}),
        ("conversation.admin.replied", "admin", {"by_customer": False}),
    ],
)
async def test_an_agents_words_are_not_the_customers_mood(topic, author, data):
    item = conversation(part("admin", "awful", "p0"), part(author, "<p>great, thanks</p>"))
    event = await Shop().only("intercom", intercom(topic, item))
    assert {name: event["data"].get(name) for name in data} == data
    assert ("sentiment" in event["data"]) == ("sentiment" in data)


@pytest.mark.parametrize(
    ("topic", "item", "reason"),
    [
        ("conversation.operator.replied", conversation(part("bot", "hello")), "bot"),
        ("conversation.admin.replied", conversation(part("bot", "hello")), "bot"),
        ("conversation.user.created", conversation(source={"delivered_as": "automated"}), "begun_by_us"),
        ("conversation.user.created", conversation(source={"author": {"type": "bot"}}), "begun_by_us"),
        (
            "conversation.admin.replied",
            old_conversation(part("admin"), conversation_message={"author": {"type": "admin"}}),
            "begun_by_us",
        ),
        ("conversation.admin.single.created", conversation(), "not_about_health"),
        ("conversation.admin.assigned", conversation(), "not_about_health"),
        ("conversation.admin.snoozed", conversation(), "not_about_health"),
        ("conversation.priority.updated", conversation(), "no_change_for_the_customer"),
        ("ticket.state.updated", ticket(), "no_change_for_the_customer"),
        ("ticket.created", ticket(ticket_type={"is_internal": True}), "internal_ticket"),
        ("ticket.created", ticket(category="Tracker"), "internal_ticket"),
        ("company.updated", {}, "not_about_health"),
        ("content_stat.tour", {}, "not_about_health"),
        ("content_stat.email", {"stat_type": "goal_success"}, "not_about_health"),
        ("content_stat.survey", {"stat_type": "completion", "survey_type": "nps"}, "not_about_health"),
        ("content_stat.survey", {"stat_type": "answer", "answer": 3}, "not_about_health"),
        ("contact.lead.created", contact(role="lead", email="", external_id="x"), "anonymous"),
        ("contact.attribute.updated", contact(), "not_about_health"),
        ("ping", {"type": "ping"}, "not_about_health"),
    ],
)
async def test_robots_routine_and_our_own_words_are_ignored(topic, item, reason):
    assert await Shop().ignored("intercom", intercom(topic, item)) == reason


@pytest.mark.parametrize(
    ("topic", "item"),
    [
        ("conversation.rating.added", {"conversation_rating": {"rating": 4, "updated_at": CHANGED_AT}}),
        ("conversation.rating.added", {"conversation_rating": {"rating": 4, "created_at": 1}}),
        ("ticket.rating.provided", {"rating": 4}),
    ],
)
async def test_a_rating_of_five_stars_becomes_0_to_100(topic, item):
    event = await Shop().only("intercom", intercom(topic, conversation(**item)))
    assert (event["type"], event["data"]["satisfaction"]) == ("ticket.rated", 75)
    assert event["time"][:16] == CHANGED[:16]  # when it was given, not when it was asked for


@pytest.mark.parametrize("rating", [None, {}, {"rating": 0}, {"rating": 6}, {"rating": "good"}])
async def test_a_rating_that_is_none_is_kept(rating):
    body = intercom("conversation.rating.added", conversation(conversation_rating=rating))
    answer = await Shop().post("intercom", body)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "missing_rating")


@pytest.mark.parametrize(
    ("topic", "item", "name", "data", "consent"),
    [
        ("contact.unsubscribed", {"contact": contact()}, "email.unsubscribed", {"reason": "customer"}, False),
        ("user.unsubscribed", contact(), "email.unsubscribed", {"reason": "customer"}, False),
        ("contact.subscribed", {"contact": contact()}, "email.subscribed", {}, True),
        (
            "granular.unsubscribe",
            {"contact": contact(), "subscription_types": {"data": [{"id": "9"}]}},
            "email.unsubscribed",
            {"reason": "customer", "list_id": "9"},
            None,
        ),
        (
            "granular.unsubscribe",
            {"contact": contact(), "subscription_types": {"data": [{"content_types": ["sms_message"]}]}},
            "sms.unsubscribed",
            {},
            None,
        ),
    ],
)
async def test_subscriptions(topic, item, name, data, consent):
    shop = Shop()
    event = await shop.only("intercom", intercom(topic, item))
    assert (event["type"], event["data"]) == (name, data)
    assert (shop.profiles()[-1] or {}).get("email_consent") is consent


@pytest.mark.parametrize(
    ("step", "name", "more"),
    [
        ("receipt", "email.sent", {}),
        ("open", "email.opened", {}),
        ("click", "email.clicked", {}),
        ("hard_bounce", "email.bounced", {"kind": "hard"}),
        ("soft_bounce", "email.bounced", {"kind": "soft"}),
        ("spam_complaint", "email.complained", {}),
        ("unsubscribe", "email.unsubscribed", {}),
    ],
)
async def test_each_step_of_a_mail_is_one_event(step, name, more):
    stat = {
        "id": "st1",
        "content_id": "n5",
        "stat_type": step,
        "created_at": CHANGED_AT,
        "contact": contact(),
    }
    for item in ({"type": "content_stat.email", "content_stat": stat}, stat):
        event = await Shop().only("intercom", intercom("content_stat.email", item))
        assert (event["type"], event["id"]) == (name, f"intercom:content_stat:st1:{step}")
        assert event["data"] == {"campaign_id": "n5", "message_id": "st1", **more}


async def test_a_survey_counts_when_it_says_what_it_measures():
    stat = {"id": "st1", "content_id": "s5", "survey_type": "nps", "contact": contact()}
    asked = {"content_stat": {**stat, "stat_type": "receipt"}}
    event = await Shop().only("intercom", intercom("content_stat.survey", asked))
    assert (event["type"], event["data"]) == ("survey.asked", {"survey_id": "s5", "kind": "nps"})
    answered = {"content_stat": {**stat, "stat_type": "answer", "answer": "3"}}
    event = await Shop().only("intercom", intercom("content_stat.survey", answered))
    assert event["data"] == {"survey_id": "s5", "response_id": "st1", "kind": "nps", "score": 3}


@pytest.mark.parametrize(
    "topic", ["contact.user.created", "contact.email.updated", "contact.lead.added_email"]
)
async def test_a_contact_links_its_numbers_to_the_address(topic):
    shop = Shop()
    await shop.shopify("orders/create", order())
    assert (await shop.post("intercom", intercom(topic, contact()))).json()["events"] == []
    item = conversation(source=None)
    later = await shop.only("intercom", intercom("conversation.user.created", item))
    assert later["subject"] == shop.events()[0]["subject"]


async def test_two_contacts_that_intercom_merges_become_one_customer():
    shop = Shop()
    lead = conversation(source=None, contacts={"contacts": [{"id": "con0"}]})
    before = await shop.only("intercom", intercom("conversation.user.created", lead))
    await shop.post("intercom", intercom("contact.user.created", contact()))
    absorbed = contact(merged_from={"type": "contact", "id": "con0"})
    await shop.post("intercom", intercom("contact.merged", absorbed))
    (merged,) = (event for event in shop.events() if event["type"] == "customer.merged")
    after = await shop.only("intercom", intercom("conversation.user.replied", conversation(part("user"))))
    assert {merged["subject"], merged["data"]["into"]} >= {before["subject"], after["subject"]}
    assert after["subject"] == merged["data"]["into"]


@pytest.mark.parametrize("topic", ["contact.deleted", "user.deleted"])
async def test_a_deleted_contact_is_erased(topic):
    shop = Shop()
    await shop.post("intercom", intercom("contact.user.created", contact()))
    await shop.post("intercom", intercom(topic, {"type": "contact", "id": "con1"}))
    assert (shop.events()[-1]["type"], shop.profiles()[-1]) == ("customer.erased", None)
    assert [one.kind for one in await shop.privacy.requests()] == ["redact_customer"]


async def test_saving_the_webhook_asks_by_head_and_is_answered_200():
    shop = Shop()
    assert (await shop.request("HEAD", "/webhooks/intercom")).status_code == 200
    assert (await shop.request("GET", "/webhooks/intercom")).status_code == 405
    assert (await shop.request("HEAD", "/webhooks/shopify")).status_code == 405
    assert (await shop.request("HEAD", "/webhooks/nobody")).status_code == 404


async def test_a_topic_nobody_knows_is_kept_and_never_answered_410():
    answer = await Shop().post("intercom", intercom("conversation.vanished"))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unknown_topic")
