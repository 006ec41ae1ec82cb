"""`greenline triggers dry-run`: figures, files, words, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.triggers.__main__ import app
from tests.unit.triggers.offline.past import Day, bought, file_of, frame, write

RULES = """
rules:
  - {id: low, level: red, title: Low score, when: score < 30, clear: score > 60, for: 1d, cooldown: 1d,
     labels: {team: t}, annotations: {reason: "{score}"}}
  - {id: lower, level: red, title: Lower score, when: score < 20, cooldown: 0s,
     labels: {team: t}, annotations: {reason: "{score}"}}
  - {id: visits, level: yellow, title: No visits, when: visits_30d = 0 AND site_tracking_live,
     labels: {team: t}, annotations: {reason: "{visits_30d}"}}
  - {id: rich-and-of-a-very-long-name, level: green, title: Rich, when: spend_total > 1000,
     labels: {team: t}, annotations: {reason: "{spend_total}"}}
"""
# Ann flaps, Bob falls once and comes back with an order, Cid was low before anybody looked.
ANN = [50, 25, 25, 40, 25, 40, 25, 25, 70, 10, 10, 10, 10, 10, 10]
BOB = [50, 50, 50, 10, 10, 10, 50, 50, 50, 50, 50, 50, 50, 50, 50]

Run = Callable[..., Result]


def past() -> list[Day]:
    facts = {"site_tracking_live": False, "spend_total": 10}
    return [
        {
            "ann": {**facts, "score": ann, "last_order_at": bought(0.5)},
            "bob": {**facts, "score": bob, "last_order_at": bought(6.5 if day >= 6 else 0.5)},
            "cid": {**facts, "score": 5},
        }
        for day, (ann, bob) in enumerate(zip(ANN, BOB, strict=True))
    ]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return write(tmp_path / "frames", past())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["dry-run", *map(str, words)])


@pytest.fixture
def body(run: Run, rules: Path, frames: Path, tmp_path: Path) -> Any:
    words = (
        "--rules",
        rules,
        "--frames",
        frames,
        "--horizon",
        5,
        "--minutes-per-task",
        30,
        "--out",
        tmp_path,
    )
    answer = run(*words)
    assert answer.exit_code == 0, answer.output
    return json.loads((tmp_path / "dry-run.json").read_text())


def figures(body: Any, rule: str) -> Any:
    (told,) = (told for told in body["sets"][0]["rules"] if told["rule"] == rule)
    return told["figures"]


def test_firings_customers_and_flaps_are_counted(body: Any) -> None:
    low, lower = figures(body, "low"), figures(body, "lower")
    # Ann: day 2 (held from 1), clear on 8, held from 9, fires on 10. Bob: held from 3, fires on 4.
    assert [day for day, count in enumerate(low["per_day"]) if count] == [2, 4, 10]
    assert (low["fires"], low["customers"], low["armed_silently"]) == (3, 2, 1)
    # A naive rule fires for Ann on 1, 4, 6 and 9 and for Bob on 3.
    assert (low["edges"], low["flaps_avoided"]) == (5, 2)
    assert (lower["fires"], lower["edges"], lower["flaps_avoided"]) == (2, 2, 0)


def test_what_waits_at_the_end_was_not_spared(run: Run, rules: Path, tmp_path: Path) -> None:
    folder = write(tmp_path / "short", past()[:10])  # Ann has been low again since the last day
    run("--rules", rules, "--frames", folder, "--out", tmp_path)
    low = figures(json.loads((tmp_path / "dry-run.json").read_text()), "low")
    assert (low["edges"], low["waiting"], low["fires"], low["flaps_avoided"]) == (5, 1, 2, 2)


def test_work_is_hours_a_week(body: Any) -> None:
    """Three firings of half an hour in 14 days; two of them in the first week."""
    low = figures(body, "low")
    assert (low["hours_a_week"], low["hours_in_busiest_week"]) == (0.75, 1.0)
    assert (body["sets"][0]["fires"], body["sets"][0]["customers"]) == (5, 2)
    assert body["sets"][0]["hours_a_week"] == 1.25


def test_a_rule_without_data_is_held_and_one_that_never_came_true_is_not(body: Any) -> None:
    held = {told["rule"]: told["held_for"] for told in body["sets"][0]["rules"]}
    assert held == {
        "low": [],
        "lower": [],
        "visits": ["site_tracking_live", "visits_30d"],
        "rich-and-of-a-very-long-name": [],
    }
    assert figures(body, "visits") is None
    rich = figures(body, "rich-and-of-a-very-long-name")
    assert (rich["fires"], rich["precision"], rich["silence"]) == (0, None, None)


def test_precision_and_recall_are_of_those_who_left(body: Any) -> None:
    """Ann never orders again. Bob does on day 6, after five days of silence, and then no more."""
    low = figures(body, "low")
    assert (low["judged"], low["left"]) == (2, 1)  # Ann's first is right, Bob's wrong, the last too young
    assert low["precision"] == 0.5
    # Gone on day 5: Ann, called on day 2, and Bob, called on day 4. Bob again on day 11, uncalled.
    assert (low["departures"], low["caught"], low["lead_days"]) == (3, 2, 2.0)


def test_overlap_is_the_share_of_customers_called_by_both_within_a_week(body: Any) -> None:
    assert body["sets"][0]["overlap"] == {
        "low": {"low": 1.0, "lower": 1.0},
        "lower": {"low": 1.0, "lower": 1.0},
    }


def test_the_page_says_what_is_held_and_carries_its_pictures(body: Any, tmp_path: Path) -> None:
    page = (tmp_path / "dry-run.html").read_text()
    assert "1 of 4 rules of mine are <b>held for want of data</b>" in page
    assert "No visits (visits): site_tracking_live, visits_30d" in page
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org/", "")


def test_the_table_fits_in_eighty_columns(run: Run, rules: Path, frames: Path) -> None:
    answer = run("--rules", rules, "--frames", frames)
    table = answer.output.partition("1 of 4 rules of mine are held")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "rich-and-of-a-very-" in table
    assert "visits" not in table
    assert "  visits: site_tracking_live, visits_30d" in answer.output


def test_two_files_stand_side_by_side(run: Run, rules: Path, frames: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(RULES.replace("for: 1d", "for: 2d").replace("id: lower", "id: lowest"))
    answer = run("--rules", rules, "--frames", frames, "--against", other, "--out", tmp_path)
    body = json.loads((tmp_path / "dry-run.json").read_text())
    assert [(each["name"], each["fires"]) for each in body["sets"]] == [("mine", 5), ("other", 4)]
    lines = [line.split() for line in answer.output.splitlines()]
    at = lines.index(["low"])
    assert [lines[at + 1][:3], lines[at + 2][:3]] == [["mine", "3", "2"], ["other", "2", "2"]]
    assert ["lowest"] in lines
    page = (tmp_path / "dry-run.html").read_text()
    assert "What mine and other would have done" in page


def refused(answer: Result) -> str:
    assert answer.exit_code == 1, answer.output
    assert "Traceback" not in answer.stderr
    return answer.stderr


def spoil(change: Callable[[Path], None], why: str) -> Any:
    return pytest.param(change, why, id=why)


def _rewrite(day: int, **changes: pl.Expr | str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        table = pl.read_parquet(file_of(folder, day))
        table.with_columns(**changes).write_parquet(file_of(folder, day))

    return change


def _drop(folder: Path) -> None:
    pl.read_parquet(file_of(folder, 3)).drop("score").write_parquet(file_of(folder, 3))


def _twice(folder: Path) -> None:
    table = frame(4, past()[4])
    pl.concat([table, table]).write_parquet(file_of(folder, 4))


def _gap(folder: Path) -> None:
    file_of(folder, 5).unlink()


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _rename(folder: Path) -> None:
    file_of(folder, 2).rename(folder / "first.parquet")


def _scribble(folder: Path) -> None:
    file_of(folder, 2).write_bytes(b"PAR?")


def _alone(folder: Path) -> None:
    for path in sorted(folder.glob("*.parquet"))[1:]:
        path.unlink()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        spoil(_gap, "no day between 2026-03-05 and 2026-03-07"),
        spoil(_empty, "no Parquet file there"),
        spoil(_alone, "one day alone"),
        spoil(_rename, "a frame is named after its day"),
        spoil(_scribble, "cannot be read as a frame"),
        spoil(_drop, "2026-03-04.parquet: no column score: make the frames with"),
        spoil(_rewrite(6, score=pl.lit("a lot")), "cannot be read as a frame"),
        spoil(_rewrite(6, now=pl.col("now").dt.offset_by("1h")), "`now` is not the end of its day"),
        spoil(_rewrite(7, scorecard=pl.lit("mine-2")), "scorecard mine-2, the days before with starter-1"),
        spoil(_twice, "a customer stands in it twice"),
    ],
)
def test_frames_that_cannot_be_used_are_refused(
    run: Run, rules: Path, frames: Path, change: Callable[[Path], None], why: str
) -> None:
    change(frames)
    assert why in refused(run("--rules", rules, "--frames", frames))


def test_a_rule_file_that_cannot_be_used_is_refused(run: Run, frames: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(RULES.replace("score < 20", "scor < 20"))
    assert f"{bad}:5: lower: when: unknown column 'scor'" in refused(run("--rules", bad, "--frames", frames))
    assert "cannot be read" in refused(run("--rules", tmp_path / "none.yaml", "--frames", frames))


def test_a_file_is_not_held_against_itself(run: Run, rules: Path, frames: Path) -> None:
    assert "the same file" in refused(run("--rules", rules, "--frames", frames, "--against", rules))


def test_what_cannot_be_written_is_said_before_the_work(run: Run, rules: Path, frames: Path) -> None:
    (frames.parent / "file").touch()
    for out in (frames.parent / "file", Path("/proc/nowhere")):
        found = run("--rules", rules, "--frames", frames, "--out", out)
        assert found.exit_code in (1, 2)
        assert isinstance(found.exception, SystemExit)
        assert "precision" not in found.output


@pytest.mark.parametrize("option", [("--horizon", "9" * 20), ("--minutes-per-task", "inf")])
def test_no_number_is_too_large_to_be_refused(
    run: Run, rules: Path, frames: Path, option: tuple[str, str]
) -> None:
    found = run("--rules", rules, "--frames", frames, *option)
    assert (found.exit_code, isinstance(found.exception, SystemExit)) == (2, True)
