"""May this message go out now? Consent, suppression, caps and quiet hours, each with its reason. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.outreach.domain.trigger import Contact


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` in the customer's own time nothing is sent; `fallback` where it is unknown."""

    start: time = time(21)
    end: time = time(8)
    fallback: str = "UTC"


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """`cap` messages in `cap_window` across all playbooks. An empty allowlist allows everybody."""

    cap: int = 3
    cap_window: timedelta = timedelta(days=7)
    quiet: QuietHours = QuietHours()
    allowlist: frozenset[str] = frozenset()
    kill_switch: bool = False
    ceiling_left: int | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """A message about to be sent and what is known of its customer at this moment."""

    purpose: str
    contact: Contact | None
    suppressed: str | None = None
    sent_at: Collection[datetime] = ()
    open_trouble: bool = False
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """Send now; or not, for `reason`; or not before `until`."""

    send: bool
    reason: str
    until: datetime | None = None


def may_send(situation: Situation, policy: MessagePolicy, now: datetime) -> Sending:
    """Suppression wins over a profile; a service message needs no marketing consent and fits open trouble."""
    against = _against(situation, policy, now)
    if against is not None:
        return Sending(send=False, reason=against)
    until = quiet_until(now, situation.contact.timezone if situation.contact else None, policy.quiet)
    if until is not None:
        return Sending(send=False, reason="quiet-hours", until=until)
    return Sending(send=True, reason="ok")


def _against(situation: Situation, policy: MessagePolicy, now: datetime) -> str | None:
    if policy.kill_switch:
        return "kill-switch"
    unreachable = _unreachable(situation.contact, situation.suppressed, policy)
    if unreachable is not None:
        return unreachable
    if situation.purpose == "marketing":
        unwelcome = _unwelcome(situation)
        if unwelcome is not None:
            return unwelcome
        if sum(1 for at in situation.sent_at if at > now - policy.cap_window) >= policy.cap:
            return "frequency-cap"
    if policy.ceiling_left is not None and policy.ceiling_left <= 0:
        return "send-ceiling"
    return None


def _unreachable(contact: Contact | None, suppressed: str | None, policy: MessagePolicy) -> str | None:
    if contact is None:
        return "no-profile"
    if not contact.email:
        return "no-email"
    if suppressed is not None:
        return suppressed
    if policy.allowlist and not _allowed(contact.email, policy.allowlist):
        return "not-on-allowlist"
    return None


def _unwelcome(situation: Situation) -> str | None:
    if situation.contact is None or not situation.contact.email_consent:
        return "no-consent"
    if situation.open_trouble:
        return "open-trouble"
    return "already-ordered" if situation.ordered else None


def _allowed(email: str, allowlist: frozenset[str]) -> bool:
    """The whole address, or its domain."""
    address = email.casefold()
    return address in allowlist or address.rpartition("@")[2] in allowlist


def quiet_until(now: datetime, timezone: str | None, quiet: QuietHours) -> datetime | None:
    """The end of the quiet hours that `now` is in, or None. The night may span midnight."""
    local = now.astimezone(_zone(timezone, quiet.fallback))
    if not _within(local.time(), quiet.start, quiet.end):
        return None
    end = local.replace(hour=quiet.end.hour, minute=quiet.end.minute, second=0, microsecond=0)
    if end <= local:
        end += timedelta(days=1)
    return end.astimezone(now.tzinfo)


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start <= end else at >= start or at < end


def _zone(name: str | None, fallback: str) -> tzinfo:
    try:
        return ZoneInfo(name or fallback)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a customer's profile may say anything
        return ZoneInfo(fallback)
