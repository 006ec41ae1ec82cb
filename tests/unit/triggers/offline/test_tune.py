"""`greenline triggers tune`: on a shop where the right threshold is known, by departures and by verdicts."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.triggers.__main__ import app
from services.triggers.adapters.rule_file import parse
from tests.unit.triggers.offline.fallen import A_DAY, DAYS, HORIZON, leaver, shop, stayer
from tests.unit.triggers.offline.past import ends

Tune = Callable[..., Result]
ALL = [(begins, number) for begins in range(1, DAYS - HORIZON) for number in range(A_DAY)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return shop(tmp_path_factory.mktemp("fallen"))


@pytest.fixture
def tune(made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Tune:
    monkeypatch.setenv("COLUMNS", "80")
    rules, frames = made

    def run(rule: str, *words: object, rules: Path = rules, frames: Path = frames) -> Result:
        fixed = ("tune", rule, "--rules", rules, "--frames", frames, "--horizon", HORIZON)
        return CliRunner().invoke(app, [str(word) for word in (*fixed, *words)])

    return run


def body_of(tune: Tune, out: Path, *words: object, rule: str = "fallen") -> Any:
    answer = tune(rule, "--out", out, *words)
    assert answer.exit_code == 0, answer.output
    return json.loads((out / "tune.json").read_text())


def verdicts(path: Path, told: Sequence[tuple[str, str, int]]) -> Path:
    """As CSV: verdict, customer, day."""
    lines = [f"fallen,{customer},{ends(day):%Y-%m-%dT%H:%M:%SZ},{word}" for word, customer, day in told]
    path.write_text("\n".join(["rule,customer_id,at,verdict", *lines, ""]))
    return path


def test_the_threshold_that_parts_leavers_from_the_others_is_proposed(tune: Tune, tmp_path: Path) -> None:
    body = body_of(tune, tmp_path)
    now = body["variants"][0]
    assert (now["values"], now["current"]) == (["30", "0s"], True)
    assert (now["whole"]["fires"], body["by"]) == (2 * len(ALL), "departures")
    best = next(each for each in body["proposals"] if "balance" in each["kinds"])
    found = body["variants"][best["variant"]]
    assert 17 < float(found["values"][0]) <= 25
    for span in ("first", "last"):
        assert (found[span]["caught"], found[span]["precision"]) == (now[span]["caught"], 1.0)
        assert found[span]["hours_a_week"] == pytest.approx(now[span]["hours_a_week"] / 2, abs=0.3)


def test_figures_of_each_span_are_of_its_own_days(tune: Tune, tmp_path: Path) -> None:
    now = body_of(tune, tmp_path, "--minutes-per-task", 60)["variants"][0]
    # Calls come at the end of day begins + 2; day 20 is the first of the last third.
    assert (now["first"]["fires"], now["last"]["fires"]) == (17 * 6, 7 * 6)
    assert now["last"]["hours_a_week"] == round(42 * 7 / 10, 2)
    # Known by day 19: calls of up to day 14. Of those from day 20 on: up to day 24.
    assert (now["first"]["judged"], now["last"]["judged"]) == (12 * 6, 5 * 6)
    # A departure is five days after noon of its first day.
    assert (now["first"]["departures"], now["last"]["departures"]) == (14 * 3, 10 * 3)
    assert now["whole"]["departures"] == 24 * 3


def test_verdicts_are_counted_and_tune_the_rule(tune: Tune, tmp_path: Path) -> None:
    told = [("right", leaver(b, n), b + 2) for b, n in ALL] + [("wrong", stayer(b, n), b + 3) for b, n in ALL]
    path = verdicts(tmp_path / "said.csv", [*told, ("missed", "leaver-1-0", 2), ("missed", "nobody", 9)])
    body = body_of(tune, tmp_path, "--feedback", path)
    assert body["by"] == "verdicts"
    assert body["feedback"] == {
        **dict.fromkeys(("right", "wrong"), len(ALL)),
        **dict.fromkeys(("missed", "unknown"), 1),
        **dict.fromkeys(("other_rules", "same", "refused"), 0),
        "problems": [],
    }
    now = body["variants"][0]["whole"]["verdicts"]
    assert (now["precision"], now["right_kept"], now["wrong_avoided"], now["missed_caught"]) == (
        0.5,
        len(ALL),
        0,
        0,  # it came a day after a person missed it
    )
    low, high = now["precision_interval"]
    assert (round(low, 3), round(high, 3)) == (0.419, 0.581)
    found = body["variants"][body["proposals"][0]["variant"]]["whole"]["verdicts"]
    assert (found["right_kept"], found["wrong_avoided"], found["precision"]) == (len(ALL), len(ALL), 1.0)


def test_a_verdict_on_a_trigger_is_found_by_its_id_and_the_last_word_holds(
    tune: Tune, tmp_path: Path
) -> None:
    identity = f"trigger:fallen:demo/{leaver(3, 1)}:1"
    path = tmp_path / "said.jsonl"
    lines = [{"trigger_id": identity, "verdict": word} for word in ("right", "wrong")]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    body = body_of(tune, tmp_path, "--feedback", path)
    assert [body["feedback"][word] for word in ("right", "wrong", "same")] == [0, 1, 1]
    assert body["variants"][0]["first"]["verdicts"]["precision"] == 0.0
    assert body["by"] == "departures"


def test_lines_that_cannot_be_used_are_counted_and_named(tune: Tune, tmp_path: Path) -> None:
    path = tmp_path / "said.csv"
    path.write_text(
        "trigger_id,verdict,rule,customer_id,at\n"
        "t-1,fine,,,\n"
        ",missed,fallen,leaver-1-0,yesterday\n"
        "t-1,missed,,,\n"
        ",wrong,other-rule,leaver-1-0,2026-03-02\n"
    )
    answer = tune("fallen", "--feedback", path, "--out", tmp_path)
    assert "3 lines of verdicts could not be used" in answer.output
    assert "line 2: Invalid enum value 'fine'" in answer.output
    assert "line 3: time 'yesterday' is no ISO 8601 date or time" in answer.output
    assert "line 4: nobody can say which call is meant" in answer.output
    assert "of other rules 1" in answer.output


def test_no_verdicts_yet_are_no_fault(tune: Tune, tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").touch()
    body = body_of(tune, tmp_path, "--feedback", tmp_path / "said.jsonl")
    assert (body["feedback"]["refused"], body["by"]) == (0, "departures")


def test_a_proposal_comes_as_a_change_of_the_file_and_nothing_is_changed(
    tune: Tune, made: tuple[Path, Path]
) -> None:
    before = made[0].read_text()
    answer = tune("fallen")
    assert "-    when: score < 30\n+    when: score < " in answer.output
    assert "Nothing has been changed." in answer.output
    assert made[0].read_text() == before


def test_the_same_frames_give_the_same_answer(tune: Tune, tmp_path: Path) -> None:
    once, again = body_of(tune, tmp_path / "a"), body_of(tune, tmp_path / "b")
    assert once == again
    assert (tmp_path / "a/tune.html").read_text().replace("\n", "") != ""


def test_every_variant_is_a_rule_of_its_own_in_one_pass(tune: Tune, tmp_path: Path) -> None:
    body = body_of(tune, tmp_path)
    values = [tuple(each["values"]) for each in body["variants"]]
    assert len(values) == len(set(values)) <= 64
    assert [knob["name"] for knob in body["knobs"]] == ["score", "for"]
    fires = {tuple(each["values"]): each["whole"]["fires"] for each in body["variants"]}
    assert fires["30", "3d"] < fires["30", "0s"]


def test_the_page_carries_its_picture_and_asks_nobody(tune: Tune, tmp_path: Path) -> None:
    body_of(tune, tmp_path)
    page = (tmp_path / "tune.html").read_text()
    assert "Could fallen do better?" in page
    assert page.count("<svg") == 1
    assert "Proposal A" in page
    assert "http" not in page.replace("http://www.w3.org/", "")


def test_the_table_fits_in_eighty_columns(tune: Tune) -> None:
    table = tune("fallen").output.partition("caught: of those")[0]
    assert max(map(len, table.splitlines()[4:])) <= 80


def test_a_green_rule_is_not_judged_by_who_left(tune: Tune, tmp_path: Path) -> None:
    body = body_of(tune, tmp_path, rule="risen")
    assert body["proposals"] == []
    assert "tuned by verdicts" in body["too_little"]


def test_too_few_days_propose_nothing_and_say_so(tune: Tune, made: tuple[Path, Path], tmp_path: Path) -> None:
    for path in sorted(made[1].glob("*.parquet"))[:12]:
        (tmp_path / "few").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "few")
    answer = tune("fallen", frames=tmp_path / "few")
    assert answer.exit_code == 0
    assert "nothing is proposed: in the days that are chosen by only" in answer.output


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("falln", "unknown rule falln in"),
        ("falln", "did you mean fallen?"),
        ("zzz", "there are fallen, risen, unseen"),
        ("unseen", "held for want of data, no frame has visits_30d"),
    ],
)
def test_a_rule_that_cannot_be_tuned_is_refused(tune: Tune, rule: str, said: str) -> None:
    answer = tune(rule)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_files_that_cannot_be_used_are_refused(tune: Tune, tmp_path: Path) -> None:
    assert "cannot be read" in tune("fallen", rules=tmp_path / "none.yaml").stderr
    assert "no Parquet file there" in tune("fallen", frames=tmp_path).stderr
    assert "No such file" in tune("fallen", "--feedback", tmp_path / "none.csv").stderr
    (tmp_path / "bad.csv").write_text("who,what\n")
    assert "no column verdict" in tune("fallen", "--feedback", tmp_path / "bad.csv").stderr


def test_a_proposal_can_be_put_into_the_file_and_loaded(
    tune: Tune, made: tuple[Path, Path], tmp_path: Path
) -> None:
    body = body_of(tune, tmp_path)
    each = body["proposals"][0]
    (new,) = (line[1:] for line in each["diff"].splitlines() if line.startswith("+ "))
    (old,) = (line[1:] for line in each["diff"].splitlines() if line.startswith("- "))
    text = made[0].read_text().replace(old, new)
    assert parse(text, "mine.yaml")[0].when.sql == f"score < {body['variants'][each['variant']]['values'][0]}"


def test_the_command_in_the_documents_is_one(made: tuple[Path, Path], tmp_path: Path) -> None:
    doc = (Path(__file__).resolve().parents[4] / "docs" / "rules.md").read_text()
    (line,) = (line for line in doc.splitlines() if line.startswith("greenline triggers tune "))
    (tmp_path / "said.jsonl").touch()
    for there, here in (
        ("order-frequency-drop", "fallen"),
        (".greenline/dry-run/frames", str(made[1])),
        ("verdicts.jsonl", str(tmp_path / "said.jsonl")),
        ("--out .greenline/dry-run", f"--out {tmp_path} --rules {made[0]}"),
    ):
        assert there in line
        line = line.replace(there, here, 1)
    answer = CliRunner().invoke(app, line.split()[2:])
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "tune.html").exists()


def test_what_cannot_be_written_is_said_before_the_work(tune: Tune) -> None:
    found = tune("quiet", "--out", "/proc/nowhere")
    assert (found.exit_code, isinstance(found.exception, SystemExit)) == (1, True)
    assert "cannot be made" in found.output
