"""Why a customer stands where they stand: the product's own words, and what moved since a day."""

import json
from pathlib import Path

import pytest

from libs.events.families.customer import CustomerErased, CustomerMerged
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.offline.explain import Period, explain, find
from services.scoring.offline.log import EventLog
from tests.unit.scoring.offline.conftest import Run
from tests.unit.scoring.offline.life import FIRST_DAY, life, write
from tests.unit.scoring.shop import Shop, order, signal

CARD = load_scorecard(STARTER)


def test_points_add_up_to_the_score_and_movements_to_its_change(log: EventLog) -> None:
    told = explain(log, CARD, find(log, "ann"), Period(FIRST_DAY + 60, FIRST_DAY + 66))
    health, change = told.snapshot, told.change
    assert sum(c.points for c in health.contributions) == pytest.approx(health.score - health.base)
    moved = sum(part.points for part in change.why)
    assert moved == pytest.approx(change.after.score - change.before.score, abs=0.2)
    assert [abs(part.points) for part in change.why] == sorted(
        (abs(part.points) for part in change.why), reverse=True
    )
    assert change.why[0].signal == "support_sentiment"
    assert change.why[0].text == "1 unresolved negative contact with support"


def test_the_words_are_those_of_the_stream(log: EventLog) -> None:
    shop = Shop()
    for event in life(shop):
        shop.send(event)
    shop.runner.rows.array["said_digest"] = 0
    shop.sweep(89.5)  # midnight: the end of day 89
    told = explain(log, CARD, find(log, "ann"), Period(FIRST_DAY + 60, FIRST_DAY + 89)).snapshot
    said = shop.health("ann")
    assert told.score == said.score
    assert [c.text for c in told.contributions] == [c.text for c in said.contributions]
    assert signal(said, "support_sentiment").points == signal(told, "support_sentiment").points


def test_who_had_not_been_heard_of_is_new(log: EventLog) -> None:
    told = explain(log, CARD, find(log, "bob"), Period(FIRST_DAY + 29, FIRST_DAY + 31))
    assert told.change.before is None
    assert told.change.after.score == told.snapshot.score


def test_somebody_who_was_merged_is_explained_as_who_they_became(run: Run, tmp_path: Path) -> None:
    shop = Shop()
    events = [
        shop.event(order("1"), 0, "anonymous"),
        shop.event(order("2"), 5, "ann"),
        shop.event(CustomerMerged(into="ann"), 6, "anonymous"),
    ]
    answer = run("explain", "anonymous", write(tmp_path / "log", events))
    assert answer.exit_code == 0, answer.output
    assert "anonymous has become ann" in answer.output


def test_the_verb_says_it_in_words(run: Run, path: Path) -> None:
    answer = run("explain", "ann", path, "--at", "2026-03-10", "--since", "2026-03-01")
    assert answer.exit_code == 0, answer.output
    assert "ann (demo) on 2026-03-10: " in answer.output
    assert "1 unresolved negative contact with support" in answer.output
    assert "Since 2026-03-01: " in answer.output
    assert "points add up to" in answer.output


def test_the_verb_says_it_as_json_and_nothing_else(run: Run, path: Path) -> None:
    path = write(path.with_name("broken"), life(Shop()))
    path.write_bytes(path.read_bytes() + b"{\n")
    answer = run("explain", "demo/ann", path, "--json")
    body = json.loads(answer.stdout)
    assert "1 lines of" in answer.stderr
    assert (body["customer"], body["tenant"], body["at"], body["since"]) == (
        *("ann", "demo"),
        *("2026-04-01", "2026-03-02"),
    )
    assert body["snapshot"]["score"] == body["change"]["after"]["score"]
    assert body["snapshot"]["contributions"][0]["signal"] == "purchase_recency"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("anna",), "customer 'anna' is not in it; near: ann"),
        (("zzzzzz",), "nobody of a similar name"),
        (("bob", "--at", "2026-01-10"), "nothing had been heard of them by then"),
        (("ann", "--at", "2027-01-10"), "--at 2027-01-10: the events came from 2026-01-01 to 2026-04-01"),
        (("ann", "--since", "2026-04-01"), "--since 2026-04-01 must be before 2026-04-01"),
    ],
)
def test_what_cannot_be_explained_is_refused_with_the_reason(
    run: Run, path: Path, words: tuple[str, ...], why: str
) -> None:
    name, *options = words
    answer = run("explain", name, path, *options)
    assert answer.exit_code == 1
    assert why in answer.stderr


def test_a_name_in_two_shops_is_asked_for_with_its_tenant(run: Run, tmp_path: Path) -> None:
    shop = Shop()
    events = [shop.event(order("1"), 0, "ann", tenant=name) for name in ("north", "south")]
    path = write(tmp_path / "log", events)
    answer = run("explain", "ann", path)
    assert "name one of north/ann, south/ann" in answer.stderr
    assert run("explain", "south/ann", path).exit_code == 0


def test_somebody_who_was_erased_is_nobody(run: Run, tmp_path: Path) -> None:
    shop = Shop()
    events = [
        shop.event(order("1"), 0),
        shop.event(order("2"), 0, "c2"),
        shop.event(CustomerErased(request_id="r"), 1),
    ]
    answer = run("explain", "c1", write(tmp_path / "log", events))
    assert answer.exit_code == 1
    assert "or they have been erased" in answer.stderr
