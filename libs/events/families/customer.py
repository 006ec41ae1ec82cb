"""The customer's own life in our system, and what outreach did and learned."""

from typing import Annotated, Literal

from pydantic import Field

from libs.events.types import (
    Amount,
    Count,
    Currency,
    EventId,
    Frozen,
    Instant,
    Label,
    Reference,
    Sentence,
    Sentiment,
    Subject,
)


class CustomerCreated(Frozen):
    segment: Label | None = None
    excluded: bool = False


class CustomerUpdated(CustomerCreated):
    """`excluded`: employees, influencers, resellers: on the timeline, out of scores and experiments."""


class CustomerMerged(Frozen):
    """The subject becomes `into`; late events of the subject are forwarded."""

    into: Subject


class CustomerErased(Frozen):
    """A privacy request: every row, snapshot and profile of the subject goes."""

    request_id: Reference


class CustomerConsentChanged(Frozen):
    channel: Literal["email", "sms", "push", "phone"]
    consent: bool


class CustomerHealthOverridden(Frozen):
    """A person sets the score until a moment; the last word holds. One that has ended takes it back."""

    score: Annotated[int, Field(ge=0, le=100)]
    until: Instant
    reason: Label | None = None
    author: Label | None = None


class OutreachDecision(Frozen):
    """What became of a trigger: every fired trigger has exactly one of the three decisions."""

    trigger_id: EventId
    rule: Label
    playbook: Label | None = None
    intervention_id: EventId | None = None
    reason: Label


class OutreachOpened(OutreachDecision):
    pass


class OutreachSuppressed(OutreachDecision):
    pass


class OutreachHeldOut(OutreachDecision):
    pass


class OutreachMessageSent(Frozen):
    intervention_id: EventId
    channel: Label
    template: Label
    message_id: EventId


class OutreachMessageNotSent(Frozen):
    intervention_id: EventId
    channel: Label
    template: Label
    reason: Label


class OutreachTaskCompleted(Frozen):
    """A person finished a task: the result, how the customer felt, and whether trouble is resolved."""

    intervention_id: EventId
    task_id: EventId
    outcome: Literal["reached", "no_answer", "resolved", "not_resolved", "declined"]
    sentiment: Sentiment | None = None
    author: Label | None = None


class OutreachClosed(Frozen):
    """The end of an intervention or of a control window; revenue is net and within the window."""

    intervention_id: EventId
    playbook: Label
    arm: Literal["treated", "control"]
    result: Literal["success", "failure"]
    revenue: Amount = "0"
    currency: Currency = "USD"
    orders: Count = 0


class OutreachWithdrawn(Frozen):
    """An intervention or control window that ends without a result: its cause became an incident."""

    intervention_id: EventId
    playbook: Label
    arm: Literal["treated", "control"]
    reason: Label
    incident_id: EventId


class OutreachIncident(Frozen):
    """Firings of a rule with a common cause. The envelope's subject is the incident's id, not a customer."""

    incident_id: EventId
    rule: Label
    kind: Literal["product", "carrier", "region", "release"]
    value: Reference
    customers: Count


class OutreachIncidentOpened(OutreachIncident):
    reason: Sentence


class OutreachIncidentClosed(OutreachIncident):
    """`end`: quiet (by itself), fixed or dismissed (by a person: no common cause after all)."""

    end: Literal["quiet", "fixed", "dismissed"]
    author: Label | None = None


class OutreachFeedback(Frozen):
    """What a person says of a rule's call: right, wrong, or missed. Of a trigger the last word holds.

    `trigger_id` and `fired_at` name the call; one that was missed has a rule alone, and was due by `time`.
    """

    verdict: Literal["right", "wrong", "missed"]
    trigger_id: EventId | None = None
    rule: Label | None = None
    author: Label | None = None
    fired_at: Instant | None = None
    reason: Label | None = None


CUSTOMER: dict[str, type[Frozen]] = {
    "customer.created": CustomerCreated,
    "customer.updated": CustomerUpdated,
    "customer.merged": CustomerMerged,
    "customer.erased": CustomerErased,
    "customer.consent_changed": CustomerConsentChanged,
    "customer.health_overridden": CustomerHealthOverridden,
    "outreach.opened": OutreachOpened,
    "outreach.suppressed": OutreachSuppressed,
    "outreach.held_out": OutreachHeldOut,
    "outreach.message_sent": OutreachMessageSent,
    "outreach.message_not_sent": OutreachMessageNotSent,
    "outreach.task_completed": OutreachTaskCompleted,
    "outreach.closed": OutreachClosed,
    "outreach.withdrawn": OutreachWithdrawn,
    "outreach.incident_opened": OutreachIncidentOpened,
    "outreach.incident_closed": OutreachIncidentClosed,
    "outreach.feedback": OutreachFeedback,
}
