"""The facts of a customer by the words of their meaning: from the whole log, slowly, each by itself."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, exp
from statistics import pvariance
from typing import Any

from libs.events import AnyEvent
from libs.events.families.commerce import (
    OrderCancelled,
    OrderDelivered,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    OrderUpdated,
    ReturnRequested,
    SubscriptionCancelled,
    SubscriptionEvent,
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionSkipped,
)
from libs.events.families.customer import CustomerHealthOverridden, CustomerUpdated, OutreachTaskCompleted
from libs.events.families.engagement import (
    EmailClicked,
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
    TicketEscalated,
    TicketEvent,
    TicketOpened,
    TicketRated,
    TicketReopened,
    TicketSolved,
    UsageRecorded,
)
from services.scoring.domain.account import MONTH_DAYS
from services.scoring.domain.decode import key_of
from services.scoring.domain.facts import PARCEL_DAYS, SUBSCRIPTION_STATES
from services.scoring.domain.row import DAY, REFERRALS_KEPT, SKIPS_KEPT
from tests.property.scoring.lives import CARD

MOODS = {"negative": -1, "neutral": 0, "positive": 1}
STATES = {
    SubscriptionRenewed: "active",
    SubscriptionPaused: "paused",
    SubscriptionCancelled: "cancelled",
    SubscriptionPaymentFailed: "past_due",
}

Told = tuple[int, Any]  # when, and what


def minor(amount: str | None) -> int:
    return round(float(amount or 0) * 100)


class Naive:
    """One customer's log. Every method answers one question about it, `now` in seconds."""

    def __init__(self, life: Sequence[AnyEvent]) -> None:
        self.now = max(int(e.receivedat.timestamp()) for e in life)
        self.today = self.now // DAY
        self.log: list[Told] = sorted(((int(e.time.timestamp()), e.data) for e in life), key=lambda t: t[0])
        self.mail = [int(e.time.timestamp()) for e in life if e.type.startswith("email.")]

    # ---- reading the log

    def of(self, *types: type) -> list[Told]:
        return [(at, data) for at, data in self.log if isinstance(data, types)]

    def times(self, *types: type) -> list[int]:
        return [at for at, _ in self.of(*types)]

    def last(self, *types: type, where: Callable[[Any], bool] = lambda _: True) -> Any:
        found = [(at, data) for at, data in self.of(*types) if where(data)]
        return found[-1] if found else (None, None)

    # ---- orders

    def orders(self) -> dict[str, "Order"]:
        """Every order that anything was told of."""
        ids = {d.order_id for _, d in self.of(OrderPlaced, OrderCancelled, OrderRefunded)}
        return {i: Order([(at, d) for at, d in self.log if getattr(d, "order_id", None) == i]) for i in ids}

    def counted(self) -> list["Order"]:
        return sorted((o for o in self.orders().values() if o.counts), key=lambda o: o.at)

    def purchases(self) -> dict[str, Any]:
        orders = self.counted()
        in_rhythm = [o.at for o in orders if not o.gift]
        ends = {"first_order_at": orders[0].at, "last_order_at": orders[-1].at} if orders else {}
        return {
            "orders_total": len(orders),
            "spend_total": sum(o.worth for o in orders),
            "orders_90d": sum(at // DAY > self.today - 90 for at in in_rhythm),
            **ends,
            **(self.rhythm(in_rhythm) if in_rhythm else {}),
        }

    def rhythm(self, times: list[int]) -> dict[str, float]:
        """The own gap: days watched by occasions, both forgotten with tau and shrunk toward the shop."""
        shop = CARD.shop.numbers()
        days = sorted({at // DAY for at in times})
        repeats = sum(exp((day - days[-1]) / shop.tau) for day in days[1:])
        watched = shop.tau * (1 - exp((days[0] - days[-1]) / shop.tau))
        gap = (shop.alpha + watched) / (shop.r + repeats)
        return {"own_gap_days": gap, "days_overdue": (self.now - max(times)) / DAY - gap}

    def returns(self) -> dict[str, Any]:
        at, back = self.last(OrderRefunded, ReturnRequested)
        found: dict[str, Any] = {}
        if at:
            found["last_return_at"] = at
            orders = self.orders()
            base = orders[back.order_id].amount if back.order_id in orders else 0
            if base and minor(back.amount):
                found["returned_share"] = min(minor(back.amount) / base, 1)
        shipped = max(self.times(OrderShipped), default=0)
        delivered = max(self.times(OrderDelivered), default=0)
        if shipped:
            found["open_shipment"] = shipped > delivered and self.now - shipped < PARCEL_DAYS * DAY
        return found

    # ---- engagement

    def visit_days(self) -> list[int]:
        """A day for each visit: all pages of a session on a day are one, sessions fall into eight groups."""
        seen = self.of(SiteVisited, ProductViewed)
        return [day for day, _ in {(at // DAY, key_of(data.session_id) % 8) for at, data in seen}]

    def touches(self) -> list[int]:
        clicks = [at for at, data in self.of(EmailClicked) if not data.machine]
        return clicks + self.times(SmsReplied)

    def last_activity(self) -> int:
        visits, orders = self.times(SiteVisited, ProductViewed), [o.at for o in self.counted()]
        return max([*visits, *self.touches(), *orders], default=0)

    def heard(self) -> tuple[bool, bool]:
        """Whether the site's feed is alive, and whether all feeds that this customer was ever seen in are."""
        visits = self.times(SiteVisited, ProductViewed)
        grace = CARD.feed_days * DAY
        site = bool(visits) and self.now - max(visits) <= grace
        mail = not self.touches() or (bool(self.mail) and self.now - max(self.mail) <= grace)
        return site, (site or not visits) and mail and bool(visits or self.touches())

    def engagement(self) -> dict[str, Any]:
        visits, site_live, known = self.visit_days(), *self.heard()
        clicks = [at // DAY for at, data in self.of(EmailClicked) if not data.machine]
        acts = [at // DAY for at in self.times(SmsReplied)] + [
            o.at // DAY for o in self.counted() if not o.renewal
        ]
        every = [*visits, *clicks, *acts]
        active = self.last_activity()
        found: dict[str, Any] = {"site_known": bool(visits), "site_tracking_live": site_live}
        if known:
            found |= {"engagement_30d": self.within(every, 0), "engagement_prev_30d": self.within(every, 1)}
            found |= {"clicks_30d": self.within(clicks, 0)}
        if visits:
            found["last_visit_at"] = self.times(SiteVisited, ProductViewed)[-1]
            ordered = max((o.at // DAY for o in self.counted()), default=-1)
            found["visits_since_order"] = sum(day > ordered for day in visits)
            if site_live:
                found["visits_30d"] = self.within(visits, 0)
        if active:
            found["last_activity_at"] = active
        sends = [at // DAY for at in self.times(EmailSent)]
        if sends:
            found["sends_since_engagement"] = sum(day > active // DAY for day in sends)
        return found | self.consent()

    def consent(self) -> dict[str, Any]:
        left = max(self.times(EmailUnsubscribed), default=0)
        came_back = max(self.times(EmailSubscribed), default=0)
        return {"unsubscribed_at": left} if left > came_back else {}

    def within(self, days: Iterable[int], windows_ago: int) -> int:
        high = self.today - 30 * windows_ago
        return sum(high - 30 < day <= high for day in days)

    # ---- support

    def support(self) -> dict[str, Any]:
        tickets = [Ticket(self.of(TicketEvent), i) for i in {d.ticket_id for _, d in self.of(TicketEvent)}]
        worse = self.last(OutreachTaskCompleted, where=lambda d: d.outcome == "not_resolved")[0] or 0
        better = self.last(OutreachTaskCompleted, where=lambda d: d.outcome == "resolved")[0] or 0
        if not tickets and not worse:
            return {}
        hidden = [worse] if worse > better else []
        bad = [t.opened for t in tickets if t.is_trouble(better)] + hidden
        opened = [at // DAY for at in self.times(TicketOpened)]
        recent = sum(day > self.today - 14 for day in opened)
        since = min((o.at for o in self.counted()), default=self.log[0][0])
        span = max((self.now - since) / DAY - 14, 14)
        return {
            "open_tickets": sum(not t.closed for t in tickets) + len(hidden),
            "open_negative_tickets": len(bad),
            **({"oldest_negative_at": min(bad)} if bad else {}),
            "tickets_14d": recent,
            "tickets_baseline": 14 * (len(opened) - recent) / span,
        }

    # ---- the account and what they say

    def account(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.of(SubscriptionEvent):
            paid = max(self.times(SubscriptionRenewed), default=0)
            changed, state = self.last(*STATES)
            found["subscription_state"] = SUBSCRIPTION_STATES.index(
                STATES[type(state)] if state else "active"
            )
            found |= {"subscription_changed_at": changed} if changed else {}
            found["skips"] = sum(at > paid for at in self.times(SubscriptionSkipped)[-SKIPS_KEPT:])
            failed = max(self.times(SubscriptionPaymentFailed), default=0)
            found |= {"payment_failed_at": failed} if failed > paid else {}
        terms = self.last(SubscriptionEvent, AccountRenewalSet, where=lambda d: d.renewal_at is not None)[1]
        found |= {"renewal_at": terms.renewal_at.timestamp()} if terms else {}
        priced = self.last(SubscriptionEvent, where=lambda d: d.amount is not None)[1]
        if priced:
            gone = found["subscription_state"] == SUBSCRIPTION_STATES.index("cancelled")
            monthly = round(minor(priced.amount) * MONTH_DAYS / priced.interval_days)
            found["mrr"] = 0 if gone else monthly
        seats = self.last(AccountSeatsChanged)[1]
        found |= {"seats_active": seats.active, "seats_bought": seats.bought} if seats else {}
        changed = self.last(ContactChanged)[0]
        return found | ({"champion_changed_at": changed} if changed else {})

    def voice(self) -> dict[str, Any]:
        found: dict[str, Any] = {"first_seen_at": self.log[0][0]}
        for kind in ("nps", "csat", "ces"):
            answer = self.last(SurveyAnswered, where=lambda d, kind=kind: d.kind == kind)[1]  # type: ignore[misc]
            found |= {kind: answer.score} if answer else {}
        asked = self.last(SurveyAsked)[0]
        found |= {"survey_asked_at": asked} if asked else {}
        people = [m for _, d in self.of(NoteAdded, OutreachTaskCompleted) if (m := _mood(d)) is not None]
        found |= {"csm_sentiment": people[-1]} if people else {}
        liked = sum(data.rating >= 4 for _, data in self.of(ReviewSubmitted))
        found |= {"reviews_positive": liked} if liked else {}
        referred = [at for at in self.times(ReferralMade) if at // DAY > self.today - 90]
        found |= {"referrals_90d": min(len(referred), REFERRALS_KEPT)} if self.of(ReferralMade) else {}
        word = self.last(CustomerHealthOverridden)[1]
        until = int(word.until.timestamp()) if word else 0
        found |= {"override_until": until} if until > self.now else {}
        described = self.last(CustomerUpdated)[1]
        return found | {"excluded": bool(described and described.excluded)}

    # ---- use of the product, and the way there

    def usage(self) -> dict[str, Any]:
        told = self.of(UsageRecorded)
        if not told:
            return {}
        days: dict[int, int] = {}
        for at, data in told:
            days[at // DAY] = min(days.get(at // DAY, 0) + data.count, 255)
        weeks = [range(high - 6, high + 1) for high in range(self.today, self.today - 28, -7)]
        heard = [sum(days.get(day, 0) for day in week) for week in weeks if week[0] >= min(days)]
        recent = {d.feature for at, d in told if d.count and at // DAY > self.today - 30}
        available = [(at // DAY, n) for at, d in told if (n := d.features_available) is not None]
        return {
            "usage_14d": sum(days.get(self.today - ago, 0) for ago in range(14)),
            "usage_prev_14d": sum(days.get(self.today - ago, 0) for ago in range(14, 28)),
            "features_used_30d": len(recent),
            **({"features_available": max(available)[1]} if available else {}),
            **({"usage_variance": pvariance(heard)} if len(heard) > 1 else {}),
        }

    def onboarding(self) -> dict[str, Any]:
        planned, reached = self.of(MilestonePlanned), self.of(MilestoneReached)
        if not planned and not reached:
            return {}
        done = {data.milestone for _, data in reached}
        plans: dict[str, tuple[int, int]] = {}
        for at, data in planned:
            word = (at // DAY, -ceil(data.due_at.timestamp() / DAY))
            plans[data.milestone] = max(word, plans.get(data.milestone, word))
        due = [-late * DAY for name, (_, late) in plans.items() if name not in done]
        first = [at for at, data in reached if data.milestone == "first_value"]
        proven = [at for at, data in reached if data.milestone == "value_proven"]
        return {
            "milestones_reached": len(done),
            **({"milestone_due_at": min(due)} if due else {}),
            **({"first_value_at": first[0]} if first else {}),
            **({"value_proven_at": proven[-1]} if proven else {}),
        }

    def facts(self) -> dict[str, float]:
        found = self.purchases() | self.returns() | self.engagement()
        found |= self.support() | self.account() | self.voice() | self.usage() | self.onboarding()
        return {name: float(value) for name, value in found.items()}


def _mood(data: Any) -> int | None:
    """What a person heard: a task that ended unresolved was no joy."""
    unresolved = getattr(data, "outcome", None) == "not_resolved"
    return MOODS[data.sentiment] if data.sentiment else -1 if unresolved else None


class Order:
    """One order, from all that was told of it."""

    def __init__(self, told: list[Told]) -> None:
        placed = [(at, data) for at, data in told if type(data) is OrderPlaced]
        edits = [data for _, data in told if type(data) is OrderUpdated]
        words = edits[-1] if edits else placed[0][1] if placed else None
        self.at = min((at for at, _ in placed), default=0)
        self.amount = minor(words.amount) if words else 0
        self.worth = max(
            self.amount - sum(minor(data.amount) for _, data in told if type(data) is OrderRefunded), 0
        )
        self.gift = bool(words and words.gift)
        self.renewal = bool(placed and placed[0][1].channel == "subscription")
        cancelled = any(type(data) is OrderCancelled for _, data in told)
        self.counts = bool(placed and words and words.counts and self.amount and not cancelled)


class Ticket:
    """One ticket, from all that was told of it."""

    def __init__(self, log: list[Told], number: str) -> None:
        told = [(at, data) for at, data in log if data.ticket_id == number]
        self.opened = told[0][0]
        turns = [(at, d) for at, d in told if isinstance(d, TicketOpened | TicketReopened | TicketSolved)]
        self.closed = bool(turns) and isinstance(turns[-1][1], TicketSolved)
        self._turned = turns[-1][0] if turns else 0
        moods = [(at, mood, type(d)) for at, d in told if (mood := self._mood(d)) is not None]
        self._felt, self._mood_now, self._by = moods[-1] if moods else (0, None, None)

    @staticmethod
    def _mood(data: Any) -> int | None:
        if isinstance(data, TicketRated):
            return 1 if data.satisfaction >= 60 else -1 if data.satisfaction <= 40 else 0
        if data.sentiment:
            return MOODS[data.sentiment]
        return -1 if isinstance(data, TicketEscalated | TicketReopened) else None

    def is_trouble(self, resolved: int) -> bool:
        rated_after = self._by is TicketRated and self._felt >= self._turned
        return self._mood_now == -1 and self._felt > resolved and (not self.closed or rated_after)
