"""The console's movements are those that scoring tells on `health.changed` and in `explain`."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from services.outreach.console import moved
from services.scoring.domain.signals import COUNT, NAMES
from services.scoring.domain.snapshot import Said, change_of

# Whole hundredths as well, so that movements of exactly the least size come up.
points = st.none() | st.floats(-60, 60) | st.integers(-20, 20).map(lambda hundredths: hundredths / 100)
signals = st.lists(points, min_size=COUNT, max_size=COUNT)


@given(signals, signals)
def test_both_name_the_same_signals_points_and_sentences(
    before: list[float | None], after: list[float | None]
) -> None:
    parts = [
        {"signal": name, "points": given, "text": f"What {name} says"}
        for name, given in zip(NAMES, after, strict=True)
        if given is not None
    ]
    snapshot = SimpleNamespace(
        score=50.0,
        band="green",
        confidence=1.0,
        cause="silence",
        contributions=[SimpleNamespace(**part) for part in parts],
    )
    said = change_of(
        Said(50.0, 1, 1.0, [given or 0.0 for given in before]), snapshot, [p or 0.0 for p in after]
    )
    kept = {name: given for name, given in zip(NAMES, before, strict=True) if given is not None}
    found = moved.movements(kept, parts)
    assert {(one.signal, round(one.points, 4), one.text) for one in found} == {
        (one.signal, one.points, one.text) for one in said.why
    }
    # In the same order but for those that moved equally far.
    assert [abs(round(one.points, 4)) for one in found] == [abs(one.points) for one in said.why]
