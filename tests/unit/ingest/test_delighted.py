"""Delighted: each survey on its own scale becomes an answer on ours; a repetition is no news."""

import pytest

from tests.unit.ingest.shop import Shop, order
from tests.unit.ingest.tools import CHANGED_AT, delighted


@pytest.mark.parametrize(
    ("survey", "given", "kind", "score"),
    [
        ("nps", 0, "nps", 0),
        ("nps", 10, "nps", 10),
        (None, 9, "nps", 9),
        ("csat", 1, "csat", 1),
        ("csat", 5, "csat", 5),
        ("five_star", 4, "csat", 4),
        ("smileys", 2, "csat", 2),
        ("thumbs", 0, "csat", 1),
        ("thumbs", 1, "csat", 5),
        ("ces", 1, "ces", 1),
        ("ces", 2, "ces", 3),
        ("ces", 3, "ces", 4),
        ("ces", 5, "ces", 7),
    ],
)
async def test_a_score_is_brought_to_the_scale_of_its_kind(survey, given, kind, score):
    event = await Shop().only("delighted", delighted(survey_type=survey, score=given))
    assert (event["type"], event["time"]) == ("survey.answered", "2024-05-31T08:00:00Z")
    expected = {"response_id": "770", "kind": kind, "score": score}
    assert event["data"] == {"survey_id": f"delighted-{survey or 'nps'}", **expected}


async def test_a_comment_added_is_the_same_answer_and_another_score_is_not():
    shop = Shop()
    first = await shop.only("delighted", delighted())
    updated = {"comment": "superb", "updated_at": CHANGED_AT}
    same = await shop.only("delighted", delighted("survey_response.updated", **updated))
    other = await shop.only("delighted", delighted("survey_response.updated", **updated, score=2))
    assert first["id"] == same["id"] != other["id"]
    assert (other["time"], other["data"]["score"]) == ("2024-05-31T09:00:00Z", 2)
    assert not any(b"superb" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"score": None}, "missing_rating"),
        ({"score": 11}, "missing_rating"),
        ({"survey_type": "ces", "score": 6}, "missing_rating"),
        ({"survey_type": "horoscope"}, "unknown_survey"),
    ],
)
async def test_a_score_without_a_known_scale_is_kept(data, reason):
    answer = await Shop().post("delighted", delighted(**data))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, reason)


@pytest.mark.parametrize("survey", ["enps", "pmf"])
async def test_what_does_not_measure_customers_is_ignored(survey):
    assert await Shop().ignored("delighted", delighted(survey_type=survey)) == "not_about_health"


async def test_leaving_the_surveys_is_a_sign_and_no_word_on_consent():
    shop = Shop()
    await shop.only("delighted", delighted())
    body = {**delighted("unsubscribe.created"), "event_data": {"person_id": "31"}}
    event = await shop.only("delighted", body)
    assert (event["type"], event["data"]) == (
        "email.unsubscribed",
        {"list_id": "delighted", "reason": "surveys"},
    )
    assert (event["id"], event["time"]) == (f"delighted:event:{'0f' * 32}", "2024-06-01T12:00:00Z")
    assert event["subject"] == shop.events()[0]["subject"]
    assert "email_consent" not in (shop.profiles()[-1] or {})


async def test_the_address_leads_to_the_shops_customer():
    shop = Shop()
    await shop.shopify("orders/create", order())
    event = await shop.only("delighted", delighted())
    assert event["subject"] == shop.events()[0]["subject"]


async def test_another_event_type_is_kept():
    answer = await Shop().post("delighted", delighted("person.created"))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unknown_topic")
