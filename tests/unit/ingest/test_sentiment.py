"""Words become a class."""

import pytest

from services.ingest.domain.sentiment import classify, from_tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This is awful, I am furious", "negative"),
        ("I am not happy with this", "negative"),
        ("It never arrived", "negative"),
        ("still not working, useless", "negative"),
        ("Thank you, great service!", "positive"),
        ("No problem", "neutral"),
        ("Where is my parcel?", "neutral"),
        ("Is this in stock in red?", "neutral"),
        ("", None),
        (None, None),
        ("12345 !!", None),
    ],
)
def test_words_become_a_class(text, expected):
    assert classify(text) == expected


def test_a_tools_own_tags_are_read():
    assert from_tags({"vip", "sentiment_negative"}) == "negative"
    assert from_tags({"vip"}) is None
