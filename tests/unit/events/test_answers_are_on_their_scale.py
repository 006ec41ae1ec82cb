"""An answer to a survey is on its own scale: 7 of 10 is no CSAT."""

import pytest
from pydantic import ValidationError

from libs.events.families.relationship import SCALES, SurveyAnswered


def answer(kind: str, score: int) -> SurveyAnswered:
    body = {"survey_id": "s", "response_id": "r", "kind": kind, "score": score}
    return SurveyAnswered.model_validate(body)


@pytest.mark.parametrize("kind", SCALES)
def test_its_ends_are_on_it(kind: str) -> None:
    assert [answer(kind, end).score for end in SCALES[kind]] == list(SCALES[kind])


@pytest.mark.parametrize(
    ("kind", "score"), [("nps", -1), ("nps", 11), ("csat", 0), ("csat", 6), ("ces", 0), ("ces", 8)]
)
def test_what_is_beyond_is_refused(kind: str, score: int) -> None:
    with pytest.raises(ValidationError):
        answer(kind, score)
