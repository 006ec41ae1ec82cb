"""Typeform: questions of satisfaction become survey answers, everything else of a form stays out."""

import pytest

from tests.unit.ingest.shop import Shop, order, source
from tests.unit.ingest.tools import typeform

NOWHERE = {"answers": [{"type": "number", "number": 9, "field": {"id": "q0", "type": "nps"}}]}


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        (("nps", "4f0c-11aa", 10), "nps"),
        (("nps", "4f0c-11aa", 0), "nps"),
        (("opinion_scale", "nps_2024", 7), "nps"),
        (("rating", "csat", 5), "csat"),
        (("opinion_scale", "CSAT-delivery", 1), "csat"),
        (("number", "ces.checkout", 7), "ces"),
    ],
)
async def test_a_question_counts_by_its_type_or_reference(question, kind):
    event = await Shop().only("typeform", typeform(question))
    assert (event["type"], event["id"]) == ("survey.answered", "typeform:response:tok1:q0")
    score = {"kind": kind, "score": question[2]}
    assert event["data"] == {"survey_id": "form1", "response_id": "tok1", **score}
    assert event["time"] == "2024-05-31T08:00:00Z"


async def test_each_question_is_an_event_and_a_redelivery_the_same():
    shop = Shop()
    body = typeform(("nps", "x", 3), ("rating", "weather", 4), ("rating", "csat", 2))
    first = await shop.post("typeform", body)
    again = await shop.post("typeform", {**body, "event_id": "ev2"})
    assert first.json()["events"] == ["typeform:response:tok1:q0", "typeform:response:tok1:q2"]
    assert first.json() == again.json()


async def test_a_reference_on_the_answer_is_enough():
    body = typeform(("rating", "", 4), definition=None)
    body["form_response"]["answers"][0]["field"]["ref"] = "csat"
    assert (await Shop().only("typeform", body))["data"]["kind"] == "csat"


@pytest.mark.parametrize("question", [("nps", "x", 11), ("rating", "csat", 0), ("rating", "ces", 8)])
async def test_a_score_outside_its_scale_is_kept(question):
    answer = await Shop().post("typeform", typeform(question))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "missing_rating")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (typeform(("rating", "weather", 4), ("opinion_scale", "cesspool", 2)), "no_survey_question"),
        (typeform(), "no_survey_question"),
        ({"event_type": "form_response_partial"}, "unfinished_form"),
        (typeform(("nps", "x", 9), **NOWHERE), "anonymous"),
    ],
)
async def test_a_form_that_measures_nothing_or_nobody_is_ignored(body, reason):
    shop = Shop()
    assert await shop.ignored("typeform", body) == reason
    assert shop.identities.book.owners == {}


async def test_no_words_leave_the_form():
    shop = Shop()
    await shop.only("typeform", typeform(("nps", "x", 9)))
    assert not any(b"lovely" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize("hidden", [{"email": "ada@shopper.example"}, {"customer_id": "7001"}])
async def test_hidden_fields_lead_to_the_shops_customer(hidden):
    linked = source("typeform", same_as={"typeform.customer": "shopify.customer"})
    shop = Shop(sources=(source("shopify"), linked))
    await shop.shopify("orders/create", order())
    event = await shop.only("typeform", typeform(("nps", "x", 9), **NOWHERE, hidden=hidden))
    assert event["subject"] == shop.events()[0]["subject"]


async def test_another_event_type_is_kept():
    answer = await Shop().post("typeform", {"event_type": "form_deleted"})
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unknown_topic")
