"""A day's frame says of every customer what a sweep at the end of that day says on customer.health."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from libs.events import AnyEvent, Facts, decode
from libs.events.families.health import HealthSnapshot
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.offline.frames import daily
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import WEEK
from services.triggers.adapters.rule_file import STANDARD, load
from services.triggers.domain.evaluator import Evaluator
from services.triggers.offline.frames import columns_of
from tests.unit.scoring.offline.conftest import Run
from tests.unit.scoring.offline.life import FIRST_DAY, ends, life
from tests.unit.scoring.shop import Shop
from tests.unit.triggers.offline.test_live_and_dry_agree import dry, live

CARD = load_scorecard(STARTER)
LAST = 89
OWN = ("scorecard", "score", "band", "confidence", "stage", "segment", "tier", "p_buy")


@pytest.fixture(scope="module")
def frame(log: EventLog) -> pl.DataFrame:
    (day,) = daily(log, CARD, FIRST_DAY + LAST, FIRST_DAY + LAST)
    return day.frame


def streamed() -> dict[str, Any]:
    """The stream's snapshots at the end of the day, swept on the days on which a replay looks."""
    shop, waiting = Shop(), []
    events = life(shop)
    for day in range(LAST % WEEK, LAST + 1, WEEK):
        waiting = [event for event in events if event.time.timestamp() >= ends(day)]
        past = events[: len(events) - len(waiting)]
        if past:
            shop.waits(*past)
        events = waiting
        shop.runner.rows.array["said_digest"] = 0  # everybody speaks
        shop.runner.sweep(datetime.fromtimestamp(ends(day), UTC))
    return {who: shop.health(who) for who in ("ann", "bob")}


def test_a_frame_says_what_the_stream_publishes(frame: pl.DataFrame) -> None:
    said = streamed()
    assert frame["customer"].to_list() == ["ann", "bob"]
    for line in frame.iter_rows(named=True):
        health = said[line["customer"]]
        assert {name: line[name] for name in OWN} == {name: getattr(health, name) for name in OWN}
        assert {name: line[name] for name in Facts.model_fields} == health.facts.model_dump()
        told = {c.signal: (c.value, c.evidence, c.points) for c in health.contributions}
        seen = {
            name.removesuffix("_value"): (line[name], *(line[name[:-5] + w] for w in ("evidence", "points")))
            for name in frame.columns
            if name.endswith("_value") and line[name] is not None
        }
        assert seen == told
    assert said["ann"].facts.open_negative_tickets == 1
    assert said["bob"].facts.subscription_state == "paused"


def test_times_are_utc_counts_are_whole_and_what_is_not_known_is_null(frame: pl.DataFrame) -> None:
    assert frame.schema["last_order_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["spend_total"] == frame.schema["orders_total"] == pl.Int64
    assert frame.schema["excluded"] == pl.Boolean
    assert frame["day"].to_list() == [date(2026, 3, 31)] * 2
    assert frame["now"].to_list() == [datetime(2026, 4, 1, tzinfo=UTC)] * 2
    assert frame["subscription_state"].to_list() == [None, "paused"]
    assert frame["support_sentiment_value"].is_null().to_list() == [False, True]
    assert not any(frame[name].is_nan().any() for name in frame.columns if frame.schema[name].is_float())


def test_the_rules_read_a_frame_as_it_is(frame: pl.DataFrame) -> None:
    rules = load(STANDARD)
    held = dict(
        zip([rule.id for rule in rules], Evaluator(rules).evaluate(columns_of(frame)).when.T, strict=True)
    )
    assert held["negative-support-unresolved"].tolist() == [True, False]
    assert held["subscription-pause-or-cancel"].tolist() == [False, False]  # longer than a week ago


def told_daily() -> Iterator[list[AnyEvent]]:
    """What the stream publishes at the end of each day."""
    shop = Shop()
    events = life(shop)
    for day in range(LAST + 1):
        ending = datetime.fromtimestamp(ends(day), UTC)
        today = [event for event in events if ending - timedelta(days=1) <= event.receivedat < ending]
        if today:
            shop.waits(*today)
        shop.runner.rows.array["said_digest"] = 0  # everybody speaks
        said = [decode(record.value or b"") for record in shop.runner.sweep(ending)]
        yield [event for event in said if isinstance(event.data, HealthSnapshot)]


def test_rules_fire_on_frames_as_they_fire_on_the_stream(log: EventLog, tmp_path: Path) -> None:
    for day in daily(log, CARD, FIRST_DAY, FIRST_DAY + LAST):
        day.frame.write_parquet(tmp_path / day.name)
    rules = load(STANDARD)
    fired = dry(rules, tmp_path)
    assert {("trigger:negative-support-unresolved:demo/ann:1", datetime(2026, 3, 9, tzinfo=UTC))} < fired
    assert fired == live(rules, told_daily())


def test_nobody_is_in_a_frame_before_they_were_heard_of(log: EventLog) -> None:
    days = list(daily(log, CARD, FIRST_DAY + 28, FIRST_DAY + 31))
    assert [day.frame["customer"].to_list() for day in days] == [["ann"], ["ann"], *[["ann", "bob"]] * 2]
    assert [day.name for day in days][:2] == ["2026-01-29.parquet", "2026-01-30.parquet"]


def test_the_verb_writes_a_file_a_day(run: Run, path: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    answer = run("replay", path, "--from", "2026-02-01", "--to", "2026-02-03", "--out", out)
    assert answer.exit_code == 0, answer.output
    assert "3 days, 6 rows, scorecard starter-1" in answer.output
    assert sorted(file.name for file in out.iterdir()) == [f"2026-02-0{day}.parquet" for day in (1, 2, 3)]
    assert pl.read_parquet(out / "*.parquet").height == 6


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("2026-02-03", "2026-02-01", "--from 2026-02-03 is after --to 2026-02-01: swap them"),
        ("2025-12-31", "2026-02-01", "its events came from 2026-01-01 to 2026-04-01: name a --from"),
        ("2026-02-01", "2026-04-02", "its events came from 2026-01-01 to 2026-04-01: name a --from"),
        ("soon", "2026-04-02", "'soon' is no date: write it as 2026-01-31"),
    ],
)
def test_days_that_the_log_does_not_have_are_refused(
    run: Run, path: Path, tmp_path: Path, first: str, last: str, why: str
) -> None:
    answer = run("replay", path, "--from", first, "--to", last, "--out", tmp_path / "frames")
    assert answer.exit_code == 1
    assert why in answer.stderr


def test_days_of_two_runs_never_lie_in_one_folder(run: Run, path: Path, tmp_path: Path) -> None:
    words = ("replay", path, "--from", "2026-02-01", "--to", "2026-02-01", "--out", tmp_path)
    assert run(*words).exit_code == 0
    again = run(*words)
    assert again.exit_code == 1
    assert "holds Parquet files already" in again.stderr


def test_a_file_without_an_event_is_refused(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "none.csv"
    empty.write_text("customer_id,time,amount\n")
    answer = run("replay", empty, "--from", "2026-02-01", "--to", "2026-02-01", "--out", tmp_path)
    assert answer.exit_code == 1
    assert "no event that can be used" in answer.stderr
