"""Another scorecard comes into force: everybody is said anew, and it is nobody's news."""

from datetime import UTC, datetime

import pytest

from libs.events.families.engagement import SiteVisited
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain import scorecard
from services.scoring.domain.row import ROW
from services.scoring.domain.scorecard import Bands, Scorecard
from services.scoring.service import Scorer
from tests.unit.scoring.shop import Shop, changes, order, snapshots

STRICT = load_scorecard(STARTER).model_copy(update={"version": "strict-1", "bands": Bands(green=95, red=85)})
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def switch(shop: Shop, card: Scorecard) -> None:
    """The worker starts again with another scorecard: the same rows and memo."""
    shop.runner.service = Scorer(card, wall=lambda: 0.0)


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    for customer in ("c1", "c2"):
        made.happens(order(1), 0, customer)
        made.happens(SiteVisited(session_id="s"), 1, customer)
    assert made.health().band == "green"
    switch(made, STRICT)
    return made


def test_a_sweep_says_everybody_once_without_a_change(shop: Shop) -> None:
    said = shop.sweep(1.1)
    assert changes(said) == changes(said, "c2") == []
    [first], [second] = snapshots(said), snapshots(said, "c2")
    for event in (first, second):
        assert (event.backfill, event.data.cause, event.data.scorecard) == (True, "scorecard", "strict-1")
        assert event.data.band == "red"
    assert shop.sweep(1.1) == []


def test_a_live_event_is_news_against_what_the_new_card_said(shop: Shop) -> None:
    said = shop.happens(order(2), 2)
    silent, live = snapshots(said)
    assert (silent.backfill, live.backfill) == (True, False)
    [change] = changes(said)
    assert (change.data.before.score, change.data.before.band) == (pytest.approx(silent.data.score), "red")
    assert [e.data.cause for e in snapshots(shop.sweep(2.1), "c2")] == ["scorecard"]


def test_the_same_card_started_again_says_nothing(shop: Shop) -> None:
    shop.sweep(1.1)
    switch(shop, STRICT)
    assert shop.sweep(1.1) == []


def test_an_edited_card_under_the_same_version_is_another_one(shop: Shop) -> None:
    shop.sweep(1.1)
    switch(shop, STRICT.model_copy(update={"bands": Bands(green=60, red=40)}))
    [said] = snapshots(shop.sweep(1.2))
    assert (said.data.cause, said.data.band, said.backfill) == ("scorecard", "green", True)


def test_the_same_card_under_another_model_is_another_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sweep(1.1)
    monkeypatch.setattr(scorecard, "MODEL", scorecard.MODEL + 1)
    switch(shop, STRICT)
    [said] = snapshots(shop.sweep(1.2))
    assert (said.data.cause, said.backfill) == ("scorecard", True)


def test_new_customers_are_news_at_once(shop: Shop) -> None:
    said = shop.happens(order(1), 1.1, "new")
    assert [event.backfill for event in snapshots(said, "new")] == [False]
    assert [change.data.before for change in changes(said, "new")] == [None]


def test_what_was_owed_before_the_switch_is_still_news(shop: Shop) -> None:
    switch(shop, load_scorecard(STARTER))
    shop.sweep(1.1)
    shop.waits(shop.event(order(2), 2))
    switch(shop, STRICT)
    said = shop.sweep(2.1)
    assert [event.backfill for event in snapshots(said)] == [False]
    assert len(changes(said)) == 1


def test_a_row_is_no_larger_for_it() -> None:
    assert ROW.itemsize == 1152


def test_another_version_with_the_same_numbers_is_said_too(shop: Shop) -> None:
    """Every snapshot names the card it was made with."""
    shop.sweep(1.1)
    switch(shop, STRICT.model_copy(update={"version": "strict-2"}))
    [said] = snapshots(shop.sweep(1.1))
    assert (said.data.scorecard, said.data.cause, said.backfill) == ("strict-2", "scorecard", True)
