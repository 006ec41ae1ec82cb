"""The class of a ticket's words. The class is kept, the words are thrown away (FIELD rule 16).

A word list, not a model: it runs in microseconds, says the same every time and can be read. It errs toward
neutral: an ordinary question must not look like trouble. It knows English alone: of what is not recognisably
English it says nothing, for "neutral" would be a claim.
"""

import re

from libs.events.types import Sentiment

_MAX = 20_000  # characters; a quoted thread beyond that adds nothing
_CLAUSES = re.compile(r"[,.;:!?\n]+")
# Whole words of any alphabet: the first half of an accented one (best\u00e4tigt) is another word.
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_FEW = 3  # words: so short a text tells no language
_NEGATIONS = frozenset(
    {"not", "no", "never", "isn't", "wasn't", "don't", "didn't", "can't", "won't", "without"}
)
_NEGATIVE_WORDS = """
angry annoyed annoying appalling awful bad broke broken cancel cancelled complain complaint cracked damaged
defective delayed disappointed disappointing disappointment disgusting dispute dreadful faulty fault
frustrated frustrating furious garbage hate horrible ignored incompetent ripped joke late leaking lied lost
mess missing mistake nightmare overcharged pathetic poor problem refund ridiculous rubbish rude scam
scratched shocking slow terrible torn unacceptable unhappy unhelpful unprofessional unreliable upset useless
waste worse worst wrong
"""
_POSITIVE_WORDS = """
amazing appreciate appreciated awesome beautiful best brilliant delighted excellent fantastic friendly glad
good grateful great happy helpful impressed kind love loved lovely perfect pleased prompt quick recommend
satisfied superb terrific thank thanks wonderful
"""
_NEGATIVE = frozenset(_NEGATIVE_WORDS.split())
_POSITIVE = frozenset(_POSITIVE_WORDS.split())
# Nothing by themselves; with a negation a complaint.
_EXPECTED = frozenset(
    {"acceptable", "answered", "arrived", "received", "resolved", "work", "working", "works"}
)
_FUNCTION_WORDS = """
about after and any because been before can could couldn't did does doesn't from how i'd i'll i'm i've it
it's my our please should some that the their them there these they this those very were what what's when
where which who why with would wouldn't you your
"""
# Ordinary words of other languages too: they weigh, and make no text English.
_FOREIGN_TOO = frozenset({"bad", "best", "kind", "lied", "mess", "no", "perfect", "prompt", "quick", "rude"})
_ENGLISH = frozenset(_FUNCTION_WORDS.split()) | (
    (_NEGATIVE | _POSITIVE | _NEGATIONS | _EXPECTED) - _FOREIGN_TOO
)
_REACH = 3  # words that a negation reaches within its clause: "not at all happy"
_TAGS: dict[str, Sentiment] = {
    "negative": "negative",
    "angry": "negative",
    "complaint": "negative",
    "positive": "positive",
    "praise": "positive",
    "neutral": "neutral",
}


def classify(text: str | None) -> Sentiment | None:
    """None if it is not known to be English; else negative or positive if one side outweighs the other."""
    plain = (text or "")[:_MAX].lower().replace("\u2019", "'")
    clauses = [_WORDS.findall(clause) for clause in _CLAUSES.split(plain)]
    if not _may_be_english([word for words in clauses for word in words]):
        return None
    balance = sum(_weight(words, place) for words in clauses for place in range(len(words)))
    if balance <= -1:
        return "negative"
    return "positive" if balance >= 1 else "neutral"


def _may_be_english(words: list[str]) -> bool:
    """A few words of our letters may be; more must have at least one that English has and others do not."""
    if len(words) <= _FEW:
        return any(word.isascii() for word in words)
    return not _ENGLISH.isdisjoint(words)


def from_tags(tags: set[str]) -> Sentiment | None:
    """What a tool's own tags say, with or without a prefix such as sentiment_."""
    found = (_TAGS.get(tag.removeprefix("sentiment_").removeprefix("sentiment:")) for tag in sorted(tags))
    return next((sentiment for sentiment in found if sentiment), None)


def _weight(words: list[str], place: int) -> int:
    word = words[place]
    negated = not _NEGATIONS.isdisjoint(words[max(0, place - _REACH) : place])
    if negated and (word in _POSITIVE or word in _EXPECTED):
        return -1  # "not happy", "never arrived"
    if negated:
        return 0  # "no problem" is no praise
    return (word in _POSITIVE) - (word in _NEGATIVE)
