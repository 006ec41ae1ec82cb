"""Deliveries: seeded faults, bodies of the providers' shapes, order kept within a lane."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from sandbox.domain.deliveries import BATCH, OVERSIZED, Delivery, Shares, deliver, deliveries, exported
from sandbox.domain.moments import Moment
from sandbox.domain.shapes import message
from sandbox.domain.story import tell
from tests.unit.sandbox.shop import make_log

STORY = tell(make_log(), 1)
MOMENTS = STORY.history + STORY.live
NO_FAULTS = Shares(twice=0, late=0, forged=0, broken=0, unknown_topic=0, oversized=0)
ALWAYS = Shares(twice=1, late=1, forged=1, broken=1, unknown_topic=1, oversized=2)


def test_the_same_seed_spoils_the_same_deliveries() -> None:
    assert deliveries(MOMENTS, 5) == deliveries(MOMENTS, 5)
    assert deliveries(MOMENTS, 5) != deliveries(MOMENTS, 6)


def test_without_faults_every_moment_is_sent_exactly_once() -> None:
    sent = Counter(moment.id for d in deliveries(MOMENTS, 1, NO_FAULTS) for moment in d.moments)
    assert sent == Counter(moment.id for moment in MOMENTS)


def test_faults_come_on_top_and_never_replace_the_sound_delivery() -> None:
    planned = deliveries(MOMENTS, 1, ALWAYS)
    sound = Counter(m.id for d in planned if d.fault in ("none", "late") for m in d.moments)
    assert sound == Counter(moment.id for moment in MOMENTS)
    assert Counter(d.fault for d in planned)["oversized"] == 2


def test_a_second_sending_is_the_same_webhook_and_comes_later() -> None:
    planned = deliveries(MOMENTS[:50], 1, Shares(twice=1, late=0, forged=0, broken=0))
    by_id: dict[str, list[Delivery]] = {}
    for delivery in planned:
        by_id.setdefault(delivery.id, []).append(delivery)
    twice = [pair for pair in by_id.values() if len(pair) == 2]
    assert twice
    for first, second in twice:
        assert first.message() == second.message()
        assert first.send_at < second.send_at


def test_late_ones_carry_their_own_time_and_arrive_days_later() -> None:
    late = [d for d in deliveries(MOMENTS, 1, ALWAYS) if d.fault == "late"]
    assert late
    assert all(d.send_at - d.moments[0].at >= timedelta(days=1) for d in late)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("none", "accepted"),
        ("twice", "accepted"),
        ("late", "accepted"),
        ("forged", "refused"),
        ("broken", "dead_letter"),
        ("oversized", "refused"),
        ("unknown_topic", "dead_letter"),
    ],
)
def test_each_fault_has_its_expected_answer(fault: str, expected: str) -> None:
    planned = next(d for d in deliveries(MOMENTS, 1, ALWAYS) if d.fault == fault) if fault != "none" else None
    assert (planned or deliver(MOMENTS[0])).expected == expected


def test_a_broken_body_is_not_json_and_an_oversized_one_is() -> None:
    planned = deliveries(MOMENTS, 1, ALWAYS)
    broken = next(d for d in planned if d.fault == "broken").message()
    with pytest.raises(ValueError):
        json.loads(broken.body)
    oversized = next(d for d in planned if d.fault == "oversized").message()
    assert len(oversized.body) > OVERSIZED
    json.loads(oversized.body)


def test_history_tells_everything_once_with_fewer_webhooks() -> None:
    past = exported(STORY.history, 1, NO_FAULTS)
    assert Counter(m.id for d in past for m in d.moments) == Counter(m.id for m in STORY.history)
    assert len(past) < 0.95 * len(deliveries(STORY.history, 1, NO_FAULTS))
    mixed = next(d for d in past if len({m.kind for m in d.moments}) > 1)
    topics = {event["topic"] for event in json.loads(mixed.message().body)["data"]}
    assert len(topics) == len({m.kind for m in mixed.moments})


def test_campaigns_go_out_in_batches() -> None:
    campaign = [d for d in deliveries(MOMENTS, 1, NO_FAULTS) if d.kind == "mail_sent"]
    assert max(len(d.moments) for d in campaign) == min(BATCH, max(len(d.moments) for d in campaign))
    assert any(len(d.moments) > 1 for d in campaign)
    body = json.loads(campaign[0].message().body)
    assert [event["external_id"] for event in body["data"]] == [m.id for m in campaign[0].moments]


def _one(kind: str) -> Moment:
    return next(m for m in STORY.introductions + MOMENTS if m.kind == kind)


def test_a_shopify_order_has_the_amount_as_text_and_times_with_an_offset() -> None:
    moment = _one("order")
    told = message(moment)
    body = json.loads(told.body)
    assert told.headers["X-Shopify-Topic"] == "orders/create"
    assert body["total_price"] == f"{int(moment.detail['cents']) / 100:.2f}"
    assert body["created_at"].endswith("-05:00")
    assert body["customer"]["email"] == moment.person.email
    assert body["tags"] == ""


def test_zendesk_ids_are_text_and_times_have_nanoseconds() -> None:
    body = json.loads(message(_one("support_known")).body)
    assert isinstance(body["detail"]["id"], str)
    assert len(body["time"].rsplit(".", 1)[1]) == len("000000000Z")


@pytest.mark.parametrize(
    ("kind", "provider"),
    [
        ("created", "shopify"),
        ("identified", "segment"),
        ("page", "segment"),
        ("mail_opened", "klaviyo"),
        ("support_known", "zendesk"),
    ],
)
def test_each_moment_is_told_by_its_own_tool(kind: str, provider: str) -> None:
    told = message(_one(kind))
    assert told.provider == provider
    assert b'"' in told.body
