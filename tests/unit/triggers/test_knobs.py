"""Which numbers of a rule can be turned, to what, and the rules that come of it."""

from datetime import timedelta

import numpy as np
import pytest

from services.triggers.adapters.rule_edit import changed, diff
from services.triggers.adapters.rule_file import SHIPPED, specs
from services.triggers.domain.knobs import Knob, Turn, Variant, hold_steps, knobs, room, steps, variants
from services.triggers.domain.rules import RuleSpec, parse_duration, spell_duration
from tests.unit.triggers.shop import rule_text


def spec(when: str, clear: str | None = None, **fields: str) -> RuleSpec:
    return specs(rule_text(when, clear, **fields), "r.yaml")[0]


def knob(when: str) -> Knob:
    (found,) = knobs(when)
    return found


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("score < 30", [("score", "30")]),
        ("30 > score", [("score", "30")]),
        ("days_since(last_visit_at) >= 60 AND site_known", [("days_since(last_visit_at)", "60")]),
        ("engagement_30d <= 0.8 * engagement_prev_30d", [("engagement_30d / engagement_prev_30d", "0.8")]),
        ("nps BETWEEN 0 AND 6", [("nps", "0"), ("nps", "6")]),
        ("days_overdue > -5", [("days_overdue", "-5")]),
        ("days_overdue > - 5 AND nps < 7", [("days_overdue", "-5"), ("nps", "7")]),
        ("COALESCE(nps, 10) > 7", [("COALESCE(nps, 10)", "7")]),
        ("orders_total = 1 AND band = 'red' AND 1 < 2 AND nps IN (1, 2)", []),
    ],
)
def test_a_knob_is_a_number_that_something_measured_is_held_against(
    when: str, found: list[tuple[str, str]]
) -> None:
    assert [(one.measure, one.written) for one in knobs(when)] == found


def test_the_place_of_a_knob_is_where_its_number_stands() -> None:
    when = "nps < 7 AND days_overdue > - 5 AND 2 <= tickets_14d"
    assert [when[one.start : one.end] for one in knobs(when)] == ["7", "- 5", "2"]


def test_a_comparison_decides_of_whom_the_rest_holds() -> None:
    found = knob("score < 30 AND stage <> 'lapsed'")
    assert (found.on, found.off) == ("(TRUE) AND stage <> 'lapsed'", "(FALSE) AND stage <> 'lapsed'")


VALUES = np.arange(1.0, 101.0)


def test_other_values_make_the_comparison_true_of_half_as_many_and_of_twice_as_many() -> None:
    """Of a hundred customers with 1 to 100 days, `>= 81` is true of 20."""
    assert steps(knob("days_overdue >= 81"), VALUES, 2) == ["90", "60"]
    assert steps(knob("days_overdue <= 20"), VALUES, 2) == ["10", "40"]


def test_values_are_rounded_to_two_digits_and_none_is_what_is_written() -> None:
    tenths = np.arange(0.001, 1.0, 0.001)
    found = steps(knob("silence_tail_p <= 0.2"), tenths, 8)
    assert found[:3] == ["0.1", "0.4", "0.15"]
    assert "0.2" not in found
    assert all(len(text.lstrip("0.")) <= 2 for text in found)


def test_between_few_counts_the_next_ones_are_tried() -> None:
    counts = np.array([1.0, 1, 1, 1, 2, 3, 4])
    assert set(steps(knob("orders_total >= 3"), counts, 8)) == {"1", "2", "4"}


def test_what_nobody_has_is_not_turned() -> None:
    assert steps(knob("nps < 7"), np.array([np.nan, np.inf]), 8) == []


def test_a_hold_is_moved_to_the_next_spans() -> None:
    assert hold_steps(timedelta(days=1), 3) == ["2d", "0s", "3d"]
    assert hold_steps(timedelta(0), 9) == ["1d", "2d", "3d", "1w", "2w"]


@pytest.mark.parametrize(("count", "each"), [(0, 0), (1, 7), (2, 7), (3, 3), (4, 7), (9, 7), (20, 3)])
def test_there_are_never_more_variants_than_an_evaluation_takes(count: int, each: int) -> None:
    assert room(count) == each
    assert min((each + 1) ** count, 1 + count * each) <= 64


def test_a_variant_that_contradicts_its_clear_is_left_out() -> None:
    rule = spec("score < 30", clear="score > 40")
    turns = [Turn("score", "30", ["20", "45"]), Turn("for", "0s", [])]
    found = variants(rule, knobs(rule.when), turns)
    assert [each.values for each in found] == [("30", "0s"), ("20", "0s")]


def test_a_variant_that_is_never_true_is_left_out() -> None:
    rule = spec("score < 30")
    found = variants(rule, knobs(rule.when), [Turn("score", "30", ["-5"]), Turn("for", "0s", [])])
    assert len(found) == 1


def test_many_knobs_are_turned_one_at_a_time() -> None:
    rule = spec("score < 30 AND nps < 7 AND orders_total < 3 AND orders_90d < 4")
    turns = [Turn("x", one.written, ["1", "2", "5"]) for one in knobs(rule.when)]
    found = variants(rule, knobs(rule.when), [*turns, Turn("for", "0s", ["1d", "2d"])])
    written = ("30", "7", "3", "4", "0s")
    assert found[0].values == written
    assert {sum(a != b for a, b in zip(each.values, written, strict=True)) for each in found[1:]} == {1}
    assert len(found) == 1 + 4 * 3 + 2


@pytest.mark.parametrize("text", ["0s", "1d", "1w", "2w", "1d12h", "1h30m", "90s", "10d"])
def test_spans_are_spelt_as_they_are_read(text: str) -> None:
    assert parse_duration(spell_duration(parse_duration(text))) == parse_duration(text)


# ---- in the file


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_shipped_rule_can_be_edited_where_it_stands(name: str) -> None:
    text = SHIPPED[name].read_text()
    for rule in specs(text, name):
        found = knobs(rule.when)
        numbers = tuple("7" if "." not in one.written else "0.7" for one in found)
        turns = [Turn(one.measure, n, []) for one, n in zip(found, numbers, strict=True)]
        (variant,) = variants(rule, found, [*turns, Turn("for", "5d", [])])
        new = changed(text, name, rule, variant)
        (after,) = (each for each in specs(new, name) if each.id == rule.id)
        assert after == variant.spec
        same = [each for each in specs(new, name) if each.id != rule.id]
        assert same == [each for each in specs(text, name) if each.id != rule.id]
        assert [line.split("#")[0] for line in new.splitlines() if "#" in line] == [
            line.split("#")[0] for line in text.splitlines() if "#" in line
        ]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("when: score < 30", "when: score < 20\n    for: 3d"),
        ("when: 'score < 30'", "when: 'score < 20'\n    for: 3d"),
        ('when: "score < 30"', 'when: "score < 20"\n    for: 3d'),
        ("when: >-\n      score\n      < 30", "when: >-\n      score\n      < 20\n    for: 3d"),
        ("when: |\n      score < 30", "when: |\n      score < 20\n    for: 3d"),
        ("when: score < 30\n    for: 1d  # a day", "when: score < 20\n    for: 3d  # a day"),
    ],
)
def test_a_condition_is_edited_however_it_is_written(line: str, after: str) -> None:
    text = rule_text("score < 99").replace("when: score < 99", line)
    (rule,) = specs(text, "r.yaml")
    update = {"when": rule.when.replace("30", "20"), "hold": timedelta(days=3)}
    new = changed(text, "r.yaml", rule, Variant(("20", "3d"), rule.model_copy(update=update)))
    assert new == text.replace(line, after)


def test_a_rule_in_braces_is_edited_too() -> None:
    text = (
        "rules:\n  - {id: a, level: red, title: A, when: score < 30, labels: {team: t},"
        ' annotations: {reason: "r"}}\n'
    )
    (rule,) = specs(text, "r.yaml")
    update = {"when": "score < 25", "hold": timedelta(days=1)}
    new = changed(text, "r.yaml", rule, Variant(("25", "1d"), rule.model_copy(update=update)))
    assert "when: score < 25, for: 1d, labels" in new


def test_a_difference_is_what_patch_takes() -> None:
    text = rule_text("score < 30")
    said = diff(text, text.replace("30", "25"), "mine.yaml")
    assert said.splitlines()[:3] == ["--- mine.yaml", "+++ mine.yaml", "@@ -4,3 +4,3 @@"]
    assert "-    when: score < 30\n+    when: score < 25\n" in said
