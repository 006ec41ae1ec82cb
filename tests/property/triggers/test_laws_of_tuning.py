"""Laws of tuning: variants are rules, the rule itself is the first, a proposal is better or is refused."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triggers.adapters.rule_file import SHIPPED, specs
from services.triggers.domain.choice import Option, Weighed, choose, front
from services.triggers.domain.doubts import doubts
from services.triggers.domain.knobs import Turn, hold_steps, knobs, room, steps, variants
from services.triggers.domain.rules import RuleSpec, compile_rule, spell_duration
from tests.unit.triggers.shop import rule_text

RULES = {
    f"{name}/{spec.id}": spec for name, path in SHIPPED.items() for spec in specs(path.read_text(), name)
}


def turns_of(spec: RuleSpec, values: "np.typing.NDArray[np.float64]") -> list[Turn]:
    found = knobs(spec.when)
    free = room(len(found) + 1)
    turns = [Turn(each.measure, each.written, steps(each, values, free)) for each in found]
    return [*turns, Turn("for", spell_duration(spec.hold), hold_steps(spec.hold, free))]


@pytest.mark.parametrize("name", sorted(RULES))
def test_variants_of_a_shipped_rule_are_rules_without_new_doubts(name: str) -> None:
    spec = RULES[name]
    values = np.random.default_rng(7).gamma(1.5, 20, 400)
    made = variants(spec, knobs(spec.when), turns_of(spec, values))
    assert made[0].spec == spec
    assert 1 < len(made) <= 64
    assert len({(each.spec.when, each.spec.hold) for each in made}) == len(made)
    for each in made:
        compile_rule(each.spec)
        assert len(doubts([each.spec])) <= len(doubts([spec]))
    assert made == variants(spec, knobs(spec.when), turns_of(spec, values))


numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: f"{value:.3f}")


@given(st.lists(st.floats(-1e7, 1e7) | st.just(np.nan), max_size=60), numbers, st.integers(0, 8))
def test_other_values_are_others_and_can_be_written(values: list[float], written: str, count: int) -> None:
    (knob,) = knobs(f"spend_total >= {written}")
    found = steps(knob, np.array(values, np.float64), count)
    assert len(found) == len(set(found)) <= count
    for text in found:
        assert float(text) != float(written)
        assert float(knobs(f"spend_total >= {text}")[0].written) == float(text)


@given(numbers, numbers, st.integers(0, 30))
def test_turning_a_knob_back_gives_the_rule_back(one: str, other: str, days: int) -> None:
    (spec,) = specs(rule_text(f"spend_total >= {one} AND nps < 7", **{"for": f"{days}d"}), "r.yaml")
    found = knobs(spec.when)
    there = variants(spec, found, [Turn("", other, []), Turn("", "7", []), Turn("for", "3d", [])])[0].spec
    back = variants(
        there, knobs(there.when), [Turn("", one, []), Turn("", "7", []), Turn("for", f"{days}d", [])]
    )
    assert (back[0].spec.when, back[0].spec.hold) == (spec.when, timedelta(days=days))


@st.composite
def weighed(draw: st.DrawFn, due: int, judged: int) -> Weighed:
    hours = draw(st.integers(0, 400)) / 10
    lead = draw(st.none() | st.integers(0, 60).map(float))
    return Weighed(hours, draw(st.integers(0, due)), due, draw(st.integers(0, judged)), judged, lead)


@st.composite
def options(draw: st.DrawFn) -> list[Option]:
    """What is due does not depend on the variant; how many calls can be judged does."""
    due, later = draw(st.integers(0, 200)), draw(st.integers(0, 100))
    one = st.builds(
        Option,
        st.integers(0, 200).flatmap(lambda judged: weighed(due, judged)),
        st.integers(0, 100).flatmap(lambda judged: weighed(later, judged)),
        st.integers(1, 3),
    )
    now, *others = draw(st.lists(one, min_size=1, max_size=12))
    return [now._replace(turned=0), *others]


@given(options())
def test_a_proposal_is_better_on_both_spans_or_is_refused(found: list[Option]) -> None:
    choice, now = choose(found), found[0]
    if choice.too_little:
        assert (choice.proposals, choice.refusals) == ([], [])
    kinds = [kind for each in choice.proposals for kind in each.kinds]
    assert sorted(kinds + [one.kind for one in choice.refusals]) in ([], ["balance", "cheaper", "more"])
    for each in choice.proposals:
        assert each.option != 0
        for one, base in zip(found[each.option][:2], now[:2], strict=True):
            if "cheaper" in each.kinds:
                assert one.hours <= 0.95 * base.hours
                assert one.caught >= base.caught - 0.01 * base.due
            if "more" in each.kinds:
                assert one.hours <= 1.02 * base.hours
                assert one.caught > base.caught
            if "balance" in each.kinds:
                assert one.f1 > base.f1
            assert base.lead is None or (one.lead or 0) >= 0.75 * base.lead


@given(options())
def test_nothing_on_the_front_is_beaten_and_everything_else_is(found: list[Option]) -> None:
    spans = [option.first for option in found]
    best = front(spans)
    for i, one in enumerate(spans):
        beaten = any(
            other.hours <= one.hours and other.caught >= one.caught and (other.hours, other.caught) != one[:2]
            for other in spans
        )
        equal = any(spans[j][:2] == one[:2] for j in best)
        assert (not beaten) == (i in best or equal)
