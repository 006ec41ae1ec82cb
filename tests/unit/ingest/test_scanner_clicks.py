"""Clicks that come before anybody can have read the message, where the provider says when it was sent."""

import pytest

from services.ingest.settings import IngestSettings
from tests.unit.ingest.shop import Shop, klaviyo

AT = 1717200000  # when everything in a delivery of `klaviyo` happened
BATCH = "$_cohort$message_send_cohort"


async def click(properties: dict, topic: str = "clicked_email", shop: Shop | None = None) -> dict:
    shop = shop or Shop()
    answer = await shop.post("klaviyo", klaviyo((topic, "e1", properties)))
    assert answer.status_code == 200, answer.text
    (event,) = shop.events()
    return event["data"]


@pytest.mark.parametrize("topic", ["clicked_email", "clicked_sms"])
@pytest.mark.parametrize("after_s", [0, 3, 9])
async def test_a_click_within_seconds_of_the_sending_is_a_machines(topic, after_s):
    assert await click({BATCH: f"{AT - after_s}:C1"}, topic) == {"machine": True}


@pytest.mark.parametrize("after_s", [10, 11, 3600])
async def test_a_later_click_is_a_persons(after_s):
    assert await click({BATCH: f"{AT - after_s}:C1"}) == {}


async def test_a_click_before_the_sending_says_nothing():
    assert await click({BATCH: f"{AT + 5}:C1"}) == {}


@pytest.mark.parametrize(
    "said",
    [None, "", "C1", ":C1", "x:C1", "1e9:C1", "9" * 15 + ":C1", "9" * 40, {"a": 1}, ["1717200000:C1"], True],
)
async def test_a_click_whose_sending_nobody_can_read_is_taken_as_it_is(said):
    assert await click({BATCH: said}) == {}


async def test_a_click_that_klaviyo_marks_itself_stays_a_machines_however_late():
    assert await click({BATCH: f"{AT - 3600}:C1", "Bot Click": True}) == {"machine": True}


@pytest.mark.parametrize("topic", ["received_email", "opened_email"])
async def test_only_clicks_are_told_by_their_time(topic):
    assert await click({BATCH: f"{AT - 3}:C1"}, topic) == {}


async def test_how_soon_is_too_soon_is_a_setting():
    patient = Shop(settings=IngestSettings(scanner_click_s=60))
    assert await click({BATCH: f"{AT - 59}:C1"}, shop=patient) == {"machine": True}
    never = Shop(settings=IngestSettings(scanner_click_s=0))
    assert await click({BATCH: f"{AT}:C1"}, shop=never) == {}
