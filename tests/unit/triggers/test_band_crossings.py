"""What a crossing is in a language of levels: true only after it has been seen to be otherwise."""

import pytest

from tests.unit.triggers.shop import Shop, cleared, fired, probe, standard

BANDS = ("green", "yellow", "red")


@pytest.fixture
def shop() -> Shop:
    return Shop(standard())


def walk(shop: Shop, *bands: str) -> list[str]:
    """Four days in each band; what fired on the way."""
    said: list[str] = []
    for band in bands:
        said += fired(shop.see(band=band) + shop.pass_days(4))
    return said


@pytest.mark.parametrize("band", BANDS)
def test_who_is_first_seen_in_a_band_has_not_crossed_into_it(shop: Shop, band: str) -> None:
    assert walk(shop, band, band) == []


def test_each_line_is_told_as_it_is_crossed(shop: Shop) -> None:
    assert walk(shop, "green", "yellow") == ["band-left-green"]
    assert walk(shop, "red") == ["band-turned-red"]
    assert walk(shop, "yellow") == []  # better, but not well
    assert walk(shop, "green") == ["band-recovered"]


def test_a_fall_from_green_to_red_crosses_both_lines(shop: Shop) -> None:
    assert walk(shop, "green", "red") == ["band-left-green", "band-turned-red"]


def test_who_was_yellow_when_first_seen_can_turn_red_and_recover(shop: Shop) -> None:
    assert walk(shop, "yellow", "red", "green") == ["band-turned-red", "band-recovered"]


def test_green_counts_as_recovered_after_three_days_of_it(shop: Shop) -> None:
    walk(shop, "red")
    assert fired(shop.see(band="green") + shop.pass_days(2)) == []
    shop.see(band="yellow")
    assert fired(shop.see(band="green") + shop.pass_days(2)) == []
    assert fired(shop.pass_days(1)) == ["band-recovered"]


def test_a_band_that_flaps_is_told_once_in_its_cooldown(shop: Shop) -> None:
    walk(shop, "green")
    said: list[str] = []
    for _ in range(6):
        said += walk(shop, "yellow", "green")  # eight days a round: 48 in all
    assert said.count("band-left-green") == said.count("band-recovered") == 3


def test_what_history_left_behind_recovers_without_having_fired(shop: Shop) -> None:
    assert fired(shop.see(band="red", backfill=True) + shop.pass_days(4)) == []
    events = shop.see(band="green") + shop.pass_days(4)
    assert (fired(events), cleared(events)) == (["band-recovered"], [])


def test_who_is_gone_by_their_own_rhythm_crosses_no_line(shop: Shop) -> None:
    walk(shop, "green")
    assert fired(shop.see(band="red", stage="lapsed") + shop.pass_days(4)) == []


def test_a_crossing_starts_anew_after_a_tombstone(shop: Shop) -> None:
    walk(shop, "green")
    shop.forget("ann")
    assert walk(shop, "red") == []


def test_without_the_word_the_same_condition_fires_at_first_sight() -> None:
    assert fired(Shop(probe("band = 'red'")).see(band="red")) == ["probe"]
    assert fired(Shop(probe("band = 'red'", crossing="true")).see(band="red")) == []
