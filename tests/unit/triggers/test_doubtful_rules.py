"""`greenline triggers check`: rules that would run and cannot be meant, found by proof and by line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.triggers.__main__ import app
from services.triggers.adapters.rule_file import SHIPPED, doubtful, load
from tests.unit.triggers.shop import rule_text


def said(when: str, clear: str | None = None, **fields: str) -> list[str]:
    text = rule_text(f'"{when}"', None if clear is None else f'"{clear}"', **fields)
    return [f"{problem.line}: {problem.message}" for problem in doubtful(text, "my.yaml")]


@pytest.mark.parametrize(
    ("when", "part"),
    [
        ("score > 100", "score > 100"),
        ("score < 3 AND nps > 10", "nps > 10"),
        ("silence_tail_p >= 5", "silence_tail_p >= 5"),  # a probability, not percent
        ("csat > 5", "csat > 5"),  # each kind of survey has its own scale
        ("csat = 0", "csat = 0"),
        ("ces > 7", "ces > 7"),
        ("own_gap_days < 0", "own_gap_days < 0"),
        ("usage_variance < 0", "usage_variance < 0"),
        ("csm_sentiment IN (-2, 2)", "csm_sentiment IN (-2, 2)"),
        ("score IS NULL", "score IS NULL"),
        ("p_buy * 100 > 150", "p_buy * 100 > 150"),
        ("ABS(score) < 0", "ABS(score) < 0"),
        ("score BETWEEN 30 AND 20", "score BETWEEN 30 AND 20"),
        ("orders_total / 0 > 1", "orders_total / 0 > 1"),
        ("score < 20 AND score > 80", "score < 20 AND score > 80"),
        ("score > 80 AND (nps > 3 AND score <= 80)", "score > 80 AND (nps > 3 AND score <= 80)"),
        ("band = 'red' AND band = 'green'", "band = 'red' AND band = 'green'"),
        ("band = 'red' AND band NOT IN ('red', 'yellow')", "band = 'red' AND NOT band IN ('red', 'yellow')"),
        ("site_known AND NOT site_known", "site_known AND NOT site_known"),
        ("nps IS NULL AND nps < 3", "nps IS NULL AND nps < 3"),
        ("score = 50 AND score + 10 > 60", "score = 50 AND score + 10 > 60"),
        ("orders_total >= 2 AND orders_total <= 1", "orders_total >= 2 AND orders_total <= 1"),
    ],
)
def test_a_condition_that_is_never_true_is_named(when: str, part: str) -> None:
    assert said(when) == [f"5: when: {part} is never true"]


@pytest.mark.parametrize(
    ("when", "part"),
    [
        ("score >= 0", "score >= 0"),
        ("score < 20 OR score >= 10", "score < 20 OR score >= 10"),
        ("band <> 'red' OR band <> 'green'", "band <> 'red' OR band <> 'green'"),
        ("nps < 3 OR TRUE", "TRUE"),
        ("score IS NOT NULL AND nps < 3", "score IS NOT NULL"),
        ("COALESCE(nps, 10) <= 10 AND score < 3", "COALESCE(nps, 10) <= 10"),
    ],
)
def test_a_condition_that_is_always_true_is_named(when: str, part: str) -> None:
    assert said(when) == [f"5: when: {part} is always true"]


def test_what_is_true_whenever_it_is_known_is_named_with_what_to_write() -> None:
    (found,) = said("orders_total >= 0 AND score < 3")
    assert found.startswith("5: when: orders_total >= 0 is true of everybody of whom it is known")
    assert found.endswith("write IS NOT NULL if that is meant")


@pytest.mark.parametrize(
    "when",
    [
        "score > 99.9",
        "FLOOR(score - 0.5) <= -0.6",
        "nps > 6 OR csat > 4",
        "days_since(last_visit_at) > 3 AND days_since(last_visit_at) < 4",
        "orders_total / open_tickets > 1",
        "engagement_30d <= 0.8 * engagement_prev_30d",
        "segment = 'vip' OR segment = 'other'",
        "spend_total * spend_total * spend_total < 1",
        "last_visit_at > now",
    ],
)
def test_where_there_is_no_proof_nothing_is_said(when: str) -> None:
    assert said(when) == []


def test_a_clear_condition_is_judged_likewise() -> None:
    assert said("score < 30", "score > 100") == ["6: clear: score > 100 is never true"]


def test_a_clear_condition_that_follows_from_when_is_named() -> None:
    assert said("score < 30", "score < 50") == [
        "6: clear: is true whenever `when` is: the rule would clear as it fires"
    ]
    assert said("score < 30 AND site_known", "site_known") != []
    assert said("score < 30", "score >= 50") == []


def test_a_cooldown_that_never_makes_anybody_wait_is_named() -> None:
    assert said("score < 3", **{"for": "7d", "cooldown": "2d"}) == [
        "7: cooldown: never makes probe wait: before it fires again `for` has to pass, which is longer"
    ]
    assert said("score < 3", **{"for": "7d"}) == []  # the default was not written by anybody
    assert said("score < 3", **{"for": "7d", "cooldown": "0"}) == []  # said to be none


def two(first: str, second: str, **changes: str) -> list[str]:
    """Two rules of one team, 30 and 7 days of rest; `changes` replaces words in the second."""
    one = rule_text(f'"{first}"', cooldown="30d")
    other = rule_text(f'"{second}"', cooldown="7d").removeprefix("rules:\n").replace("probe", "other")
    for before, after in changes.items():
        assert before in other
        other = other.replace(before, after)
    return [f"{problem.line}: {problem.message}" for problem in doubtful(one + other, "my.yaml")]


@pytest.mark.parametrize(
    "second", ["score < 30 AND site_known", "site_known AND score < 30", "NOT score >= 30 AND site_known"]
)
def test_the_same_condition_twice_for_one_team_is_named(second: str) -> None:
    assert two("score < 30 AND site_known", second) == [
        "13: cooldown: other says the same as probe to the same team: whoever fires one fires both"
    ]


@pytest.mark.parametrize("second", ["score < 20", "score < 30 AND site_known", "score IN (1, 2)"])
def test_a_narrower_condition_that_rests_less_is_named(second: str) -> None:
    (found,) = two("score < 30", second)
    assert found.startswith("13: cooldown: other is true only of whom probe is true of too, and rests less")


def test_the_narrower_rule_may_stand_first() -> None:
    (found,) = doubtful(
        rule_text('"score < 20"', cooldown="7d")
        + rule_text('"score < 30"', cooldown="30d").removeprefix("rules:\n").replace("probe", "other"),
        "my.yaml",
    )
    assert (found.line, found.message.partition(" ")[0]) == (6, "cooldown:")


def test_other_pairs_are_not_one_matter() -> None:
    assert two("score < 30", "score < 40") == []  # the wider one may rest less
    assert two("score < 30", "nps < 3") == []
    assert two("score < 30", "score < 20", red="yellow") == []  # an escalation
    assert two("score < 30", "score < 20", tests="others") == []
    assert two("score < 30", "score < 20", **{"7d": "60d"}) == []
    assert two("score < 30", "score < 20", **{"7d": "30d"}) == []


@pytest.mark.parametrize(
    ("wide", "narrow", "named"),
    [
        ("[vip]", "[b2b]", 0),
        ("[vip]", "[vip, b2b]", 0),  # b2b is nobody's but the narrower rule's
        ("[vip, b2b]", "[vip]", 1),
        ("[]", "[vip]", 1),
        ("[vip]", "[]", 0),
    ],
)
def test_only_rules_for_the_same_segments_meet(wide: str, narrow: str, named: int) -> None:
    one = rule_text("score < 30", cooldown="30d", segments=wide)
    other = rule_text("score < 20", cooldown="7d", segments=narrow).removeprefix("rules:\n")
    assert len(doubtful(one + other.replace("probe", "other"), "my.yaml")) == named


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_shipped_sets_leave_no_doubt(name: str) -> None:
    assert doubtful(SHIPPED[name].read_bytes(), name) == []


def test_check_says_so_and_its_status_is_one_although_the_rules_would_run(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rule_text("score > 100"))
    answer = CliRunner().invoke(app, ["check", str(file)])
    assert answer.exit_code == 1
    assert f"{file}:5: when: score > 100 is never true" in answer.output
    assert len(load(file)) == 1
    file.write_text(rule_text("score > 99"))
    assert CliRunner().invoke(app, ["check", str(file)]).exit_code == 0
