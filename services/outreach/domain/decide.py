"""A trigger becomes exactly one decision: opened, suppressed (why) or held out. Pure."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.outreach.domain.playbook import ANY_RULE, Playbook
from services.outreach.domain.trigger import CustomerState, DecisionKind, Trigger

PROGRAMME = "programme"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator set. Shares are of eligible customers; `ceiling_left` None means no ceiling."""

    frequency_cap: timedelta = timedelta(days=14)
    programme_share: float = 0.05
    playbook_share: float = 0.10
    kill_switch: bool = False
    ceiling_left: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    playbook: Playbook | None
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: DecisionKind
    reason: str
    playbook: Playbook | None


def choose_playbook(trigger: Trigger, book: Iterable[Playbook]) -> Choice:
    """A playbook that names the rule goes before one that takes any; a remedy owed before all.

    Someone who is gone by their own rhythm gets no play, but what we owe them stays owed.
    """
    fitting = [playbook for playbook in book if _fits(playbook, trigger)]
    if trigger.stage == "lapsed":
        fitting = [playbook for playbook in fitting if playbook.owed]
    if not fitting:
        return Choice(None, "lapsed" if trigger.stage == "lapsed" else "no-playbook")
    chosen = min(fitting, key=lambda one: (not one.owed, trigger.rule not in one.chosen_for.rules, one.id))
    return Choice(chosen, "owed" if chosen.owed else f"stage-{trigger.stage}")


def _fits(playbook: Playbook, trigger: Trigger) -> bool:
    chosen = playbook.chosen_for
    return (
        trigger.level in chosen.levels
        and (not chosen.stages or trigger.stage in chosen.stages)
        and (trigger.rule in chosen.rules or ANY_RULE in chosen.rules)
    )


def share_of(salt: str, tenant: str, customer_id: str) -> float:
    """A customer's fixed place in [0, 1) for one experiment; another salt shuffles anew."""
    digest = hashlib.sha256(f"{salt}\x00{tenant}\x00{customer_id}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def holdout(trigger: Trigger, playbook: Playbook, policy: Policy) -> str | None:
    """Why the customer is held out, or None. A remedy owed (a fault of ours) is never held out."""
    if playbook.owed:
        return None
    who = (trigger.tenant, trigger.customer_id)
    if share_of(PROGRAMME, *who) < policy.programme_share:
        return "programme-holdout"
    if share_of(f"{playbook.id}/{playbook.experiment}", *who) < policy.playbook_share:
        return "playbook-holdout"
    return None


@dataclass(frozen=True, slots=True)
class _Case:
    trigger: Trigger
    state: CustomerState
    playbook: Playbook
    policy: Policy
    now: datetime

    @property
    def by_mail_only(self) -> bool:
        return not self.playbook.acts_by_task(self.trigger.level)


def _backfill(case: _Case) -> bool:
    return case.trigger.backfill


def _kill_switch(case: _Case) -> bool:
    return case.policy.kill_switch


def _excluded(case: _Case) -> bool:
    """Employees, influencers and resellers are left out of plays and experiments."""
    return case.trigger.excluded


def _common_cause(case: _Case) -> bool:
    """One incident to fix once and to tell the affected about, a remedy owed included."""
    return case.trigger.in_incident


def _same_play_open(case: _Case) -> bool:
    return any(past.is_open and past.playbook == case.playbook.id for past in case.state.past)


def _open_trouble(case: _Case) -> bool:
    """With trouble open nothing is sold to the customer."""
    return case.trigger.open_tickets > 0 or any(past.is_open and past.owed for past in case.state.past)


def _in_control_window(case: _Case) -> bool:
    """Another play would spoil the comparison: analysis is by assignment."""
    return any(past.is_open and past.arm == "control" for past in case.state.past)


def _open_intervention(case: _Case) -> bool:
    return any(past.is_open for past in case.state.past)


def _frequency_cap(case: _Case) -> bool:
    """One cap across all playbooks; what is owed neither counts nor is capped."""
    since = case.now - case.policy.frequency_cap
    return any(past.opened_at > since and not past.owed for past in case.state.past)


def _no_profile(case: _Case) -> bool:
    return case.by_mail_only and case.state.contact is None


def _no_email(case: _Case) -> bool:
    return case.by_mail_only and not (case.state.contact and case.state.contact.email)


def _unsubscribed(case: _Case) -> bool:
    return case.by_mail_only and case.state.email_suppressed is not None


def _no_consent(case: _Case) -> bool:
    return case.by_mail_only and not (case.state.contact and case.state.contact.email_consent)


def _send_ceiling(case: _Case) -> bool:
    return case.policy.ceiling_left is not None and case.policy.ceiling_left <= 0


_Check = tuple[str, Callable[[_Case], bool]]
_ALWAYS: tuple[_Check, ...] = (
    ("backfill", _backfill),
    ("kill-switch", _kill_switch),
    ("excluded", _excluded),
    ("common-cause", _common_cause),
)
_OWED: tuple[_Check, ...] = (*_ALWAYS, ("open-intervention", _same_play_open))
_OTHERS: tuple[_Check, ...] = (
    *_ALWAYS,
    ("open-trouble", _open_trouble),
    ("in-control-window", _in_control_window),
    ("open-intervention", _open_intervention),
    ("frequency-cap", _frequency_cap),
    ("no-profile", _no_profile),
    ("no-email", _no_email),
    ("unsubscribed", _unsubscribed),
    ("no-consent", _no_consent),
    ("send-ceiling", _send_ceiling),
)


def ineligible(
    trigger: Trigger, state: CustomerState, playbook: Playbook, policy: Policy, now: datetime
) -> str | None:
    """The first reason against a play, or None. It never looks at which arm the customer would be in."""
    case = _Case(trigger, state, playbook, policy, now)
    checks = _OWED if playbook.owed else _OTHERS
    return next((reason for reason, applies in checks if applies(case)), None)


def decide(
    trigger: Trigger, state: CustomerState, book: Iterable[Playbook], policy: Policy, now: datetime
) -> Verdict:
    """Choose, check, and only then assign: control comes after eligibility and before anything is shown."""
    choice = choose_playbook(trigger, book)
    if choice.playbook is None:
        return Verdict("suppressed", choice.reason, None)
    against = ineligible(trigger, state, choice.playbook, policy, now)
    if against is not None:
        return Verdict("suppressed", against, choice.playbook)
    held = holdout(trigger, choice.playbook, policy)
    if held is not None:
        return Verdict("held_out", held, choice.playbook)
    return Verdict("opened", choice.reason, choice.playbook)
