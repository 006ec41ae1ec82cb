"""Random customers' lives, and the ways to hand them to scoring."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
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
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionSkipped,
)
from libs.events.families.customer import CustomerUpdated, OutreachTaskCompleted
from libs.events.families.engagement import (
    EmailClicked,
    EmailOpened,
    EmailSent,
    EmailSubscribed,
    EmailUnsubscribed,
    SiteVisited,
    SmsReplied,
)
from libs.events.families.relationship import (
    NoteAdded,
    ReviewSubmitted,
    SurveyAnswered,
    TicketCommented,
    TicketOpened,
    TicketRated,
    TicketSolved,
)
from libs.runtime.stream import LocalRunner
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.row import MEMORY, ROW
from services.scoring.service import Scorer

START = datetime(2026, 1, 1, tzinfo=UTC)
CARD = load_scorecard(STARTER)

# Within the bounds that docs/health.md states: four recent orders and tickets, 60 days, three skips.
ORDERS, TICKETS, DAYS = 4, 4, 60

_money = st.integers(0, 50_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
_order = st.integers(1, ORDERS).map(str)
_ticket = st.integers(1, TICKETS).map(str)
_mood = st.sampled_from([None, "negative", "neutral", "positive"])
_sub: dict[str, Any] = {"subscription_id": "s", "amount": "10.00", "currency": "USD", "interval_days": 30}


def _placed(number: str) -> OrderPlaced:
    """An order's first version is a function of its id: the id is one fact."""
    n = int(number)
    return OrderPlaced(order_id=number, amount=f"{10 * n}.00", currency="USD", gift=n == 3, counts=n != 2)


ORDER_EVENTS = st.one_of(
    _order.map(_placed),
    st.builds(OrderUpdated, order_id=_order, amount=_money, currency=st.just("USD")),
    st.builds(OrderCancelled, order_id=_order),
    st.builds(OrderRefunded, order_id=_order, refund_id=st.just("r"), amount=_money, currency=st.just("USD")),
    st.builds(
        ReturnRequested, return_id=st.just("r"), order_id=_order, amount=_money, currency=st.just("USD")
    ),
    st.builds(OrderShipped, order_id=_order),
    st.builds(OrderDelivered, order_id=_order),
)
ENGAGEMENT_EVENTS = st.one_of(
    st.builds(SiteVisited, session_id=st.integers(1, 20).map(str)),
    st.just(EmailClicked()),
    st.just(EmailOpened()),
    st.just(EmailSent()),
    st.just(SmsReplied()),
    st.just(EmailUnsubscribed()),
    st.just(EmailSubscribed()),
)
SUPPORT_EVENTS = st.one_of(
    st.builds(TicketOpened, ticket_id=_ticket, sentiment=_mood),
    st.builds(TicketCommented, ticket_id=_ticket, sentiment=_mood),
    st.builds(TicketSolved, ticket_id=_ticket),
    st.builds(TicketRated, ticket_id=_ticket, satisfaction=st.integers(0, 100)),
    st.builds(NoteAdded, note_id=st.just("n"), sentiment=_mood),
    st.builds(
        OutreachTaskCompleted,
        intervention_id=st.just("i"),
        task_id=st.just("t"),
        outcome=st.sampled_from(["resolved", "not_resolved", "reached"]),
        sentiment=_mood,
    ),
)
ACCOUNT_EVENTS = st.one_of(
    st.just(SubscriptionRenewed(**_sub)),
    st.just(SubscriptionPaused(**_sub)),
    st.just(SubscriptionSkipped(**_sub)),
    st.just(SubscriptionPaymentFailed(**_sub)),
    st.builds(CustomerUpdated, excluded=st.booleans()),
    st.builds(
        SurveyAnswered,
        survey_id=st.just("s"),
        response_id=st.just("r"),
        kind=st.sampled_from(["nps", "csat"]),
        score=st.integers(1, 5),
    ),
    st.builds(ReviewSubmitted, review_id=st.just("r"), rating=st.integers(1, 5)),
)


@st.composite
def lives(draw: st.DrawFn, *kinds: st.SearchStrategy[Any], most: int = 25) -> list[AnyEvent]:
    """Events of one customer in no order of time, all received when the last has happened.

    No two happen in the same second: a shop's clock tells what came last.
    """
    what = draw(st.lists(st.one_of(*kinds), min_size=1, max_size=most))
    seconds = draw(
        st.lists(st.integers(0, DAYS * 86_400 - 1), min_size=len(what), max_size=len(what), unique=True)
    )
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
        run.send([(e.key, encode(e)) for e in events[low:high]], START)
    return run


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
