"""Two scorecards on one log: who would stand elsewhere, by how much, and a page that shows it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.scorecard import Scorecard
from services.scoring.offline.compare import STATES, compare, side_of
from services.scoring.offline.replay import Replay, end_of
from tests.unit.scoring.offline.conftest import Run
from tests.unit.scoring.offline.shop import START_DAY, log_of, order, orders

A = load_scorecard(STARTER)
DAY = START_DAY + 500
LOG = log_of(orders(400))


def variant(**blocks: dict[str, Any]) -> Scorecard:
    """The starter with other numbers in some blocks."""
    body = A.model_dump()
    for name, numbers in blocks.items():
        body[name] = {**body[name], **numbers}
    return Scorecard.model_validate({**body, "version": "trial"})


STRICT = variant(bands={"green": 80.0, "red": 60.0}, stages={"lapsed_below": 0.2})


@pytest.fixture(scope="module")
def body() -> dict[str, Any]:
    return compare(LOG, A, STRICT, DAY)


def test_everybody_is_in_one_cell_of_the_matrix(body: dict[str, Any]) -> None:
    cells = [count for line in body["matrix"].values() for count in line.values()]
    assert sum(cells) == body["customers"] == 400
    assert list(body["matrix"]) == list(STATES)
    for state in STATES:
        assert sum(body["matrix"][state].values()) == body["a"][state]
        assert sum(line[state] for line in body["matrix"].values()) == body["b"][state]


def test_rows_are_the_first_scorecard_and_columns_the_second(body: dict[str, Any]) -> None:
    """With higher borders nobody stands better than before."""
    for i, start in enumerate(STATES):
        assert all(body["matrix"][start][end] == 0 for end in STATES[:i])
    stayed = sum(body["matrix"][state][state] for state in STATES)
    assert body["moved"] == 400 - stayed > 0
    assert body["moved_share"] == pytest.approx(body["moved"] / 400, abs=1e-6)


def test_lapsed_customers_stand_apart_whatever_their_band(body: dict[str, Any]) -> None:
    strict = side_of(LOG, STRICT, DAY)
    assert body["b"]["lapsed"] == int((strict.states == STATES.index("lapsed")).sum()) > body["a"]["lapsed"]


def test_bands_are_those_of_a_weekly_reader() -> None:
    """Who fell slowly stands elsewhere than who is looked at for the first time."""
    weekly, held, fresh = (Replay(LOG, A.numbers()) for _ in range(3))
    for past in range(START_DAY + 500 % 7, DAY, 7):
        weekly.look(end_of(past))
    held.hold_bands(DAY)
    expected, bands, first = (replay.look(end_of(DAY)).bands for replay in (weekly, held, fresh))
    assert bands.tolist() == expected.tolist()
    assert bands.tolist() != first.tolist()


def test_scores_that_do_not_move_have_no_movers(body: dict[str, Any]) -> None:
    """Borders move bands, not scores."""
    assert body["movers"] == []
    assert body["points"] == {"mean": 0.0, "mean_size": 0.0, "p95_size": 0.0}


def test_the_biggest_movers_come_first_with_the_signal_that_did_it() -> None:
    movers = compare(LOG, A, variant(recency={"anchor": 60.0}), DAY)["movers"]
    sizes = [abs(each["points"]) for each in movers]
    assert sizes == sorted(sizes, reverse=True)
    assert len(movers) == 20
    for each in movers:
        assert each["points"] == pytest.approx(each["b"]["score"] - each["a"]["score"], abs=1e-3)
        assert each["signal"] == "purchase_recency"
        assert each["signal_points"] == pytest.approx(each["points"], abs=1e-3)  # nothing else has moved


def test_who_is_gone_with_both_is_not_named() -> None:
    gone = log_of([order(0, 0), order(1, 495), order(2, 500)])
    named = [
        each["customer"] for each in compare(gone, A, variant(recency={"anchor": 60.0}), DAY + 200)["movers"]
    ]
    assert sorted(named) == ["c1", "c2"]
    lapsed = variant(recency={"anchor": 60.0}, stages={"lapsed_below": 0.99})
    same = A.model_copy(update={"stages": lapsed.stages})
    assert compare(gone, same, lapsed, DAY)["movers"] == []


def write(path: Path, card: Scorecard) -> Path:
    path.write_text(yaml.safe_dump(card.model_dump(mode="json", exclude_none=True)))
    return path


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    lines = [f"c{i},2026-01-{1 + i:02},{20 + i}" for i in range(20)]
    path.write_text("\n".join(["customer_id,time,amount", *lines, "c0,2026-03-01,5"]) + "\n")
    return path


def test_the_verb_writes_json_and_a_page_that_loads_nothing(run: Run, csv: Path, tmp_path: Path) -> None:
    trial = write(tmp_path / "trial.yaml", variant(recency={"anchor": 60.0}))
    out = tmp_path / "out"
    answer = run("compare", csv, "--scorecard", STARTER, "--scorecard", trial, "--out", out)
    assert answer.exit_code == 0, answer.output
    assert "20 customers on 2026-03-01: from starter-1 (down) to trial (across)" in answer.output
    body = json.loads((out / "compare.json").read_text())
    assert (body["a"]["scorecard"], body["b"]["scorecard"]) == ("starter-1", "trial")
    page = (out / "compare.html").read_text()
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "src=" not in page
    assert "c19" in page


def test_without_a_folder_nothing_is_written(run: Run, csv: Path, tmp_path: Path) -> None:
    trial = write(tmp_path / "trial.yaml", STRICT)
    before = sorted(tmp_path.iterdir())
    assert (
        run("compare", csv, "--scorecard", STARTER, "--scorecard", trial, "--at", "2026-02-01").exit_code == 0
    )
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--scorecard", STARTER), "1 scorecards: name two, --scorecard A --scorecard B"),
        (("--scorecard", STARTER, "--scorecard", STARTER), "both scorecards are version starter-1"),
        (("--scorecard", STARTER, "--scorecard", "nowhere"), "scorecard nowhere: No such file"),
    ],
)
def test_what_cannot_be_compared_is_refused(run: Run, csv: Path, words: tuple[object, ...], why: str) -> None:
    answer = run("compare", csv, *words)
    assert answer.exit_code == 1
    assert why in answer.stderr


def test_a_day_outside_the_log_is_refused(run: Run, csv: Path, tmp_path: Path) -> None:
    trial = write(tmp_path / "trial.yaml", STRICT)
    answer = run("compare", csv, "--scorecard", STARTER, "--scorecard", trial, "--at", "2027-01-01")
    assert answer.exit_code == 1
    assert "the events came from 2026-01-01 to 2026-03-01" in answer.stderr
