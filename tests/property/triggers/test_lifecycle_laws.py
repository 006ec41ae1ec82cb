"""What holds for a rule whatever the customer does and whenever anyone looks."""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.triggers.domain.lifecycle import Memory, Phase, Step, Timing, Truth, advance

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

spans = st.integers(0, 10).map(lambda n: n * HOUR)
timings = st.builds(Timing, hold=spans, cooldown=spans, keep=spans)


@dataclass(frozen=True)
class Look:
    """One evaluation: how long after the one before, and what was true."""

    gap: timedelta
    truth: Truth


truths = st.builds(Truth, st.booleans(), st.booleans())
looks = st.lists(st.builds(Look, st.integers(0, 6).map(lambda n: n * HOUR), truths), max_size=60)


@dataclass(frozen=True)
class Seen:
    now: datetime
    truth: Truth
    before: Phase
    step: Step


def live(timing: Timing, looks: list[Look], phase: Phase = Phase.INACTIVE) -> list[Seen]:
    now, memory, seen = T0, Memory(), []
    for look in looks:
        now += look.gap
        step = advance(phase, memory, look.truth, now, timing)
        seen.append(Seen(now, look.truth, phase, step))
        phase, memory = step.phase, step.memory
    return seen


def moments(seen: list[Seen], action: str) -> list[datetime]:
    return [s.now for s in seen if s.step.action == action]


@given(timings, looks)
def test_never_fires_twice_within_its_cooldown(timing: Timing, looks: list[Look]) -> None:
    fired = moments(live(timing, looks), "fired")
    assert all(later - earlier >= timing.cooldown for earlier, later in itertools.pairwise(fired))


@given(timings, looks)
def test_never_fires_before_the_condition_has_held_for_its_span(timing: Timing, looks: list[Look]) -> None:
    seen = live(timing, looks)
    true_since: datetime | None = None
    for s in seen:
        if not s.truth.when:
            true_since = None
        elif true_since is None:
            true_since = s.now
        if s.step.action == "fired":
            assert true_since is not None
            assert s.now - true_since >= timing.hold


@given(timings, looks)
def test_fires_and_clears_by_turns(timing: Timing, looks: list[Look]) -> None:
    said = [s.step.action for s in live(timing, looks) if s.step.action]
    assert said == [("fired", "cleared")[i % 2] for i in range(len(said))]


@given(timings, looks)
def test_clears_only_when_calm_for_its_span(timing: Timing, looks: list[Look]) -> None:
    calm_since: datetime | None = None
    for s in live(timing, looks):
        firing = s.before in (Phase.FIRING, Phase.CALMING)
        if not (firing and s.truth.clear):
            calm_since = None
        elif calm_since is None:
            calm_since = s.now
        if s.step.action == "cleared":
            assert calm_since is not None
            assert s.now - calm_since >= timing.keep


@given(timings, looks)
def test_episodes_count_the_firings(timing: Timing, looks: list[Look]) -> None:
    seen = live(timing, looks)
    episodes = [s.step.memory.episode for s in seen if s.step.action == "fired"]
    assert episodes == list(range(1, len(episodes) + 1))


@given(timings, looks)
def test_what_was_armed_silently_says_nothing_before_it_has_been_clear(
    timing: Timing, looks: list[Look]
) -> None:
    seen = live(timing, looks, Phase.SILENT)
    released = next((i for i, s in enumerate(seen) if s.truth.clear and not s.truth.when), len(seen))
    assert all(s.step.action is None for s in seen[: released + 1])


@given(timings, looks, st.integers(0, 3))
def test_looking_again_at_the_same_moment_changes_nothing(
    timing: Timing, looks: list[Look], again: int
) -> None:
    # One condition cannot be true and clear at once here: where it is, the rule's author asked for both.
    plain = [Look(look.gap, Truth(look.truth.when, not look.truth.when)) for look in looks]
    often = [part for look in plain for part in (look, *[Look(timedelta(0), look.truth)] * again)]
    said = [(s.now, s.step.action) for s in live(timing, plain) if s.step.action]
    assert [(s.now, s.step.action) for s in live(timing, often) if s.step.action] == said


@given(timings, looks, st.data())
def test_a_look_that_lags_behind_makes_no_span_longer(
    timing: Timing, looks: list[Look], data: st.DataObject
) -> None:
    """A sweep while behind may see an earlier now than the snapshot before it."""
    now, phase, memory = T0, Phase.INACTIVE, Memory()
    fired: list[datetime] = []
    for look in looks:
        now += look.gap
        at = now - data.draw(spans)
        step = advance(phase, memory, look.truth, at, timing)
        if step.action == "fired":
            fired.append(at)
        phase, memory = step.phase, step.memory
    assert all(later - earlier >= timing.cooldown for earlier, later in itertools.pairwise(fired))
