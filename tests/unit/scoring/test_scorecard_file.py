"""A scorecard that cannot be used is refused with its line."""

import re
from pathlib import Path

import pytest

from libs.runtime.errors import ConfigError
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard

WEIGHTS = """version: mine-1
signals:
  - {name: purchase_recency, weight: 0.5}
  - {name: support_sentiment, weight: 0.5}
"""


def refused(folder: Path, text: str) -> str:
    path = folder / "card.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_scorecard(path)
    return str(caught.value).replace(str(path), "card")


def test_the_shipped_starter_loads_and_leaves_nothing_to_the_defaults() -> None:
    card = load_scorecard(STARTER)
    assert card.version == "starter-1"
    assert (
        card.model_dump()
        == card.model_validate({"version": "starter-1", "signals": card.signals}).model_dump()
    )


def test_a_good_one_loads(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(WEIGHTS)
    assert [s.weight for s in load_scorecard(path).signals] == [0.5, 0.5]


def test_weights_that_do_not_add_up(tmp_path: Path) -> None:
    text = WEIGHTS.replace("support_sentiment, weight: 0.5", "support_sentiment, weight: 0.4")
    assert refused(tmp_path, text).startswith("card:2: signals: the weights add up to 0.9000")


def test_an_unknown_signal(tmp_path: Path) -> None:
    assert refused(tmp_path, WEIGHTS.replace("support_sentiment", "horoscope")).startswith(
        "card:4: signals.1.name: no signal is called 'horoscope': there are purchase_recency, "
    )


def test_a_signal_named_twice(tmp_path: Path) -> None:
    text = WEIGHTS.replace("support_sentiment", "purchase_recency")
    assert "purchase_recency named twice" in refused(tmp_path, text)


def test_an_unknown_setting(tmp_path: Path) -> None:
    text = WEIGHTS + "bands:\n  green: 65\n  blue: 80\n"
    assert refused(tmp_path, text).startswith("card:7: bands.blue: Extra inputs")


def test_a_signal_that_is_nearly_one(tmp_path: Path) -> None:
    text = WEIGHTS.replace("support_sentiment", "support_sentimant")
    assert refused(tmp_path, text).endswith("did you mean support_sentiment?")


def test_an_override_is_no_signal(tmp_path: Path) -> None:
    text = WEIGHTS.replace("support_sentiment", "override")
    assert "no signal is called 'override'" in refused(tmp_path, text)


SEGMENTS = (
    WEIGHTS
    + """\
segments:
  - names: [subscription, refill]
    signals: [{name: subscription, weight: 1}]
  - names: [furniture]
    signals:
      - {name: engagement_trend, weight: 0.5}
      - {name: engagement_level, weight: 0.5}
"""
)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("furniture]", "furniture, refill]", "card:8: segments.1.names: refill stands in two places"),
        ("[furniture]", "[furniture, furniture]", "card:8: segments.1.names: one stands in two places"),
        (
            "weight: 0.5}\n      - {name: engagement_level",
            "weight: 0.4}\n      - {name: engagement_level",
            "card:9: segments.1: signals: the weights add up to 0.9000 instead of 1",
        ),
        (
            "weight: 1}]",
            "weight: 1}]\n    shop: {tau_days: 90}",
            "card:8: segments.0.shop.tau_days: is one for the whole file, 365",
        ),
        (
            "weight: 1}]",
            "weight: 1}]\n    support: {fade_days: 9}",
            "card:8: segments.0.support.fade_days: is one for the whole file, 45",
        ),
    ],
)
def test_segments_that_cannot_be(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert refused(tmp_path, SEGMENTS.replace(right, wrong)).startswith(said)


def test_a_segment_has_what_it_names_and_else_the_files(tmp_path: Path) -> None:
    path = tmp_path / "card"
    path.write_text(SEGMENTS.replace("[furniture]", "[furniture]\n    bands: {green: 60, red: 40}"))
    card = load_scorecard(path)
    everybody, refill, furniture = card.cards()
    assert (refill.bands, refill.signals[0].name) == (everybody.bands, "subscription")
    assert (furniture.bands.green, furniture.stages) == (60.0, everybody.stages)
    assert card.places() == {"subscription": 1, "refill": 1, "furniture": 2}


def test_bands_that_overlap(tmp_path: Path) -> None:
    assert refused(tmp_path, WEIGHTS + "bands: {green: 45, red: 42}\n").startswith("card:5: bands: ")


def test_broken_yaml_and_no_file(tmp_path: Path) -> None:
    assert refused(tmp_path, "version: [1\nsignals: }").startswith("card:2: not YAML")
    with pytest.raises(ConfigError, match="No such file"):
        load_scorecard(tmp_path / "missing.yaml")


def test_the_scorecards_of_the_docs_can_be_used(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "health.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        path = tmp_path / "card.yaml"
        path.write_text(block)
        load_scorecard(path)
