"""Consent, suppression, caps and quiet hours."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from services.outreach.domain.messages import MessagePolicy, QuietHours, Situation, may_send, quiet_until
from services.outreach.domain.trigger import Contact
from tests.unit.outreach.factories import NOON, REACHABLE

MARKETING = Situation("marketing", REACHABLE)
SERVICE = Situation("service", replace(REACHABLE, email_consent=None))
POLICY = MessagePolicy(cap=2)


@pytest.mark.parametrize(
    ("situation", "reason"),
    [
        (MARKETING, "ok"),
        (SERVICE, "ok"),
        (replace(MARKETING, contact=None), "no-profile"),
        (replace(MARKETING, contact=Contact("", email_consent=True)), "no-email"),
        (replace(MARKETING, contact=replace(REACHABLE, email_consent=None)), "no-consent"),
        (replace(MARKETING, suppressed="unsubscribed"), "unsubscribed"),
        (replace(SERVICE, suppressed="bounced"), "bounced"),
        (replace(MARKETING, open_trouble=True), "open-trouble"),
        (replace(SERVICE, open_trouble=True), "ok"),
        (replace(MARKETING, ordered=True), "already-ordered"),
        (replace(MARKETING, sent_at=[NOON - timedelta(days=1)] * 2), "frequency-cap"),
        (replace(MARKETING, sent_at=[NOON - timedelta(days=7)] * 2), "ok"),
        (replace(SERVICE, sent_at=[NOON] * 9), "ok"),
    ],
)
def test_each_reason_against_a_message(situation: Situation, reason: str) -> None:
    sending = may_send(situation, POLICY, NOON)
    assert (sending.send, sending.reason) == (reason == "ok", reason)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (replace(POLICY, kill_switch=True), "kill-switch"),
        (replace(POLICY, ceiling_left=0), "send-ceiling"),
        (replace(POLICY, ceiling_left=1), "ok"),
        (replace(POLICY, allowlist=frozenset({"elsewhere.test"})), "not-on-allowlist"),
        (replace(POLICY, allowlist=frozenset({"example.test"})), "ok"),
        (replace(POLICY, allowlist=frozenset({"ann@example.test"})), "ok"),
    ],
)
def test_each_switch_of_the_operator(policy: MessagePolicy, reason: str) -> None:
    assert may_send(MARKETING, policy, NOON).reason == reason


def test_a_message_waits_for_the_end_of_the_night_where_the_customer_is() -> None:
    in_tokyo = replace(MARKETING, contact=replace(REACHABLE, timezone="Asia/Tokyo"))
    sending = may_send(in_tokyo, POLICY, NOON + timedelta(hours=1))  # 22:00 in Tokyo
    assert not sending.send
    assert sending.reason == "quiet-hours"
    assert sending.until == datetime(1997, 10, 1, 23, tzinfo=UTC)  # 08:00 in Tokyo


@pytest.mark.parametrize(
    ("hour", "until"),
    [(7, 8), (8, None), (20, None), (21, 32), (0, 8)],
)
def test_quiet_hours_span_midnight(hour: int, until: int | None) -> None:
    midnight = datetime(1997, 10, 1, tzinfo=UTC)
    expected = None if until is None else midnight + timedelta(hours=until)
    assert quiet_until(midnight + timedelta(hours=hour), "UTC", QuietHours()) == expected


def test_quiet_hours_may_lie_within_a_day() -> None:
    siesta = QuietHours(time(13), time(15))
    assert quiet_until(NOON + timedelta(hours=2), None, siesta) == NOON + timedelta(hours=3)
    assert quiet_until(NOON, None, siesta) is None


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "\x00"])
def test_a_time_zone_that_is_none_falls_back(zone: str) -> None:
    assert quiet_until(NOON, zone, QuietHours(fallback="UTC")) is None
