"""Every table outreach owns, in the schema `outreach`. Times are aware UTC.

Business time: decisions, interventions, steps, tasks, messages, timeline, health points, customers, profiles.
Wall time: the outbox, whose waits are about servers that are away and not about customers.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, MetaData, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "outreach"

# Names that follow from what they constrain, so that a migration and the models agree on them.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Parent of all tables: str is text, datetime has a zone, dict and list are jsonb."""

    metadata = MetaData(schema=SCHEMA, naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it as a class attribute)
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class ConsumerOffset(Base):
    """The next offset to read, written in the transaction of what was read.

    `topic` has the prefix `projection:` for the timeline's reader, `outcomes:` and `traits:` for the engine's
    readers of customer.events: each reader has its own position.
    """

    __tablename__ = "consumer_offsets"
    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_offset: Mapped[int] = mapped_column(BigInteger)


class Decision(Base):
    """What became of a trigger: one row a trigger, for ever."""

    __tablename__ = "decisions"
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    customer_id: Mapped[str]
    rule: Mapped[str]
    level: Mapped[str]
    playbook: Mapped[str | None]
    decision: Mapped[str]  # opened | suppressed | held_out
    reason: Mapped[str]
    intervention_id: Mapped[str | None]
    decided_at: Mapped[datetime]
    trigger: Mapped[dict[str, Any]]  # TriggerFired as JSON: the facts at that moment

    __table_args__ = (Index(None, "tenant", "customer_id", "decided_at"), Index(None, "decided_at"))


class Intervention(Base):
    """A playbook at work on a customer, or the control window of one held out from it."""

    __tablename__ = "interventions"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    customer_id: Mapped[str]
    playbook: Mapped[str]
    playbook_version: Mapped[int]
    trigger_id: Mapped[str] = mapped_column(unique=True)
    rule: Mapped[str]
    level: Mapped[str]
    arm: Mapped[str]  # treated | control
    owed: Mapped[bool]  # a remedy for a fault of ours: never held out, not capped
    simulated: Mapped[bool]
    status: Mapped[str]  # open | closed | withdrawn (its cause became an incident: no result)
    result: Mapped[str | None]  # success | failure
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]  # the trigger's clear condition came true
    revenue_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    currency: Mapped[str]
    orders: Mapped[int] = mapped_column(server_default=text("0"))

    __table_args__ = (
        Index(None, "tenant", "customer_id", "opened_at"),
        Index("ix_interventions_open", "closes_at", postgresql_where=text("status = 'open'")),
        Index(None, "opened_at"),
    )


class InterventionOrder(Base):
    """An order of a customer under observation: keyed, so that a repeated event changes nothing."""

    __tablename__ = "intervention_orders"
    intervention_id: Mapped[str] = mapped_column(
        ForeignKey("outreach.interventions.id", ondelete="CASCADE"), primary_key=True
    )
    order_id: Mapped[str] = mapped_column(primary_key=True)
    placed_at: Mapped[datetime | None]  # empty while only a refund or cancellation of it has been seen
    version_at: Mapped[datetime | None]  # the last version of an order wins
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    counts: Mapped[bool]
    cancelled: Mapped[bool]
    refunds: Mapped[dict[str, Any]]  # refund id -> minor units


class Step(Base):
    """One due thing to do. The timer takes rows that are pending and due."""

    __tablename__ = "steps"
    id: Mapped[str] = mapped_column(primary_key=True)
    intervention_id: Mapped[str] = mapped_column(ForeignKey("outreach.interventions.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[str]  # email | task
    due_at: Mapped[datetime]
    status: Mapped[str]  # pending | done | skipped | failed
    detail: Mapped[dict[str, Any]]  # the playbook's step as it then stood, and what became of it

    __table_args__ = (
        Index("ix_steps_due", "due_at", postgresql_where=text("status = 'pending'")),
        Index(None, "intervention_id", "position"),
    )


class Task(Base):
    """Something for a person to do; the queue shows open ones by priority."""

    __tablename__ = "tasks"
    id: Mapped[str] = mapped_column(primary_key=True)
    intervention_id: Mapped[str] = mapped_column(ForeignKey("outreach.interventions.id", ondelete="CASCADE"))
    step_id: Mapped[str]
    tenant: Mapped[str]
    customer_id: Mapped[str]
    playbook: Mapped[str]
    title: Mapped[str]
    reason: Mapped[str]
    script: Mapped[str]
    next_step: Mapped[str]
    severity: Mapped[int] = mapped_column(SmallInteger)  # 1 (green) to 4 (a remedy owed)
    value_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    priority: Mapped[int] = mapped_column(BigInteger)  # severity x value; higher is first
    assignee: Mapped[str]  # a person, or `pool:<name>` while all of them are at capacity
    attempt: Mapped[int] = mapped_column(server_default=text("1"))
    escalated: Mapped[bool] = mapped_column(server_default=text("false"))
    due_at: Mapped[datetime]
    status: Mapped[str]  # open | done | expired | withdrawn
    outcome: Mapped[str | None]  # reached | no_answer | resolved | not_resolved | declined
    sentiment: Mapped[str | None]  # positive | neutral | negative
    note: Mapped[str | None]  # a person's words: here and nowhere else
    author: Mapped[str | None]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_tasks_queue",
            text("priority DESC"),
            "due_at",
            "id",
            postgresql_where=text("status = 'open'"),
        ),
        Index(None, "tenant", "customer_id", "created_at"),
        Index(None, "intervention_id"),
    )


class Message(Base):
    """Each message sent or not sent, and why not. The address itself is only in profiles."""

    __tablename__ = "messages"
    id: Mapped[str] = mapped_column(primary_key=True)  # the outbox's idempotency key
    intervention_id: Mapped[str] = mapped_column(ForeignKey("outreach.interventions.id", ondelete="CASCADE"))
    tenant: Mapped[str]
    customer_id: Mapped[str]
    channel: Mapped[str]
    template: Mapped[str]
    purpose: Mapped[str]  # marketing | service
    status: Mapped[str]  # queued | sent | not_sent
    reason: Mapped[str]
    message_id: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "tenant", "customer_id", "created_at"),
        Index(None, "intervention_id"),
        Index(None, "created_at"),
    )


class Outbox(Base):
    """Effects on their way out, written with the decision that caused them. Wall time."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]  # email | event
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (Index("ix_outbox_pending", "kind", "id", postgresql_where=text("sent_at IS NULL")),)


class Profile(Base):
    """Contact details and consent, from customer.profiles; a tombstone removes the row."""

    __tablename__ = "profiles"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    phone: Mapped[str | None]
    name: Mapped[str | None]
    locale: Mapped[str | None]
    timezone: Mapped[str | None]
    email_consent: Mapped[bool | None]
    sms_consent: Mapped[bool | None]
    external: Mapped[list[Any]]
    updated_at: Mapped[datetime]


class Suppression(Base):
    """A customer who must not get messages on a channel. Wins over any profile."""

    __tablename__ = "suppressions"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]


class UnsubscribeToken(Base):
    """The unguessable part of a customer's unsubscribe address."""

    __tablename__ = "unsubscribe_tokens"
    token: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    customer_id: Mapped[str]

    __table_args__ = (Index("uq_unsubscribe_tokens_customer", "tenant", "customer_id", unique=True),)


class Control(Base):
    """Operator's switches that work at once, such as `frozen`."""

    __tablename__ = "controls"
    name: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    at: Mapped[datetime]


class TimelineEntry(Base):
    """Projection: everything about a customer in order of time. `ref` is the event's id.

    Partitioned by month of `at`; services.outreach.adapters.partitions.ensure_partition makes the months.
    """

    __tablename__ = "timeline"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    summary: Mapped[str]
    data: Mapped[dict[str, Any]]

    __table_args__ = ({"postgresql_partition_by": "RANGE (at)"},)


class HealthPoint(Base):
    """Projection: the score line over the timeline. `signal_points`: None where only the score was kept."""

    __tablename__ = "health_points"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    score: Mapped[float]
    band: Mapped[str]
    confidence: Mapped[float]
    signal_points: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class Customer(Base):
    """Projection: the latest health of a customer. `snapshot` is HealthSnapshot as JSON."""

    __tablename__ = "customers"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    snapshot: Mapped[dict[str, Any]]
    score: Mapped[float]
    band: Mapped[str]
    stage: Mapped[str]
    updated_at: Mapped[datetime]

    __table_args__ = (Index(None, "band", "score"),)
