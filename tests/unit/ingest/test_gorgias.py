"""Gorgias: a token instead of a signature; tickets and messages, whole or from a template, become events."""

import pytest

from tests.unit.ingest.shop import Shop, dumps, order
from tests.unit.ingest.tools import FORM, SECRETS, encoded, gorgias, gorgias_message

COMMON = {"ticket_id": "4400", "priority": "normal", "channel": "chat"}
CLOSED = {"status": "closed", "closed_datetime": "2024-05-31T10:00:00"}


async def test_a_ticket_is_opened_and_only_its_class_is_kept():
    shop = Shop()
    event = await shop.only("gorgias", gorgias("ticket-created"))
    assert (event["type"], event["id"]) == ("ticket.opened", "gorgias:ticket:4400:opened")
    assert (event["data"], event["time"]) == (
        {**COMMON, "sentiment": "negative"},
        "2024-05-31T08:00:00.500000Z",
    )
    assert not any(b"terrible" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize(
    ("event", "ticket", "name", "number", "time"),
    [
        ("ticket-updated", CLOSED, "solved", "4400:solved:20240531T100000", "2024-05-31T10:00:00Z"),
        ("ticket-status-updated", CLOSED, "solved", "4400:solved:20240531T100000", "2024-05-31T10:00:00Z"),
        ("ticket_status_updated", {}, "reopened", "4400:reopened:20240531T090000", "2024-05-31T09:00:00Z"),
    ],
)
async def test_what_became_of_a_ticket(event, ticket, name, number, time):
    found = await Shop().only("gorgias", gorgias(event, **ticket))
    assert (found["type"], found["id"]) == (f"ticket.{name}", f"gorgias:ticket:{number}")
    assert (found["data"], found["time"]) == (COMMON, time)


async def test_a_closed_ticket_is_one_fact_by_whichever_trigger():
    shop = Shop()
    by_status = await shop.only("gorgias", gorgias("ticket-status-updated", **CLOSED))
    by_update = await shop.only("gorgias", gorgias("ticket-updated", **CLOSED))
    assert by_status["id"] == by_update["id"]


@pytest.mark.parametrize("stars", [1, "4", 5])
async def test_a_satisfaction_survey_is_asked_and_rated_on_its_scale_of_five(stars):
    survey = {"id": 1, "sent_datetime": "2024-05-31T11:00:00.5", "scored_datetime": "2024-05-31T12:00:00"}
    shop = Shop()
    await shop.post("gorgias", gorgias("ticket-updated", satisfaction_survey={**survey, "score": stars}))
    asked, rated = shop.events()
    assert (asked["type"], asked["data"]) == ("survey.asked", {"survey_id": "4400", "kind": "csat"})
    assert (rated["type"], rated["time"]) == ("ticket.rated", "2024-05-31T12:00:00Z")
    assert rated["data"] == {**COMMON, "satisfaction": (int(stars) - 1) * 25}


async def test_a_rating_outside_the_scale_is_kept():
    answer = await Shop().post("gorgias", gorgias("ticket-updated", satisfaction_survey={"score": 6}))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "missing_rating")


@pytest.mark.parametrize(
    ("from_agent", "data"),
    [(False, {"sentiment": "negative"}), (True, {"by_customer": False})],
)
@pytest.mark.parametrize("in_ticket", [False, True])
async def test_an_agents_words_are_not_the_customers_mood(from_agent, data, in_ticket):
    shop, said = Shop(), gorgias_message(from_agent=from_agent)
    body = gorgias("ticket-message-created", last_message=said) if in_ticket else said
    event = await shop.only("gorgias", body)
    assert (event["type"], event["id"]) == ("ticket.commented", "gorgias:message:8800")
    expected = {**COMMON, **data}
    assert event["data"] == {name: expected[name] for name in expected if in_ticket or name != "priority"}
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"public": False}, "internal_note"),
        ({"channel": "internal-note"}, "internal_note"),
        ({"headers": {"Auto-Submitted": "auto-replied"}}, "automatic_reply"),
        ({"from_agent": True, "rule_id": 4}, "automatic_reply"),
    ],
)
async def test_what_nobody_wrote_to_the_shop_is_ignored(message, reason):
    assert await Shop().ignored("gorgias", gorgias_message(**message)) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gorgias("ticket-created", from_agent=True), "no_change_for_the_customer"),
        (gorgias("ticket-created", spam=True), "spam"),
        (gorgias("ticket-updated"), "no_change_for_the_customer"),
        (gorgias("ticket-assignment-updated"), "not_about_health"),
        (gorgias("ticket-handed-over"), "not_about_health"),
        (gorgias("ticket-self-unsnoozed"), "not_about_health"),
        (
            gorgias("ticket-message-created", from_agent=True, last_message=gorgias_message(from_agent=True)),
            "begun_by_us",
        ),
    ],
)
async def test_what_changes_nothing_for_the_customer_is_ignored(body, reason):
    assert await Shop().ignored("gorgias", body) == reason


async def test_a_ticket_without_a_trigger_says_all_it_is():
    shop = Shop()
    await shop.post("gorgias", gorgias(**CLOSED, satisfaction_survey={"score": 2})["ticket"])
    assert [event["type"] for event in shop.events()] == ["ticket.opened", "ticket.solved", "ticket.rated"]


async def test_the_trigger_may_be_in_the_address():
    shop, raw = Shop(), dumps(gorgias()["ticket"])
    headers = {"content-type": "application/json", "x-greenline-token": SECRETS["gorgias"]}
    answer = await shop.request("POST", "/webhooks/gorgias?event=ticket-status-updated", raw, headers)
    assert answer.json()["events"] == ["gorgias:ticket:4400:reopened:20240531T090000"]


@pytest.mark.parametrize("kind", [FORM, "application/json"])
async def test_a_templates_texts_are_read_as_what_they_stand_for(kind):
    ticket = {
        "id": "4400",
        "status": "open",
        "channel": "email",
        "priority": "critical",
        "spam": "False",
        "from_agent": "False",
        "created_datetime": "2024-05-31 08:00:00.5",
        "closed_datetime": "None",
        "customer": {"id": "61", "email": "ada@shopper.example", "name": "Ada Byron", "external_id": "None"},
        "last_message": {"id": "8800", "from_agent": "False", "rule_id": "None", "body_text": "late, awful"},
    }
    body = {"event": "ticket-created", "ticket": ticket}
    shop, raw = Shop(), encoded(body) if kind == FORM else dumps(body)
    answer = await shop.post("gorgias", raw, {"content-type": kind})
    assert answer.json()["events"] == ["gorgias:ticket:4400:opened"]
    (event,) = shop.events()
    urgent = {"ticket_id": "4400", "priority": "urgent", "channel": "email", "sentiment": "negative"}
    assert (event["data"], event["time"]) == (urgent, "2024-05-31T08:00:00.500000Z")


async def test_the_tools_own_marks_come_before_the_words():
    tagged = gorgias("ticket-created", tags=[{"id": 1, "name": "sentiment_positive"}])
    assert (await Shop().only("gorgias", tagged))["data"]["sentiment"] == "positive"
    marked = gorgias_message(sentiments=[{"name": "positive"}])
    assert (await Shop().only("gorgias", marked))["data"]["sentiment"] == "positive"


async def test_the_address_leads_to_the_shops_customer():
    shop = Shop()
    await shop.shopify("orders/create", order())
    event = await shop.only("gorgias", gorgias("ticket-created"))
    assert event["subject"] == shop.events()[0]["subject"]


@pytest.mark.parametrize(
    "body", [{"id": 123, "created_datetime": "2024-05-31T08:00:00Z"}, {"event": "other"}]
)
async def test_what_is_neither_ticket_nor_message_is_kept(body):
    answer = await Shop().post("gorgias", body)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unknown_topic")


@pytest.mark.parametrize("token", [None, "", "wrong", SECRETS["gorgias"] + "x", SECRETS["gorgias"][:-1]])
async def test_without_the_token_nothing_is_taken(token):
    shop = Shop()
    answer = await shop.post("gorgias", gorgias("ticket-created"), {"x-greenline-token": token})
    assert answer.status_code == 401
    assert shop.log.records == []
