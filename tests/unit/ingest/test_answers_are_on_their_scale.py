"""An answer to a survey is on its own scale: 7 of 10 is no CSAT, by whichever door it comes."""

import json
from typing import Any

import pytest

from libs.events import decode_hot
from libs.events.families.relationship import SCALES
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.limits import check
from tests.unit.ingest.shop import Shop, standard
from tests.unit.ingest.test_events_api import ORDER, make_shop, post

BEYOND = [("nps", -1), ("nps", 11), ("csat", 0), ("csat", 6), ("ces", 0), ("ces", 8)]


def answer(kind: str, score: int) -> dict[str, Any]:
    return {"survey_id": "s", "response_id": "r", "kind": kind, "score": score}


async def given(kind: str, score: int) -> Shop:
    shop = Shop()
    said = {**answer(kind, score), "customer": {"id": "7001"}}
    await shop.post("standard", standard("survey.answered", said))
    return shop


@pytest.mark.parametrize("kind", SCALES)
async def test_its_ends_are_on_it(kind: str) -> None:
    for end in SCALES[kind]:
        assert [event["data"]["score"] for event in (await given(kind, end)).events()] == [end]


@pytest.mark.parametrize(("kind", "score"), BEYOND)
async def test_what_is_beyond_is_kept_where_a_webhook_says_it(kind: str, score: int) -> None:
    shop = await given(kind, score)
    assert shop.events() == []
    assert [letter.reason for letter in shop.letters.letters.values()] == ["invalid_data"]


@pytest.mark.parametrize(("kind", "score"), BEYOND)
async def test_what_is_beyond_is_refused_where_an_event_is_posted(kind: str, score: int) -> None:
    event = {**ORDER, "type": "survey.answered", "data": answer(kind, score)}
    assert (await post(make_shop(), event)).status_code == 422


async def test_a_line_of_a_file_is_judged_as_scoring_will_read_it() -> None:
    (event,) = (await given("csat", 5)).events()
    event["data"]["score"] = 9
    told = decode_hot(json.dumps(event).encode(), "survey.answered")
    with pytest.raises(NotUnderstoodError, match="csat is 1 to 5"):
        check(told, told.time, 1_000)
