"""Rules change on the real Kafka: nothing fires again, new rules arm silently, bad files change nothing."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.integration.triggers.test_triggers_on_kafka import Shop, shop
from tests.unit.triggers.shop import START, cleared, fired, rule_text, snapshot

__all__ = ["shop"]  # a fixture

HOUR = timedelta(hours=1)
PROBE = rule_text("score < 30", "score > 60", cooldown="0s")
MARK = rule_text("nps = 0", cooldown="0s").removeprefix("rules:\n").replace("probe", "mark")
SECOND = (
    rule_text("score < 50", "score > 60", cooldown="0s").removeprefix("rules:\n").replace("probe", "second")
)
BEFORE = PROBE + MARK
AFTER = PROBE.replace("score < 30", "score < 35").replace("title: Probe", "title: Edited") + MARK + SECOND


async def until_measured(shop: Shop, line: str) -> None:
    """A line of /metrics, as soon as it is there."""
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        while line not in (await client.get(f"http://127.0.0.1:{shop.port}/metrics")).text:  # noqa: ASYNC110 (looks in from outside)
            await asyncio.sleep(0.05)


@pytest.fixture
def ruled(shop: Shop) -> Shop:
    """A shop with a rule file of its own and a clock that runs, so that there are sweeps."""
    file = shop.clock_file.parent / "rules.yaml"
    file.write_text(BEFORE)
    shop.set_clock(days_per_second=0.01)
    return replace(shop, rules=file)


@pytest.mark.parametrize("poll_s", [0.1, 600.0], ids=["by itself", "on SIGHUP"])
async def test_an_edit_fires_nothing_and_a_new_rule_fires_on_what_comes_true_later(
    ruled: Shop, poll_s: float
) -> None:
    ann = replace(ruled, poll_s=poll_s)
    ben = replace(ann, customer=f"ben-{ann.customer}")
    assert ann.rules is not None
    async with ann.service():
        await ann.send(snapshot(ann.customer, START, score=20.0))
        await ben.send(snapshot(ben.customer, START, score=45.0, nps=0))
        assert fired(await ann.said(1) + await ben.said(1)) == ["probe", "mark"]
        ann.rules.write_text(AFTER)
        if poll_s > 1:
            os.kill(os.getpid(), signal.SIGHUP)
        await until_measured(ann, 'greenline_triggers_moved_total{phase="silent",rule="second"} 2.0')
        for hours, score, nps in ((1, 20.0, 0), (2, 70.0, 5), (3, 20.0, 5)):
            at = START + hours * HOUR
            await ann.send(snapshot(ann.customer, at, score=score))
            await ben.send(snapshot(ben.customer, at, score=score + 20, nps=nps))
            if hours == 2:  # rules look at levels: wait until this one has been seen
                assert cleared(await ann.said(2) + await ben.said(2)) == ["probe", "mark"]
        of_ann, of_ben = await ann.said(4), await ben.said(3)
    assert sorted(fired(of_ann)) == ["probe", "probe", "second"]  # again only after they had cleared
    assert fired(of_ben) == ["mark", "second"]


async def test_a_bad_file_changes_nothing_and_a_restart_goes_on_with_the_last_good_one(ruled: Shop) -> None:
    assert ruled.rules is not None
    async with ruled.service():
        await ruled.send(snapshot(ruled.customer, START, score=20.0))
        assert fired(await ruled.said(1)) == ["probe"]
        ruled.rules.write_text(AFTER.replace("score < 50", "scor < 50"))
        await until_measured(ruled, 'greenline_triggers_rule_files_total{outcome="refused"} 1.0')
        await ruled.send(snapshot(ruled.customer, START + HOUR, score=70.0))
        assert cleared(await ruled.said(2)) == ["probe"]
    async with ruled.service():
        await until_measured(ruled, "greenline_triggers_rules_stale 1.0")
        await ruled.send(snapshot(ruled.customer, START + 2 * HOUR, score=20.0))
        assert fired(await ruled.said(3)) == ["probe", "probe"]
