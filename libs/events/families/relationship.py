"""Support, surveys, product usage, accounts, contacts, milestones, referrals, reviews, notes."""

from typing import Annotated, Literal

from pydantic import Field

from libs.events.types import Amount, Count, Currency, Frozen, Instant, Label, Reference, Sentiment

SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Least and greatest answer of each kind of survey. Ingest holds to it; the schema allowed more once."""


class TicketEvent(Frozen):
    """What every ticket event carries: classes only, never the text of a ticket."""

    ticket_id: Reference
    sentiment: Sentiment | None = None
    priority: Literal["low", "normal", "high", "urgent"] | None = None
    channel: Label | None = None
    topic: Label | None = None
    order_id: Reference | None = None


class TicketOpened(TicketEvent):
    pass


class TicketCommented(TicketEvent):
    by_customer: bool = True


class TicketEscalated(TicketEvent):
    pass


class TicketReopened(TicketEvent):
    pass


class TicketSolved(TicketEvent):
    pass


class TicketRated(TicketEvent):
    """`satisfaction` is 0 (bad) to 100 (good), whatever the tool's own scale."""

    satisfaction: Annotated[int, Field(ge=0, le=100)]


class SurveyAsked(Frozen):
    survey_id: Reference
    kind: Literal["nps", "csat", "ces"]


class SurveyAnswered(Frozen):
    """`score` on the survey's own scale: NPS 0-10, CSAT 1-5, CES 1-7."""

    survey_id: Reference
    response_id: Reference
    kind: Literal["nps", "csat", "ces"]
    score: Annotated[int, Field(ge=0, le=10)]


class UsageRecorded(Frozen):
    """`release`: the version of the app or product it was used in."""

    feature: Label
    count: Count = 1
    features_available: Count | None = None
    release: Label | None = None


class AccountSeatsChanged(Frozen):
    bought: Count
    active: Count


class AccountRenewalSet(Frozen):
    renewal_at: Instant
    amount: Amount | None = None
    currency: Currency | None = None


class ContactChanged(Frozen):
    change: Literal["joined", "left", "champion_changed"]
    role: Label | None = None


class MilestonePlanned(Frozen):
    """The plan told last holds, until the milestone is reached."""

    milestone: Label
    due_at: Instant


class MilestoneReached(Frozen):
    """Two milestones mean the same to everybody: `first_value` and `value_proven` (with the customer)."""

    milestone: Label


class ReferralMade(Frozen):
    referral_id: Reference


class ReferralConverted(Frozen):
    referral_id: Reference


class ReviewSubmitted(Frozen):
    review_id: Reference
    rating: Annotated[int, Field(ge=1, le=5)]
    product_id: Reference | None = None


class NoteAdded(Frozen):
    """A CSM's note: its class and author. The words stay in PostgreSQL."""

    note_id: Reference
    sentiment: Sentiment | None = None
    author: Label | None = None


RELATIONSHIP: dict[str, type[Frozen]] = {
    "ticket.opened": TicketOpened,
    "ticket.commented": TicketCommented,
    "ticket.escalated": TicketEscalated,
    "ticket.reopened": TicketReopened,
    "ticket.solved": TicketSolved,
    "ticket.rated": TicketRated,
    "survey.asked": SurveyAsked,
    "survey.answered": SurveyAnswered,
    "usage.recorded": UsageRecorded,
    "account.seats_changed": AccountSeatsChanged,
    "account.renewal_set": AccountRenewalSet,
    "contact.changed": ContactChanged,
    "milestone.planned": MilestonePlanned,
    "milestone.reached": MilestoneReached,
    "referral.made": ReferralMade,
    "referral.converted": ReferralConverted,
    "review.submitted": ReviewSubmitted,
    "note.added": NoteAdded,
}
