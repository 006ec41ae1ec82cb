"""Tables of incidents: what customers have, what fired lately, what was found. Business time."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from services.outreach.models import Base


class CustomerTrait(Base):
    """What a customer has of one kind now, as ids: the last order's products, carrier and region, the release
    last used. Four rows a customer at most, one value in each but for products.
    """

    __tablename__ = "customer_traits"
    tenant: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # product | carrier | region | release
    trait_values: Mapped[list[str]] = mapped_column(ARRAY(Text))
    at: Mapped[datetime]  # event time: the newest word holds

    __table_args__ = (Index("ix_customer_traits_sample", "tenant", text("hashtext(customer_id)")),)


class Firing(Base):
    """A rule that fired, as far as a common cause needs it; kept as long as a rule's history reaches."""

    __tablename__ = "firings"
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    customer_id: Mapped[str]
    rule: Mapped[str]
    simulated: Mapped[bool]
    fired_at: Mapped[datetime]

    __table_args__ = (
        Index(None, "tenant", "rule", "fired_at"),
        Index(None, "tenant", "customer_id"),
        Index(None, "fired_at"),
    )


class Incident(Base):
    """Firings of a rule with a common cause. `closed_at`: none join any more; `done_at`: off the queue."""

    __tablename__ = "incidents"
    id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    rule: Mapped[str]
    kind: Mapped[str]
    value: Mapped[str]
    reason: Mapped[str]
    simulated: Mapped[bool]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    end: Mapped[str | None]  # quiet | fixed | dismissed
    done_at: Mapped[datetime | None]
    note: Mapped[str | None]  # a person's words: here and nowhere else
    author: Mapped[str | None]

    __table_args__ = (
        # Whoever finds it second, in another process or after a restart, finds it opened.
        Index(
            "uq_incidents_open",
            "tenant",
            "rule",
            "kind",
            "value",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_incidents_queue", "opened_at", postgresql_where=text("done_at IS NULL")),
    )


class IncidentCustomer(Base):
    """A customer whose firing belongs to an incident, and what became of the play it would have had."""

    __tablename__ = "incident_customers"
    incident_id: Mapped[str] = mapped_column(
        ForeignKey("outreach.incidents.id", ondelete="CASCADE"), primary_key=True
    )
    trigger_id: Mapped[str] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    customer_id: Mapped[str]
    joined_at: Mapped[datetime]
    intervention_id: Mapped[str | None]  # the play that was withdrawn; empty: none had begun

    __table_args__ = (Index(None, "trigger_id"), Index(None, "tenant", "customer_id"))
