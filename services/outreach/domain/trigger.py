"""What the engine needs to know of a fired trigger and of its customer. Plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Arm = Literal["treated", "control"]
DecisionKind = Literal["opened", "suppressed", "held_out"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """`value_minor`: what the customer is worth, in minor units of `currency`. `in_incident`: its cause is
    one that others share, and is dealt with once.
    """

    trigger_id: str
    tenant: str
    customer_id: str
    rule: str
    level: str
    stage: str
    fired_at: datetime
    title: str = ""
    reason: str = ""
    segment: str = "consumer"
    tier: str = "standard"
    excluded: bool = False
    open_tickets: int = 0
    value_minor: int = 0
    currency: str = "USD"
    backfill: bool = False
    simulated: bool = False
    in_incident: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """How a customer may be reached. Consent None: nobody ever said."""

    email: str | None
    email_consent: bool | None
    timezone: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier intervention or control window of the same customer."""

    playbook: str
    arm: Arm
    owed: bool
    is_open: bool
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerState:
    """`email_suppressed`: why mail may not be sent, whatever the profile says."""

    contact: Contact | None = None
    email_suppressed: str | None = None
    past: tuple[Past, ...] = field(default=())
