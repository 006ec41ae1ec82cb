"""From two forms of the console over the topic into the figures of `tune`."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from libs.runtime.clock import FakeClock
from services.triggers import operate
from services.triggers.__main__ import app
from tests.integration.outreach.conftest import World
from tests.unit.outreach.factories import fired, profile
from tests.unit.triggers.offline.fallen import HORIZON, leaver, shop, stayer
from tests.unit.triggers.offline.past import ends

_TASK = "SELECT id FROM outreach.tasks WHERE customer_id = :customer"


async def test_what_a_csm_says_in_the_console_is_counted_by_tune(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A leaver was called, a stayer was called, and a leaver who had fallen the day before is missed."""
    called, spared, missed = leaver(3, 0), stayer(3, 1), leaver(4, 0)
    world.clock = FakeClock(ends(5))
    await world.put(world.topics.profiles, *(profile(one) for one in (called, spared, missed)))
    red = {"rule": "fallen", "level": "red", "stage": "loyal"}
    for customer in (called, spared):
        await world.put(world.topics.triggers, fired(f"t-{customer}", customer, ends(5), **red))
    async with world.running(), httpx.AsyncClient(base_url=world.base) as client:
        for customer, verdict in ((called, "right"), (spared, "wrong")):
            ((task,),) = await world.some(_TASK, customer=customer)
            answer = await client.post(f"/tasks/{task}/feedback", data={"verdict": verdict, "form": "f"})
            assert answer.status_code == 303
        world.clock.advance(timedelta(days=1))
        answer = await client.post(f"/customers/demo/{missed}/missed", data={"rule": "fallen", "form": "f"})
        assert answer.status_code == 303
        await world.read(world.topics.outcomes, 5)

    capfd.readouterr()  # what the service has logged
    monkeypatch.setenv("GREENLINE_KAFKA", world.kafka)
    await asyncio.to_thread(operate.print_feedback, world.topics.outcomes)
    said = tmp_path / "said.jsonl"
    said.write_text(capfd.readouterr().out)
    rules, frames = shop(tmp_path)
    words = ("tune", "fallen", "--rules", rules, "--frames", frames, "--horizon", HORIZON)
    answer = await asyncio.to_thread(
        CliRunner().invoke, app, [*map(str, words), "--feedback", str(said), "--out", str(tmp_path)]
    )
    assert answer.exit_code == 0, answer.output
    body = json.loads((tmp_path / "tune.json").read_text())
    told = body["feedback"]
    assert [told[word] for word in ("right", "wrong", "missed", "unknown", "refused")] == [1, 1, 1, 0, 0]
    now = body["variants"][0]["whole"]["verdicts"]
    assert (now["right_kept"], now["wrong_avoided"], now["missed_caught"]) == (1, 0, 1)
    strict = next(each for each in body["variants"] if each["values"] == ["25", "0s"])["whole"]["verdicts"]
    assert (strict["right_kept"], strict["wrong_avoided"], strict["precision"]) == (1, 1, 1.0)
