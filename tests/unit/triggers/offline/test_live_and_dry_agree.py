"""The same history gives the same firings, live and in a dry run."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent
from libs.events.families.health import TriggerFired
from libs.events.ids import message_key
from services.triggers.adapters.rule_file import parse
from services.triggers.domain.firing import trigger_id
from services.triggers.domain.rules import Rule
from services.triggers.offline.frames import end_of
from tests.unit.triggers.offline.past import Day, bought, carried, ends, write
from tests.unit.triggers.shop import Shop, snapshot

Fired = set[tuple[str, datetime]]

SET = """
rules:
  - {id: silent, level: red, title: Silent, when: days_since(last_order_at) >= 4, for: 1d, cooldown: 0s,
     labels: {team: t}, annotations: {reason: "silent since {last_order_at}"}}
  - {id: low, level: red, title: Low, when: score < 30, clear: score > 60, cooldown: 5d, keep_firing_for: 2d,
     crossing: true, labels: {team: t}, annotations: {reason: "{score}"}}
  - {id: quiet, level: yellow, title: Quiet, when: visits_30d <= 0.5 * orders_total, for: 2d, cooldown: 3d,
     labels: {team: t}, annotations: {reason: "{visits_30d}"}}
  - {id: vip, level: yellow, title: Vip, when: site_known IS NOT TRUE, segments: [vip], cooldown: 2d,
     labels: {team: t}, annotations: {reason: "{segment}"}}
  - {id: both, level: green, title: Both, when: orders_total > 0, clear: score > 40, cooldown: 0s,
     labels: {team: t}, annotations: {reason: "{orders_total}"}}
"""


def live(rules: Sequence[Rule], days: Iterable[Sequence[AnyEvent]]) -> Fired:
    """Each day's snapshots through the service. Those of the first day are history."""
    shop, said = Shop(rules), []
    for day, events in enumerate(days):
        shop.now = events[0].receivedat
        said += shop.send(*(event.model_copy(update={"backfill": day == 0}) for event in events))
    return {(e.data.trigger_id, e.data.fired_at) for e in said if isinstance(e.data, TriggerFired)}


def snapshots(past: Sequence[Day]) -> Iterator[list[AnyEvent]]:
    for day, known in enumerate(past):
        yield [snapshot(who, ends(day), **facts) for who, facts in known.items()]


def dry(rules: Sequence[Rule], folder: Path) -> Fired:
    run, frames, _ = carried(folder, rules)
    keys = [message_key(tenant, customer) for tenant, customer in frames.who()]
    return {
        (trigger_id(rules[f.rule].id, keys[f.slot], f.episode), end_of(frames.days[f.day]))
        for f in run.firings
    }


known = st.fixed_dictionaries(
    {"score": st.sampled_from([10.0, 45.0, 80.0])},
    optional={
        "last_order_at": st.floats(-6, 12).map(bought),
        "orders_total": st.integers(0, 4),
        "visits_30d": st.integers(0, 2),
        "site_known": st.booleans(),
        "excluded": st.booleans(),
        "segment": st.sampled_from(["vip", "consumer"]),
    },
)
# Customers come, stay away for a day, and may never return.
days = st.lists(
    st.dictionaries(st.sampled_from(["ann", "bob", "cid"]), known, min_size=1), min_size=2, max_size=14
)


@settings(deadline=None, max_examples=50)
@given(days)
def test_any_history_gives_the_same_triggers_at_the_same_moments(
    tmp_path_factory: Any, past: list[Day]
) -> None:
    rules = parse(SET, "set.yaml")
    folder = tmp_path_factory.mktemp("frames")
    assert dry(rules, write(folder, past)) == live(rules, snapshots(past))
    shutil.rmtree(folder)
