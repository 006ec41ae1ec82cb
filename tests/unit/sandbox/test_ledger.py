"""The ledger: balanced when nothing was lost or counted twice, and out of balance for each single fault."""

from collections import Counter
from dataclasses import replace

import pytest

from sandbox.domain.ledger import Attempt, Sent, Topics, balance, count_sent

ATTEMPTS = (
    Attempt(1, 200, "accepted", ("a",)),
    Attempt(2, 200, "accepted", ("b", "c")),
    Attempt(3, 200, "accepted", ("a",)),
    Attempt(4, None, "accepted"),
    Attempt(5, 503, "accepted"),
    Attempt(6, 200, "accepted", ("d",)),
    Attempt(7, 401, "refused"),
    Attempt(8, 202, "dead_letter"),
)
TOPICS = Topics(
    events=Counter({"a": 2, "b": 1, "c": 1, "d": 1, "outreach-1": 1}),
    scoring={"applied": 4, "duplicate": 1, "dead_lettered": 1},
    dead_lettered={"d"},
    fired={"t1", "t2", "t3"},
    decided=(("t1", "opened"), ("t2", "suppressed"), ("t3", "held_out")),
)
SENT = count_sent(ATTEMPTS)


def test_attempts_are_counted_by_their_answers() -> None:
    assert Sent(8, 5, 1, 2, frozenset("abcd"), forged_accepted=0, genuine_refused=0, nonsense_taken=0) == SENT


def test_the_line_is_exactly_as_promised() -> None:
    assert balance(SENT, TOPICS).line() == (
        "ledger: sent=8 accepted=5 refused=1 unconfirmed=2 records=6 applied=4 duplicate=1 dead_lettered=1 "
        "fired=3 opened=1 suppressed=1 held_out=1 BALANCED"
    )


@pytest.mark.parametrize(
    ("fault", "topics"),
    [
        ("lost between topics", replace(TOPICS, events=TOPICS.events - Counter({"b": 1}))),
        (
            "lost, and a stranger in its place",
            replace(TOPICS, events=TOPICS.events - Counter("b") + Counter("x")),
        ),
        ("counted twice", replace(TOPICS, scoring={"applied": 5, "duplicate": 0, "dead_lettered": 1})),
        ("not counted", replace(TOPICS, scoring={"applied": 3, "duplicate": 1, "dead_lettered": 1})),
        (
            "an event of a merged customer lost on its way",
            replace(TOPICS, scoring={**TOPICS.scoring, "forwarded": 2, "arrived": 1}),
        ),
        (
            "a merged row that arrived twice",
            replace(TOPICS, scoring={**TOPICS.scoring, "rows_sent": 1, "rows_received": 2}),
        ),
        ("an undecided trigger", replace(TOPICS, fired=TOPICS.fired | {"t4"})),
        ("a decision about nothing", replace(TOPICS, decided=(*TOPICS.decided, ("t9", "opened")))),
        ("two decisions", replace(TOPICS, decided=(*TOPICS.decided, ("t1", "suppressed")))),
        (
            "one decided twice, another never",
            replace(TOPICS, decided=(*TOPICS.decided[:2], ("t1", "held_out"))),
        ),
    ],
)
def test_one_fault_on_the_topics_is_out_of_balance(fault: str, topics: Topics) -> None:
    ledger = balance(SENT, topics)
    assert not ledger.balanced, fault
    assert ledger.line().endswith(" OUT OF BALANCE")
    assert ledger.faults


@pytest.mark.parametrize(
    "attempts",
    [
        (*ATTEMPTS[:3], *ATTEMPTS[4:]),  # an attempt without an end
        (*ATTEMPTS, Attempt(9, 200, "refused")),  # a forgery taken for real
        (*ATTEMPTS, Attempt(9, 401, "accepted")),  # a sound webhook refused
        (*ATTEMPTS, Attempt(9, 400, "dead_letter")),  # a broken one refused: its provider would switch us off
        (*ATTEMPTS, Attempt(9, 200, "dead_letter")),  # a broken one taken for sound
        (*ATTEMPTS, Attempt(9, 200, "accepted", ("z",))),  # accepted, and nowhere to be found
    ],
)
def test_one_fault_in_the_shops_log_is_out_of_balance(attempts: tuple[Attempt, ...]) -> None:
    assert not balance(count_sent(attempts), TOPICS).balanced


def test_being_asked_to_slow_down_is_a_refusal_but_no_fault() -> None:
    ledger = balance(count_sent((*ATTEMPTS, Attempt(9, 429, "accepted"))), TOPICS)
    assert ledger.balanced
    assert ledger.figures["refused"] == 2
