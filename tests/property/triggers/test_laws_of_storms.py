"""What holds of the storm guard: nothing lost, nothing said twice, and what was dropped must clear first."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent
from libs.events.families.health import TriggerCleared
from libs.runtime.stream import Transfer
from services.triggers.domain import requests
from services.triggers.domain.book import watches_of
from services.triggers.domain.guard import Limits, Storm, Watch
from services.triggers.domain.lifecycle import Phase
from services.triggers.domain.requests import Action, Request
from services.triggers.service import Triggers
from tests.unit.triggers.shop import Shop, fired, probe, snapshot

MINUTE = timedelta(minutes=1)
NAMES = [f"c{i}" for i in range(8)]
RULE = probe("score < 30", "score > 60")
WELL, EDGE, ILL = 70.0, 50.0, 20.0
STORM: tuple[Action, ...] = ("storm-release", "storm-drop")

acts = st.one_of(
    st.tuples(
        st.just("see"), st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([WELL, EDGE, ILL])))
    ),
    st.tuples(st.just("ask"), st.sampled_from(STORM)),
    st.tuples(st.just("sweep"), st.none()),
    st.tuples(st.just("restart"), st.none()),
)
courses = st.lists(st.tuples(st.integers(0, 40), acts), max_size=25)


@dataclass
class Course:
    """One shop with a guard and its twin without, told the same. The twin says what the lifecycle fires."""

    shop: Shop = field(default_factory=lambda: guarded(2))
    twin: Shop = field(default_factory=lambda: guarded(1_000))
    said: list[AnyEvent] = field(default_factory=list)
    dropped: set[str] = field(
        default_factory=set
    )  # whose firing was dropped, and who has not been well since

    def act(self, what: str, value: Any) -> None:
        if what == "see":
            events = [snapshot(name, self.shop.now, score=score) for name, score in dict(value).items()]
            self.dropped -= {name for name, score in dict(value).items() if score == WELL}
            self.hear(self.shop.send(*events))
            self.twin.send(*events)
        elif what == "ask":
            self.ask(value)
        elif what == "restart":
            self.shop.runner.restart()
        else:
            self.hear(self.shop.sweep())

    def ask(self, action: Action) -> None:
        request = requests.encode(Request("r", action, "probe"))
        before = self.held()
        self.shop.runner.receive([Transfer(b"probe", request)], self.shop.now)
        self.hear(self.shop.sweep())
        if action == "storm-drop":
            self.dropped |= before

    def held(self) -> set[str]:
        rows = self.shop.runner.rows
        return {
            rows.key_of(slot).decode().removeprefix("demo/")
            for slot in rows.slots.tolist()
            if rows.array["phases"][slot].max(initial=0) == Phase.HELD
        }

    def hear(self, events: list[AnyEvent]) -> None:
        assert not {event.subject for event in events if fired([event])} & self.dropped
        self.said += events


def guarded(least: int) -> Shop:
    shop = Shop(RULE)
    shop.runner.service = Triggers(RULE, limits=Limits(share=0.01, least=least))
    return shop


def live(course: list[tuple[int, tuple[str, Any]]]) -> Course:
    life = Course()
    for minutes, (what, value) in course:
        life.shop.now += minutes * MINUTE
        life.twin.now = life.shop.now
        life.act(what, value)
        check(life)
    return life


def check(life: Course) -> None:
    book, twin = life.shop.ledger, life.twin.ledger
    at_once = book.get("fired", 0) - book.get("held_released", 0)
    ended = sum(book.get(f"held_{end}", 0) for end in ("released", "dropped", "cleared"))
    assert at_once + book.get("held", 0) == twin.get("fired", 0)
    assert book.get("held", 0) == ended + len(life.held())
    known = watches_of(life.shop.runner.rows.memo).get("probe", Watch())
    assert known.held == len(life.held())
    assert known.storm in (Storm.NONE, Storm.HELD)  # what was decided is over with the sweep after it
    assert len({event.id for event in life.said}) == len(life.said)


@settings(deadline=None, max_examples=80)
@given(courses)
def test_held_and_sent_is_what_the_lifecycle_fired_and_nothing_is_said_twice(
    course: list[tuple[int, tuple[str, Any]]],
) -> None:
    life = live(course)
    assert len(fired(life.said)) == life.shop.ledger.get("fired", 0)


@settings(deadline=None, max_examples=40)
@given(courses)
def test_nobody_is_said_to_be_well_again_who_was_never_said_to_be_ill(
    course: list[tuple[int, tuple[str, Any]]],
) -> None:
    seen: Counter[str] = Counter()
    for event in live(course).said:
        seen[event.subject] += -1 if isinstance(event.data, TriggerCleared) else 1
        assert seen[event.subject] in (0, 1)


def test_such_a_course_meets_everything() -> None:
    """Or the laws above would hold of calm weather."""
    everybody: list[tuple[int, tuple[str, Any]]] = [
        (5, ("see", [(name, score) for name in NAMES])) for score in (WELL, ILL)
    ]
    course = [*everybody, (1, ("ask", "storm-drop")), *everybody, (1, ("ask", "storm-release"))]
    book = live([*course, *everybody, everybody[0]]).shop.ledger
    assert min(book[f"held_{end}"] for end in ("released", "dropped", "cleared")) > 0
