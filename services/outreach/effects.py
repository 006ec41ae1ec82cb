"""Events and messages as outbox rows. Ids follow from what happened, so a repeat is the same event."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from libs.events import build, encode, event_id
from libs.events.deadletter import DeadLetter
from libs.events.topics import (
    CUSTOMER_EVENTS,
    CUSTOMER_PROFILES,
    CUSTOMER_TRIGGERS,
    OUTREACH_DEAD_LETTERS,
    OUTREACH_OUTCOMES,
)
from libs.events.types import Frozen
from services.outreach.ports import Effect, Mail, OutEvent


@dataclass(frozen=True, slots=True)
class TopicNames:
    """Where outreach reads and writes; tests use topics of their own."""

    triggers: str = CUSTOMER_TRIGGERS.name
    profiles: str = CUSTOMER_PROFILES.name
    events: str = CUSTOMER_EVENTS.name
    outcomes: str = OUTREACH_OUTCOMES.name
    dead_letters: str = OUTREACH_DEAD_LETTERS.name


@dataclass(frozen=True, slots=True)
class About:
    """Whom an event is about, and whether its shop is a simulation."""

    tenant: str
    customer_id: str
    simulated: bool = False


def event(
    data: Frozen, about: About, at: datetime, parts: tuple[str, ...], topics: tuple[str, ...]
) -> list[Effect]:
    """One event on each of the topics."""
    made = build(
        data,
        id=event_id("outreach", *parts),
        source=f"outreach/{about.tenant}",
        tenant=about.tenant,
        subject=about.customer_id,
        time=at,
        receivedat=at,
        simulated=about.simulated,
    )
    value, key = encode(made).decode(), made.key.decode()
    return [
        Effect("event", f"{topic}|{made.id}", {"topic": topic, "key": key, "value": value})
        for topic in topics
    ]


def dead_letter(reason: str, detail: str, origin: str, at: datetime, topic: str) -> Effect:
    letter = DeadLetter(reason=reason, detail=detail[:1000], origin=origin, at=at)
    value = letter.model_dump_json(exclude_none=True)
    return Effect("event", f"{topic}|{origin}", {"topic": topic, "key": origin, "value": value})


def out_event(payload: dict[str, str]) -> OutEvent:
    return OutEvent(payload["topic"], payload["key"].encode(), payload["value"].encode())


def email_key(step_id: str) -> str:
    return f"email:{step_id}"


def message_id(key: str, sender: str) -> str:
    """RFC 5322 Message-ID that follows from the idempotency key: a repeated send carries the same one."""
    domain = sender.rpartition("@")[2].rstrip(">") or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def mail_of(payload: dict[str, str | bool]) -> Mail:
    return Mail(
        message_id=str(payload["message_id"]),
        to=str(payload["to"]),
        subject=str(payload["subject"]),
        text=str(payload["text"]),
        html=str(payload["html"]),
        unsubscribe_url=str(payload["unsubscribe_url"]),
        simulated=bool(payload["simulated"]),
    )


def intervention_id(trigger_id: str) -> str:
    """Short enough for a path and the same whenever the trigger is decided again."""
    return f"iv-{hashlib.sha256(trigger_id.encode()).hexdigest()[:24]}"


def label_of(text: str) -> str:
    """A name as a label: `Ana Silva` is ana.silva. Labels carry no free text (libs.events.types)."""
    kept = "".join(
        one if one.isascii() and (one.isalnum() or one in "._:+-") else "." for one in text.casefold()
    )
    return ".".join(part for part in kept.split(".") if part)[:64] or "unnamed"
