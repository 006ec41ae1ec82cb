"""Random customers' lives, and the ways to hand them to scoring."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from libs.events import AnyEvent, build, encode
from libs.events.families.commerce import (
    OrderCancelled,
    OrderDelivered,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    OrderUpdated,
    ReturnRequested,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionSkipped,
)
from libs.events.families.customer import CustomerHealthOverridden, CustomerUpdated, OutreachTaskCompleted
from libs.events.families.engagement import (
    EmailClicked,
    EmailOpened,
    EmailSent,
    EmailSubscribed,
    EmailUnsubscribed,
    ProductViewed,
    SiteVisited,
    SmsReplied,
)
from libs.events.families.relationship import (
    AccountRenewalSet,
    AccountSeatsChanged,
    ContactChanged,
    MilestonePlanned,
    MilestoneReached,
    NoteAdded,
    ReferralMade,
    ReviewSubmitted,
    SurveyAnswered,
    SurveyAsked,
    TicketCommented,
    TicketEscalated,
    TicketOpened,
    TicketRated,
    TicketReopened,
    TicketSolved,
    UsageRecorded,
)
from libs.runtime.stream import LocalRunner
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.facts import COLUMNS
from services.scoring.domain.memo import Partition
from services.scoring.domain.merge import merge_rows
from services.scoring.domain.numbers import Numbers, World
from services.scoring.domain.row import MEMORY, ROW
from services.scoring.domain.snapshot import describe_rows
from services.scoring.service import Scorer

START = datetime(2026, 1, 1, tzinfo=UTC)
CARD = load_scorecard(STARTER)
NUMBERS = CARD.numbers()

# Within the bounds that docs/health.md states: four recent orders and tickets, 60 days, three skips, six
# milestones.
ORDERS, TICKETS, DAYS = 4, 4, 60

_DERIVED = {"data_since", "imported_at", "tenure_days", "silence_tail_p"}

_money = st.integers(0, 50_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
_order = st.integers(1, ORDERS).map(str)
_ticket = st.integers(1, TICKETS).map(str)
_mood = st.sampled_from([None, "negative", "neutral", "positive"])
_later = st.integers(1, 400).map(lambda days: START + timedelta(days=days))
_sub: dict[str, Any] = {
    "subscription_id": st.just("s"),
    "amount": st.one_of(st.none(), _money),
    "currency": st.just("USD"),
    "interval_days": st.sampled_from([7, 30]),
    "renewal_at": st.one_of(st.none(), _later),
}


def _placed(number: str) -> OrderPlaced:
    """An order's first version is a function of its id: the id is one fact."""
    n = int(number)
    channel = "subscription" if n % 6 == 4 else "online"
    return OrderPlaced(
        order_id=number,
        amount=f"{10 * n}.00",
        currency="USD",
        channel=channel,
        gift=n % 6 == 3,
        counts=n % 6 != 2,
    )


ORDER_EVENTS = st.one_of(
    _order.map(_placed),
    st.builds(OrderUpdated, order_id=_order, amount=_money, currency=st.just("USD"), gift=st.booleans()),
    st.builds(OrderCancelled, order_id=_order),
    st.builds(OrderRefunded, order_id=_order, refund_id=st.just("r"), amount=_money, currency=st.just("USD")),
    st.builds(
        ReturnRequested, return_id=st.just("r"), order_id=_order, amount=_money, currency=st.just("USD")
    ),
    st.builds(OrderShipped, order_id=_order),
    st.builds(OrderDelivered, order_id=_order),
)
MANY_ORDERS = st.integers(1, 12).map(str).map(_placed)  # more than a row keeps; no more than placed
ENGAGEMENT_EVENTS = st.one_of(
    st.builds(SiteVisited, session_id=st.integers(1, 20).map(str)),
    st.just(ProductViewed(product_id="p", session_id="1")),
    st.just(EmailClicked()),
    st.just(EmailClicked(machine=True)),
    st.just(EmailOpened()),
    st.just(EmailSent()),
    st.just(SmsReplied()),
    st.just(EmailUnsubscribed()),
    st.just(EmailSubscribed()),
)
PEOPLES_EVENTS = st.one_of(
    st.builds(NoteAdded, note_id=st.just("n"), sentiment=_mood),
    st.builds(
        OutreachTaskCompleted,
        intervention_id=st.just("i"),
        task_id=st.just("t"),
        outcome=st.sampled_from(["resolved", "not_resolved", "reached"]),
        sentiment=_mood,
    ),
)
SUPPORT_EVENTS = st.one_of(
    st.builds(TicketOpened, ticket_id=_ticket, sentiment=_mood),
    st.builds(TicketCommented, ticket_id=_ticket, sentiment=_mood),
    st.builds(TicketEscalated, ticket_id=_ticket),
    st.builds(TicketReopened, ticket_id=_ticket),
    st.builds(TicketSolved, ticket_id=_ticket),
    st.builds(TicketRated, ticket_id=_ticket, satisfaction=st.integers(0, 100)),
    PEOPLES_EVENTS,
)
SUBSCRIPTION_EVENTS = st.one_of(
    st.builds(SubscriptionRenewed, **_sub),
    st.builds(SubscriptionChanged, **_sub),
    st.builds(SubscriptionPaused, **_sub),
    st.builds(SubscriptionSkipped, **_sub),
    st.builds(SubscriptionCancelled, **_sub),
    st.builds(SubscriptionPaymentFailed, **_sub),
    st.builds(AccountRenewalSet, renewal_at=_later),
)
SURVEY_EVENTS = st.builds(
    SurveyAnswered,
    survey_id=st.just("s"),
    response_id=st.just("r"),
    kind=st.sampled_from(["nps", "csat", "ces"]),
    score=st.integers(1, 5),
)
OVERRIDES = st.builds(CustomerHealthOverridden, score=st.integers(0, 100), until=_later)
ACCOUNT_EVENTS = st.one_of(
    SUBSCRIPTION_EVENTS,
    SURVEY_EVENTS,
    st.just(SurveyAsked(survey_id="s", kind="nps")),
    st.builds(
        CustomerUpdated, excluded=st.booleans(), segment=st.sampled_from([None, "consumer", "wholesale"])
    ),
    st.builds(AccountSeatsChanged, bought=st.integers(1, 9), active=st.integers(0, 9)),
    st.just(ContactChanged(change="champion_changed")),
    st.builds(ReviewSubmitted, review_id=st.just("r"), rating=st.integers(1, 5)),
    st.just(ReferralMade(referral_id="r")),
    OVERRIDES,
)
USAGE_EVENTS = st.builds(
    UsageRecorded,
    feature=st.integers(1, 12).map(str),
    count=st.one_of(st.integers(0, 9), st.integers(0, 200)),
    features_available=st.one_of(st.none(), st.integers(0, 30)),
)
_milestone = st.sampled_from(["kickoff", "import", "training", "report", "first_value", "value_proven"])
ONBOARDING_EVENTS = st.one_of(
    st.builds(
        MilestonePlanned,
        milestone=_milestone,
        due_at=st.integers(0, 24 * 90).map(lambda hours: START + timedelta(hours=hours)),
    ),
    st.builds(MilestoneReached, milestone=_milestone),
)
ALL = (
    *(ORDER_EVENTS, ENGAGEMENT_EVENTS, SUPPORT_EVENTS),
    *(ACCOUNT_EVENTS, USAGE_EVENTS, ONBOARDING_EVENTS),
)
EACH_FAMILY = pytest.mark.parametrize(
    "kinds",
    [ALL, *((family,) for family in ALL)],
    ids=["all", "orders", "engagement", "support", "account", "usage", "onboarding"],
)
"""All kinds together, and each family alone: there the rare meetings of two events are not rare."""

# Much falls on the first and last days: so days are shared, and feeds are alive when the life is looked at.
_day = st.one_of(st.integers(0, 1), st.integers(0, DAYS - 1), st.integers(DAYS - 2, DAYS - 1))
_second = st.builds(lambda day, second: day * 86_400 + second, _day, st.integers(0, 86_399))


@st.composite
def lives(
    draw: st.DrawFn, *kinds: st.SearchStrategy[Any], least: int = 1, most: int = 25, ties: bool = False
) -> list[AnyEvent]:
    """Events of one customer in no order of time, all received when the last has happened.

    No two happen in the same second, because a shop's clock tells what came last; with `ties` most do.
    """
    what = draw(st.lists(st.one_of(*kinds), min_size=least, max_size=most))
    when = st.integers(0, 2) if ties else _second
    seconds = draw(st.lists(when, min_size=len(what), max_size=len(what), unique=not ties))
    first: dict[str, int] = {}
    return [
        event(data, _once(data, at, first), f"e{i}")
        for i, (data, at) in enumerate(zip(what, seconds, strict=True))
    ]


def _once(data: Any, at: int, first: dict[str, int]) -> int:
    """An order is placed at one time, however often that is told."""
    return first.setdefault(data.order_id, at) if type(data) is OrderPlaced else at


def event(data: Any, at_s: float, ident: str, received_days: float = DAYS, **more: Any) -> AnyEvent:
    return build(
        data,
        id=ident,
        source="x",
        tenant="demo",
        subject=more.pop("subject", "c1"),
        time=START + timedelta(seconds=at_s),
        receivedat=START + timedelta(days=received_days),
        **more,
    )


def runner() -> LocalRunner:
    return LocalRunner(Scorer(CARD, wall=lambda: 0.0), ROW)


def feed(events: Sequence[AnyEvent], cuts: Sequence[int] = ()) -> LocalRunner:
    """All events, cut into chunks before the given places."""
    run = runner()
    bounds = [0, *sorted({c for c in cuts if 0 < c < len(events)}), len(events)]
    for low, high in pairwise(bounds):
        send(run, events[low:high])
    return run


def send(run: LocalRunner, events: Sequence[AnyEvent]) -> None:
    """All of them as one chunk."""
    run.send([(e.key, encode(e)) for e in events], START)


def split(life: Sequence[AnyEvent], owners: Sequence[int]) -> list[AnyEvent]:
    """The same events told of several customers, c1 and on: whose each is, by the owners' numbers."""
    return [e.model_copy(update={"subject": f"c{who}"}) for e, who in zip(life, owners, strict=True)]


def merge(run: LocalRunner, into: int, other: int) -> None:
    """Customer `other` turns out to be `into`."""
    slots = run.rows.ensure_many([f"demo/c{who}".encode() for who in (into, other)])
    array = run.rows.array
    merge_rows(array[slots[0]], array[slots[1]], NUMBERS.cards[0])


def facts(run: LocalRunner, key: bytes = b"demo/c1") -> dict[str, Any]:
    """The facts of a row by field; floats to nine digits, sets that have no order sorted."""
    row = run.rows.array[run.rows.find(key)]
    found: dict[str, Any] = {}
    for name in ROW.names or ():
        if name in MEMORY or name.startswith(("order_", "ticket_")):
            continue
        value = row[name]
        if name == "sub_skips":
            value = np.sort(value)
        found[name] = np.round(value, 6).tolist() if value.dtype.kind == "f" else value.tolist()
    for stem in ("order", "ticket"):
        names = [n for n in ROW.names or () if n.startswith(f"{stem}_")]
        found[stem] = sorted(zip(*(row[n].tolist() for n in names), strict=True))
    return found


def world_of(run: LocalRunner, numbers: Numbers = NUMBERS) -> World:
    """What the rows of a run are scored against."""
    partition = Partition(run.rows.memo)
    return numbers.world(partition.feeds(), partition.memo.segments)


def told(run: LocalRunner, key: bytes = b"demo/c1") -> dict[str, float]:
    """What a snapshot would say of a row at the end of the life, by fact; what is not known is left out,
    and what is no customer's own: the feeds' age, what follows from other facts.
    """
    slot = np.array([run.rows.find(key)])
    now = np.array([int(START.timestamp()) + DAYS * 86_400])
    world = world_of(run)
    found = describe_rows(run.rows.array.copy(), slot, now, world).facts[0]
    known = [i for i, name in enumerate(COLUMNS) if name not in _DERIVED and not np.isnan(found[i])]
    return {COLUMNS[i]: float(found[i]) for i in known}
