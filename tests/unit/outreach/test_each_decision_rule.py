"""One rule at a time: what opens, what is suppressed and why, who is held out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.outreach.domain.decide import Policy, choose_playbook, decide, holdout, ineligible, share_of
from services.outreach.domain.trigger import Contact, CustomerState
from services.triggers.adapters.rule_file import SHIPPED, load
from tests.unit.outreach.factories import (
    NOON,
    REACHABLE,
    a_task,
    past,
    playbook,
    shipped,
    state,
    trigger,
)

POLICY = Policy(programme_share=0, playbook_share=0)
MAIL_ONLY = playbook()
WITH_TASK = playbook(steps=[{"email": "mid-life/feedback"}, a_task()])
OWED = playbook(
    id="remedy",
    owed=True,
    chosen_for={"rules": ["negative-support-unresolved"]},
    experiment="none",
    steps=[a_task()],
)


def against(book=MAIL_ONLY, where: CustomerState | None = None, policy=POLICY, **changes):
    return ineligible(trigger(**changes), where or state(), book, policy, NOON)


@pytest.mark.parametrize(
    ("stage", "rule", "level", "expected"),
    [
        ("new", "engagement-drop", "yellow", "new-customer"),
        ("mid", "no-site-activity", "red", "mid-life"),
        ("loyal", "order-frequency-drop", "yellow", "loyal"),
        ("mid", "negative-support-unresolved", "red", "post-support"),
        ("lapsed", "negative-support-unresolved", "red", "post-support"),
        ("mid", "a-rule-of-the-shop", "yellow", "mid-life"),
    ],
)
def test_stage_and_rule_choose_the_playbook(stage: str, rule: str, level: str, expected: str) -> None:
    chosen = choose_playbook(trigger(stage=stage, rule=rule, level=level), shipped().book)
    assert chosen.playbook is not None
    assert chosen.playbook.id == expected


def test_a_lapsed_customer_gets_no_play() -> None:
    verdict = decide(trigger(stage="lapsed"), state(), shipped().book, POLICY, NOON)
    assert (verdict.decision, verdict.reason) == ("suppressed", "lapsed")


@pytest.mark.parametrize("rules", ["standard", "evidenced"])
def test_every_shipped_rule_ends_in_a_decision(rules: str) -> None:
    decided = {}
    for rule in load(SHIPPED[rules]):
        verdict = decide(trigger(rule=rule.id, level=rule.level), state(), shipped().book, POLICY, NOON)
        decided.setdefault((rule.level, verdict.decision), []).append(rule.id)
    assert {key: len(found) for key, found in decided.items()} == {
        ("yellow", "opened"): 7,
        ("red", "opened"): 5,
        ("account", "suppressed"): 5,
        ("green", "suppressed"): 3,
    }


@pytest.mark.parametrize("level", ["account", "green"])
def test_a_level_that_no_playbook_is_for_is_suppressed(level: str) -> None:
    verdict = decide(trigger(level=level), state(), shipped().book, POLICY, NOON)
    assert (verdict.decision, verdict.reason) == ("suppressed", "no-playbook")


def test_an_eligible_customer_is_opened() -> None:
    verdict = decide(trigger(), state(), (MAIL_ONLY,), POLICY, NOON)
    assert (verdict.decision, verdict.reason) == ("opened", "stage-mid")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"backfill": True}, "backfill"),
        ({"excluded": True}, "excluded"),
        ({"in_incident": True}, "common-cause"),
        ({"open_tickets": 1}, "open-trouble"),
    ],
)
def test_what_the_trigger_itself_says_against_a_play(changes: dict[str, object], reason: str) -> None:
    assert against(**changes) == reason


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (CustomerState(), "no-profile"),
        (state(contact=Contact(None, email_consent=True)), "no-email"),
        (state(contact=replace(REACHABLE, email_consent=False)), "no-consent"),
        (state(contact=replace(REACHABLE, email_consent=None)), "no-consent"),
        (state(suppressed="complained"), "unsubscribed"),
    ],
)
def test_a_play_by_mail_alone_needs_an_address_and_consent(where: CustomerState, reason: str) -> None:
    assert against(where=where) == reason
    assert against(WITH_TASK, where) is None


def test_a_task_for_another_level_does_not_make_a_play_work_without_mail() -> None:
    only_red = playbook(steps=[{"email": "mid-life/feedback"}, a_task(levels=["red"])])
    assert against(only_red, CustomerState(), level="yellow") == "no-profile"
    assert against(only_red, CustomerState(), level="red") is None


@pytest.mark.parametrize(
    ("earlier", "reason"),
    [
        (past(20, is_open=True), "open-intervention"),
        (past(20, is_open=True, arm="control"), "in-control-window"),
        (past(20, is_open=True, arm="control", playbook="loyal"), "in-control-window"),
        (past(20, is_open=True, owed=True), "open-trouble"),
        (past(13.9), "frequency-cap"),
        (past(13.9, arm="control"), "frequency-cap"),
        (past(14), None),
        (past(1, owed=True), None),
    ],
)
def test_the_past_limits_the_next_play(earlier, reason: str | None) -> None:
    assert against(where=state(earlier)) == reason


def test_a_remedy_owed_is_limited_by_itself_only() -> None:
    busy = state(past(1), past(5, is_open=True, arm="control"), suppressed="complained")
    assert against(OWED, busy, open_tickets=3) is None
    assert against(OWED, state(past(1, is_open=True, playbook="remedy", owed=True))) == "open-intervention"


def test_the_kill_switch_stops_remedies_too() -> None:
    policy = replace(POLICY, kill_switch=True)
    assert against(policy=policy) == "kill-switch"
    assert against(OWED, policy=policy) == "kill-switch"


@pytest.mark.parametrize(("left", "reason"), [(None, None), (1, None), (0, "send-ceiling")])
def test_the_send_ceiling_stops_new_plays(left: int | None, reason: str | None) -> None:
    assert against(policy=replace(POLICY, ceiling_left=left)) == reason


def test_assignment_to_control_comes_after_eligibility() -> None:
    everybody = Policy(programme_share=0, playbook_share=1)
    assert decide(trigger(), state(), (MAIL_ONLY,), everybody, NOON).reason == "playbook-holdout"
    suppressed = decide(trigger(), state(past(1)), (MAIL_ONLY,), everybody, NOON)
    assert (suppressed.decision, suppressed.reason) == ("suppressed", "frequency-cap")


def test_the_programme_wide_holdout_is_asked_first() -> None:
    assert holdout(trigger(), MAIL_ONLY, Policy(programme_share=1, playbook_share=1)) == "programme-holdout"


def test_a_remedy_owed_is_never_held_out() -> None:
    assert holdout(trigger(), OWED, Policy(programme_share=1, playbook_share=1)) is None


def test_another_experiment_shuffles_customers_anew() -> None:
    customers = [f"c{number}" for number in range(2000)]
    held = [{one for one in customers if share_of(salt, "demo", one) < 0.3} for salt in ("a/1", "a/2")]
    both = len(held[0] & held[1]) / len(customers)
    assert abs(both - 0.09) < 0.03  # independent: 0.3 x 0.3


def test_the_frequency_cap_is_a_setting() -> None:
    policy = replace(POLICY, frequency_cap=timedelta(days=3))
    assert against(where=state(past(4)), policy=policy) is None
