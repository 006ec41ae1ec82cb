"""What holds whatever comes: caps, one decision a trigger, and who is held out."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import encode
from libs.runtime.clock import FakeClock
from services.outreach.domain.decide import Policy, decide, holdout, share_of
from services.outreach.domain.messages import MessagePolicy, QuietHours, Situation, may_send, quiet_until
from services.outreach.domain.outcome import ObservedOrder, OrderFact, observe, result
from services.outreach.domain.trigger import CustomerState, Past
from services.outreach.effects import TopicNames
from services.outreach.ports import Record
from services.outreach.service import Decider
from services.outreach.testing import MemoryUnits, SilentMetrics
from tests.unit.outreach.factories import NOON, REACHABLE, fired, playbook, shipped, trigger

RULES = ("engagement-drop", "no-site-activity", "negative-support-unresolved")
BOOK = shipped().book

firings = st.lists(
    st.tuples(
        st.floats(0, 120),
        st.sampled_from(RULES),
        st.sampled_from(("new", "mid", "loyal", "lapsed")),
        st.sampled_from(("yellow", "red")),
    ),
    max_size=40,
)


@given(firings, st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_a_customer_never_gets_two_plays_within_the_cap(
    events: list[tuple[float, str, str, str]], share: float, programme: float
) -> None:
    policy = Policy(playbook_share=share, programme_share=programme)
    past: list[Past] = []
    for days, rule, stage, level in sorted(events):
        now = NOON + timedelta(days=days)
        past = [replace(one, is_open=now - one.opened_at < timedelta(days=30)) for one in past]
        one = trigger(rule=rule, stage=stage, level=level)
        verdict = decide(one, CustomerState(REACHABLE, None, tuple(past)), BOOK, policy, now)
        if verdict.decision == "suppressed":
            continue
        assert verdict.playbook is not None
        arm = "treated" if verdict.decision == "opened" else "control"
        past.append(Past(verdict.playbook.id, arm, verdict.playbook.owed, is_open=True, opened_at=now))
        assert not (verdict.playbook.owed and arm == "control")
    limited = [one.opened_at for one in past if not one.owed]
    assert all(later - earlier >= policy.frequency_cap for earlier, later in pairwise(limited))


@given(st.lists(st.floats(0, 60), max_size=30), st.integers(1, 4), st.integers(1, 20))
@settings(deadline=None)
def test_no_window_ever_holds_more_marketing_messages_than_the_cap(
    days: list[float], cap: int, window: int
) -> None:
    policy = MessagePolicy(cap=cap, cap_window=timedelta(days=window))
    sent = []
    for day in sorted(days):
        now = NOON + timedelta(days=day)
        if may_send(Situation("marketing", REACHABLE, sent_at=sent), policy, now).send:
            sent.append(now)
    for at in sent:
        assert sum(1 for other in sent if at <= other < at + policy.cap_window) <= cap


@given(st.floats(0.05, 0.6), st.text("abcdef0123", min_size=1, max_size=8))
@settings(deadline=None, max_examples=12)
def test_the_share_held_out_is_the_share_asked_for_and_never_moves(share: float, salt: str) -> None:
    one = playbook(experiment=salt)
    policy = Policy(programme_share=0, playbook_share=share)
    customers = [trigger(customer_id=f"c{number}") for number in range(4000)]
    held = [holdout(customer, one, policy) is not None for customer in customers]
    assert held == [holdout(customer, one, policy) is not None for customer in customers]
    deviation = 5 * (share * (1 - share) / len(held)) ** 0.5  # 5 sigma of a binomial
    assert abs(sum(held) / len(held) - share) < deviation


@given(st.text(max_size=5), st.text(max_size=5), st.floats(0, 1), st.floats(0, 1))
@settings(deadline=None)
def test_a_larger_share_keeps_everybody_who_was_held_out(
    tenant: str, customer: str, first: float, second: float
) -> None:
    small, large = sorted((first, second))
    assert not share_of("salt", tenant, customer) < small or share_of("salt", tenant, customer) < large


@given(
    st.datetimes(
        min_value=NOON.replace(tzinfo=None), max_value=(NOON + timedelta(days=400)).replace(tzinfo=None)
    ),
    st.sampled_from(("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", None)),
)
@settings(deadline=None)
def test_the_end_of_quiet_hours_is_never_quiet_and_less_than_a_day_away(at, zone: str | None) -> None:
    now = at.replace(tzinfo=NOON.tzinfo)
    until = quiet_until(now, zone, QuietHours())
    if until is not None:
        assert now < until <= now + timedelta(hours=25)  # a night in which clocks go back is an hour longer
        assert quiet_until(until, zone, QuietHours()) is None


class CrashError(Exception):
    """The process ends here."""


class CrashingUnits(MemoryUnits):
    """Ends the process before the commit, or right after it, as a plan says."""

    def __init__(self, plan: Sequence[str]) -> None:
        super().__init__()
        self.plan = list(plan)

    @asynccontextmanager
    async def __call__(self):
        step = self.plan.pop(0) if self.plan else "fine"
        async with super().__call__() as unit:
            yield unit
            if step == "before":
                raise CrashError
        if step == "after":
            raise CrashError


def consume(units: CrashingUnits, log: Sequence[Record], batches: Sequence[int], clock: FakeClock) -> None:
    """A consumer that begins again at the stored position whenever it ends, and sometimes too early."""
    decider = Decider(units, BOOK, Policy(playbook_share=0.3), clock, SilentMetrics())
    topic = TopicNames().triggers

    async def go() -> None:
        sizes = list(batches)
        while True:
            start = units.tables.positions.get((topic, 0), 0)
            size = sizes.pop(0) if sizes else 7
            redelivered = max(start - size % 3, 0)
            part = log[redelivered : start + size]
            if start >= len(log):
                return
            try:
                await decider.on_records(part)
            except CrashError:
                continue

    asyncio.run(go())


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 9), st.sampled_from(RULES), st.booleans()),
        min_size=1,
        max_size=25,
    ),
    st.lists(st.sampled_from(("fine", "before", "after")), max_size=12),
    st.lists(st.integers(1, 9), max_size=12),
)
@settings(deadline=None, max_examples=60)
def test_each_trigger_has_one_decision_and_one_event_whatever_is_redelivered_or_crashes(
    triggers: list[tuple[int, int, str, bool]], crashes: list[str], batches: list[int]
) -> None:
    log = [
        Record(0, offset, b"", encode(fired(f"{rule}:c{who}:{episode}", f"c{who}", rule=rule)))
        for offset, (who, episode, rule, _) in enumerate(triggers)
    ]
    units = CrashingUnits(crashes)
    units.tables.contacts = {("demo", f"c{who}"): REACHABLE for who, _, _, known in triggers if known}
    consume(units, log, batches, FakeClock(NOON))
    expected = {f"{rule}:c{who}:{episode}" for who, episode, rule, _ in triggers}
    assert set(units.tables.decisions) == expected
    events: Mapping[str, int] = Counter(key for key in units.tables.outbox if "decision" in key)
    assert len(events) == len(expected)
    opened = [one for one in units.tables.decisions.values() if one.decision != "suppressed"]
    assert {one.intervention_id for one in opened} == set(units.tables.interventions)
    assert max(units.tables.positions.values()) == len(log)


facts = st.lists(
    st.builds(
        OrderFact,
        kind=st.sampled_from(("placed", "updated", "cancelled", "refunded")),
        order_id=st.just("o1"),
        at=st.integers(0, 40).map(lambda day: NOON + timedelta(days=day)),
        amount_minor=st.integers(0, 5000),
        refund_id=st.sampled_from(("r1", "r2")),
    ),
    max_size=6,
    unique_by=lambda fact: (
        (fact.kind, fact.at, fact.refund_id) if fact.kind != "refunded" else fact.refund_id
    ),
)


@given(facts, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_events_about_an_order_fold_to_the_same_in_any_order_and_when_repeated(given_facts, random) -> None:
    def folded(sequence):
        order = ObservedOrder("o1")
        for fact in sequence:
            order = observe(order, fact)
        return order

    distinct = {(one.kind, one.at): one for one in given_facts if one.kind in ("placed", "updated")}
    clean = [*distinct.values(), *(one for one in given_facts if one.kind in ("cancelled", "refunded"))]
    shuffled = [*clean, *clean]
    random.shuffle(shuffled)
    assert folded(shuffled) == folded(sorted(clean, key=lambda one: one.at))
    found = result([folded(clean)], NOON, NOON + timedelta(days=30))
    assert found.revenue_minor >= 0
    assert (found.result == "success") == (found.orders == 1)
