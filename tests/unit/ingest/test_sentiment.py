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


@pytest.mark.parametrize(
    "text",
    [
        "Das ist furchtbar, alles kam kaputt an",
        "Mein Kind freut sich sehr, vielen Dank",  # kind is a listed word
        "Bitte best\u00e4tigt mir die Lieferung",  # best is one, and no part of a word is a word
        "No ha llegado nada todav\u00eda",
        "Le colis est arriv\u00e9 cass\u00e9, je suis d\u00e9\u00e7u",
        "Het pakket is helemaal kapot aangekomen",
        "\u0421\u043f\u0430\u0441\u0438\u0431\u043e",
        "\u5546\u54c1\u304c\u58ca\u308c\u3066\u3044\u307e\u3057\u305f",
    ],
)
def test_what_is_not_known_to_be_english_is_given_no_class(text):
    assert classify(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Package damaged, horrible service", "negative"),  # no function word, and listed ones
        ("can you tell me more", "neutral"),
        ("Awful!", "negative"),
        ("Parcel?", "neutral"),
    ],
)
def test_english_needs_no_whole_sentence(text, expected):
    assert classify(text) == expected


def test_a_tools_own_tags_are_read():
    assert from_tags({"vip", "sentiment_negative"}) == "negative"
    assert from_tags({"vip"}) is None
