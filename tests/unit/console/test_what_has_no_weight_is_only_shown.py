"""A signal without a weight is known, not scored; a person's word has none and is part of the score."""

from typing import Any

from services.outreach.console import views, words


def part(signal: str, weight: float, points: float) -> dict[str, Any]:
    return {
        "signal": signal,
        "weight": weight,
        "points": points,
        "value": 64.0,
        "evidence": 0.7,
        "text": signal,
    }


def why(*parts: dict[str, Any]) -> views.Why:
    return views.why({"base": 50.0, "contributions": parts}, 48.9)


def test_a_signal_without_a_weight_is_no_bar() -> None:
    found = why(part("usage_depth", 0.0, 0.0), part("purchase_recency", 0.3, -9.1))
    assert [bar.signal for bar in found.bars] == ["purchase_recency"]
    assert found.shown == (views.Shown("usage_depth", "usage_depth", 64.0, 70.0),)


def test_a_signal_with_a_weight_is_a_bar_even_where_it_gives_nothing() -> None:
    found = why(part("support_sentiment", 0.2, 0.0))
    assert [bar.signal for bar in found.bars] == ["support_sentiment"]
    assert found.shown == ()


def test_a_persons_word_is_a_bar_whatever_it_gives() -> None:
    for points in (-20.0, 0.0):
        found = why(part("override", 0.0, points), part("survey", 0.0, 0.0))
        assert [(bar.signal, bar.points) for bar in found.bars] == [("override", points)]
        assert [one.signal for one in found.shown] == ["survey"]


def test_a_persons_word_is_labelled_as_one() -> None:
    assert words.signal("override") == "A person's override"
    assert words.signal("usage_depth") == "Usage depth"
