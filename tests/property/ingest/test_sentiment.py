"""Whatever a text is, its class is one of the named or missing."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from libs.events.types import Sentiment
from services.ingest.domain.sentiment import classify

TEXT = """
the not never furchtbar kaputt awful happy best bad no Stra\u00dfe l\u2019eau \u0130 \u5546\u54c1 12 ' - , . !
"""
WORDS = TEXT.split()


@given(st.one_of(st.none(), st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join)))
def test_any_text_has_a_named_class_or_none(text: str | None):
    assert classify(text) in {*get_args(Sentiment), None}


@given(st.text(alphabet=st.characters(exclude_categories=("L",))))
def test_what_holds_no_word_has_no_class(text: str):
    assert classify(text) is None


@given(st.lists(st.sampled_from(["furchtbar", "kaputt", "\u00fcberall", "Strasse", "nichts"]), min_size=4))
def test_words_that_are_all_unknown_have_no_class(words: list[str]):
    assert classify(" ".join(words)) is None
