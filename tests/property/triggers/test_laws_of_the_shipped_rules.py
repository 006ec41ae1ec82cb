"""What holds for every shipped rule, whatever is known of a customer."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import encode
from libs.events.codec import decode_hot
from services.triggers.adapters.rule_file import SHIPPED, load
from services.triggers.domain import rows as layout
from services.triggers.domain.evaluator import Evaluator
from tests.property.triggers.test_evaluation_laws import facts
from tests.unit.triggers.shop import START, snapshot

EVALUATORS = {name: Evaluator(load(path)) for name, path in SHIPPED.items()}

# Small numbers meet each other and the thresholds; `facts` has the large and the absurd.
small = st.fixed_dictionaries(
    {},
    optional={
        name: st.integers(0, 12)
        for name in (
            *("engagement_30d", "engagement_prev_30d", "sends_since_engagement", "visits_since_order"),
            *("open_tickets", "open_negative_tickets", "tickets_14d", "usage_14d", "usage_prev_14d"),
            *("features_used_30d", "features_available", "milestones_reached", "orders_total"),
            *("skips", "referrals_90d", "reviews_positive"),
        )
    }
    | {"nps": st.integers(0, 10), "csm_sentiment": st.integers(-1, 1), "silence_tail_p": st.floats(0, 1)}
    | {"tenure_days": st.floats(0, 130), "days_overdue": st.floats(-30, 30)},
)
own = st.fixed_dictionaries(
    {
        "band": st.sampled_from(["green", "yellow", "red"]),
        "stage": st.sampled_from(["new", "mid", "loyal", "lapsed"]),
    }
)


@pytest.mark.parametrize("name", sorted(EVALUATORS))
@settings(deadline=None, max_examples=200)
@given(facts, small, own)
def test_no_rule_is_true_and_clear_at_once(
    name: str, wide: dict[str, Any], near: dict[str, Any], own: dict[str, Any]
) -> None:
    """Else it would clear as it fires, and fire again."""
    evaluator, labels = EVALUATORS[name], layout.Labels()
    event = decode_hot(
        encode(snapshot("ann", START, **(wide | near | own | {"excluded": False}))), "health.snapshot"
    )
    found = evaluator.evaluate(layout.columns(layout.encode([event], labels), labels, START))
    both = (found.when & found.clear)[0]
    found_at_once = [rule.id for rule, at_once in zip(evaluator.rules, both, strict=True) if at_once]
    assert found_at_once == []
