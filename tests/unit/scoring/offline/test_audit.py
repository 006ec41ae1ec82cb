"""What a log holds and lacks: signals, sources, and the rules that can never come true for want of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from libs.events import CUSTOMER_EVENT_TYPES, Facts
from libs.events.families.engagement import SiteVisited
from libs.runtime.event_file import EventFile
from libs.runtime.offline.held import lacking
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.signals import WEIGHABLE
from services.scoring.offline.audit import audit
from services.scoring.offline.held import STANDARD, load_rules
from services.scoring.offline.log import build_log
from services.scoring.offline.sources import SELF_MADE, SOURCES
from tests.unit.scoring.offline.conftest import Run
from tests.unit.scoring.offline.life import life, write
from tests.unit.scoring.shop import Shop, order

CARD, RULES = load_scorecard(STARTER), load_rules(STANDARD)
UNKNOWN = frozenset({"a", "b"})


def audited(path: Path) -> dict[str, Any]:
    return audit(build_log(EventFile(path).blocks()), CARD, RULES)


def named(body: dict[str, Any], part: str, key: str) -> dict[str, Any]:
    return {each[key]: each for each in body[part]}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return audited(write(tmp_path_factory.mktemp("log") / "events", life(Shop())))


def test_every_fact_has_a_source_or_needs_none() -> None:
    filled = {fact for source in SOURCES for fact in source.facts}
    assert filled | SELF_MADE == set(Facts.model_fields)
    assert not filled & SELF_MADE


def test_every_signal_has_a_source_and_every_source_has_types() -> None:
    assert {signal for source in SOURCES for signal in source.signals} == set(WEIGHABLE)
    assert all(source.types() for source in SOURCES)
    families = {name.partition(".")[0] for name in CUSTOMER_EVENT_TYPES}
    nobody = families - {family for source in SOURCES for family in source.families}
    assert nobody == {"checkout", "customer", "outreach"}  # fill no fact that a rule could miss


@pytest.mark.parametrize(
    ("condition", "lacks"),
    [
        ("a > 0 AND c > 0", {"a"}),
        ("a > 0 OR c > 0", set()),
        ("a > 0 OR b > 0", {"a", "b"}),
        ("c > 0 AND (a IS NOT NULL OR b >= 10)", {"a", "b"}),
        ("a IS NULL AND c > 0", set()),
        ("a IS NOT NULL", {"a"}),
        ("a IS NOT TRUE", set()),
        ("a IS TRUE", {"a"}),
        ("COALESCE(a, 0) < 3", set()),
        ("days_since(GREATEST(a, c)) > 3", set()),
        ("days_since(GREATEST(a, b)) > 3", {"a", "b"}),
        ("a IN ('x', 'y')", {"a"}),
        ("NOT a", {"a"}),
    ],
)
def test_a_condition_lacks_what_it_cannot_be_true_without(condition: str, lacks: set[str]) -> None:
    assert lacking(sqlglot.parse_one(condition, dialect="postgres"), UNKNOWN) == lacks


def test_coverage_and_evidence_are_of_customers_who_have_the_signal(full: dict[str, Any]) -> None:
    signals = named(full, "signals", "signal")
    assert (full["customers"], full["events"]) == (2, 35)
    assert {name: told["coverage"] for name, told in signals.items() if told["coverage"]} == {
        "purchase_recency": 1.0,
        "engagement_trend": 1.0,
        "engagement_level": 1.0,
        "order_frequency_trend": 0.5,
        "support_sentiment": 0.5,
        "support_unresolved": 0.5,
        "subscription": 0.5,
        "survey": 0.5,
    }
    assert signals["support_sentiment"]["evidence"] == 1.0  # open trouble is certain
    assert signals["support_sentiment"]["age_days"] == pytest.approx(24.9)  # day 65 of 89.9


def test_a_source_has_its_newest_event_and_its_quiet_days(full: dict[str, Any]) -> None:
    sources = named(full, "sources", "source")
    assert (sources["site"]["status"], sources["site"]["age_days"]) == ("live", 0.0)
    assert sources["site"]["events"] == 23
    assert sources["site"]["days_without_an_event"] == 90 - 22  # of the last 90 days the first is cut off
    assert sources["e-mail"]["status"] == "silent"  # 28 days: more than the scorecard's feed_days
    assert sources["orders"]["status"] == "live"  # no order for a month is silence, not a broken feed
    assert sources["usage"] == {
        "source": "usage",
        "status": "never connected",
        "events": 0,
        "newest_event": None,
        "age_days": None,
        "days_without_an_event": 90,
    }


def test_rules_are_held_for_want_of_a_source_and_no_other(full: dict[str, Any], tmp_path: Path) -> None:
    assert [held["rule"] for held in full["rules_held"]] == [
        "email-disengaged",
        "usage-drop",
        "champion-change",
        "onboarding-stalled",
        "expansion-ready",
    ]
    shop = Shop()
    orders = audited(write(tmp_path / "orders", [shop.event(order(i), i) for i in range(40)]))
    held = named(orders, "rules_held", "rule")
    assert "order-frequency-drop" not in held
    assert held["no-site-activity"]["needs"] == ["site"]
    assert held["engagement-drop"]["needs"] == ["site", "e-mail"]
    assert held["email-disengaged"]["facts"] == ["sends_since_engagement", "unsubscribed_at"]


def test_connecting_a_source_is_told_with_what_it_adds(tmp_path: Path) -> None:
    shop = Shop()
    body = audited(write(tmp_path / "orders", [shop.event(order(i), i) for i in range(40)]))
    adds = named(body, "connecting", "source")
    assert "orders" not in adds
    assert adds["site"]["signals"] == ["engagement_trend", "engagement_level"]
    by_site = ["engagement-drop", "visit-without-purchase", "no-site-activity", "loyal-decline"]
    assert adds["site"]["rules"] == by_site
    assert "visits_30d" in adds["site"]["facts"]
    assert adds["e-mail"]["rules"] == ["engagement-drop", "email-disengaged", "loyal-decline"]


def test_a_fact_that_nobody_has_is_listed_even_if_its_source_is_live(full: dict[str, Any]) -> None:
    unknown = named(full, "unknown_facts", "fact")
    assert unknown["open_shipment"]["needs"] == ["orders"]
    assert "orders_total" not in unknown
    assert "imported_at" not in unknown


def test_a_site_that_has_fallen_silent_holds_its_rules(tmp_path: Path) -> None:
    shop = Shop()
    events = [shop.event(SiteVisited(session_id="s"), 0), *(shop.event(order(i), i) for i in range(9))]
    body = audited(write(tmp_path / "log", events))
    assert named(body, "sources", "source")["site"]["status"] == "silent"
    assert "no-site-activity" in named(body, "rules_held", "rule")


def test_the_verb_says_it_in_words_and_as_json(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "events.jsonl", life(Shop()))
    words = run("audit", path)
    assert words.exit_code == 0, words.output
    assert "of 2 customers, 2026-01-01 to 2026-04-01" in words.output
    assert "5 of 20 rules can never come true" in words.output
    assert "email-disengaged (" in words.output
    assert "usage (never connected): signals usage_depth" in words.output
    assert "although the source is live: " in words.output
    body = json.loads(run("audit", path, "--json").stdout)
    assert body["source"] == "events.jsonl"
    assert body["signals"][0]["signal"] == "purchase_recency"


def test_rules_of_ones_own_are_read_from_a_file(run: Run, tmp_path: Path) -> None:
    path, rules = write(tmp_path / "events.jsonl", life(Shop())), tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {id: detractor, title: Unhappy, when: nps <= 6}\n")
    assert "All 1 rules have the sources they need." in run("audit", path, "--rules", rules).output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "name a file with --rules"),
        ("a: [", "not YAML"),
        ("rules: 3", "no list `rules`"),
        ("rules:\n  - {id: bad, when: 'a >'}", "rule 'bad' has no condition that can be read"),
        ("rules:\n  - {id: bad}", "rule 'bad' has no condition that can be read"),
        ("rules:\n  - 3", "rule 3 has no condition that can be read"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(run: Run, tmp_path: Path, text: str | None, why: str) -> None:
    path, rules = write(tmp_path / "events.jsonl", life(Shop())), tmp_path / "rules.yaml"
    if text is not None:
        rules.write_text(text)
    answer = run("audit", path, "--rules", rules)
    assert answer.exit_code == 1
    assert why in answer.stderr
