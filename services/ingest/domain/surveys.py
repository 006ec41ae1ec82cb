"""Scores on the scales of our events, whatever the survey tool's own are."""

from typing import Literal

from libs.events.families import relationship
from libs.events.families.relationship import SurveyAnswered
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.reading import Node

Kind = Literal["nps", "csat", "ces"]
SCALES = relationship.SCALES


def answered(survey: str, response: str, kind: Kind, score: Node, given: tuple[int, int]) -> SurveyAnswered:
    """An answer whose score was given on the scale `given`, brought to the kind's own; a half goes up."""
    points = between(score, given)
    (low, high), (first, last) = SCALES[kind], given
    wide, own = last - first, high - low
    scaled = low + (2 * (points - first) * own + wide) // (2 * wide)
    return SurveyAnswered(survey_id=survey, response_id=response, kind=kind, score=scaled)


def satisfaction(stars: Node) -> int:
    """A ticket's rating of 1 to 5 as 0 to 100."""
    return (between(stars, (1, 5)) - 1) * 25


def between(score: Node, scale: tuple[int, int]) -> int:
    """A whole score. Raises NotUnderstoodError if there is none, or one outside its scale."""
    found = score.integer()
    if found is None or not scale[0] <= found <= scale[1]:
        raise NotUnderstoodError("missing_rating", f"the score is not a number from {scale[0]} to {scale[1]}")
    return found
