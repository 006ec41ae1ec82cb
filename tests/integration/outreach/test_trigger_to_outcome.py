"""The whole way on real Kafka, PostgreSQL and SMTP."""

from datetime import timedelta

import httpx

from tests.integration.outreach.conftest import World, eventually
from tests.unit.outreach.factories import NOON, fired, order, profile

_TASK = "SELECT id FROM outreach.tasks WHERE status = 'open'"


async def test_a_trigger_becomes_one_decision_and_a_message(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1", name="Ann Example"))
    await world.put(world.topics.triggers, fired("t1", "c1", simulated=True))
    async with world.running():
        await world.some("SELECT 1 FROM outreach.messages WHERE status = 'sent'")
        decisions, sent = await world.read(world.topics.outcomes, 2)
        (back,) = await world.read(world.topics.events, 1)
    (row,) = await world.rows("SELECT decision, reason, playbook FROM outreach.decisions")
    assert tuple(row) == ("opened", "stage-mid", "mid-life")
    assert (decisions.type, sent.type, back.type) == (
        "outreach.opened",
        "outreach.message_sent",
        "outreach.message_sent",
    )
    assert sent.id == back.id
    assert sent.simulated
    (mail,) = world.sink.mails
    assert mail["To"] == "c1@example.test"
    assert mail["X-Greenline-Simulated"] == "true"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == sent.data.message_id  # type: ignore[attr-defined]
    assert "Hello Ann," in mail.get_payload(0).get_payload()  # type: ignore[union-attr]


async def test_the_unsubscribe_address_of_a_message_works_with_one_click(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1"))
    await world.put(world.topics.triggers, fired("t1", "c1"))
    async with world.running(), httpx.AsyncClient() as client:
        await world.some("SELECT 1 FROM outreach.messages WHERE status = 'sent'")
        address = str(world.sink.mails[0]["List-Unsubscribe"]).strip("<>")
        assert (await client.get(address)).status_code == 200
        assert not await world.rows("SELECT 1 FROM outreach.suppressions")
        answer = await client.post(address, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        world.clock.advance(timedelta(days=7))
        ((reason,),) = await world.some("SELECT reason FROM outreach.messages WHERE status = 'not_sent'")
        assert (await client.post(f"{world.base}/u/nobody")).status_code == 404
    assert reason == "unsubscribed"
    assert len(world.sink.mails) == 1


async def test_a_completed_task_tells_the_event_stream_and_escalates_when_not_resolved(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1"))
    await world.put(world.topics.triggers, fired("t1", "c1", rule="negative-support-unresolved", level="red"))
    async with world.running(), httpx.AsyncClient(base_url=world.base) as client:
        ((first,),) = await world.some(_TASK)
        (listed,) = (await client.get("/api/tasks?status=open&limit=5")).json()
        assert (listed["id"], listed["email"], listed["severity"]) == (first, "c1@example.test", 4)
        form = {"outcome": "not_resolved", "sentiment": "negative", "note": "still broken", "author": "Eva N"}
        for _ in range(2):  # the same report twice is one completion
            answer = await client.post(f"/tasks/{first}/complete", data=form)
            assert answer.status_code == 303
        other = await client.post(f"/tasks/{first}/complete", data={**form, "outcome": "resolved"})
        assert other.status_code >= 400
        ((_second, assignee),) = await world.some(
            "SELECT id, assignee FROM outreach.tasks WHERE status = 'open' AND escalated"
        )
        (completed,) = await world.read(world.topics.events, 1)
    assert assignee == "mika.tanaka"
    assert completed.type == "outreach.task_completed"
    assert completed.data.outcome == "not_resolved"  # type: ignore[attr-defined]
    assert completed.data.author == "eva.n"  # type: ignore[attr-defined]


async def test_what_is_said_of_an_alarm_is_on_the_topic_and_the_last_word_is_shown(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1"))
    red = {"rule": "negative-support-unresolved", "level": "red"}
    await world.put(world.topics.triggers, fired("t1", "c1", simulated=True, **red))
    async with world.running(), httpx.AsyncClient(base_url=world.base) as client:
        ((task,),) = await world.some(_TASK)
        world.clock.advance(timedelta(hours=3))
        wrong = {"verdict": "wrong", "reason": "came_back", "author": "Eva N", "form": "p1"}
        for _ in range(2):  # one form sent twice is one event
            assert (await client.post(f"/tasks/{task}/feedback", data=wrong)).status_code == 303
        world.clock.advance(timedelta(hours=1))
        await client.post(f"/tasks/{task}/feedback", data={"verdict": "right", "form": "p2"})
        missed = {"rule": "negative-support-unresolved", "form": "p3"}
        assert (await client.post("/customers/demo/c1/missed", data=missed)).status_code == 303
        _, *said = await world.read(world.topics.outcomes, 4)
        await world.some("SELECT 1 FROM outreach.timeline WHERE data->>'verdict' = 'missed'")
        page = (await client.get("/customers/demo/c1")).text
        metrics = (await client.get("/metrics")).text
    told = {one.data.verdict: one for one in said}  # type: ignore[attr-defined]
    assert [one.type for one in said] == ["outreach.feedback"] * 3
    first = told["wrong"]
    assert (first.data.trigger_id, first.data.fired_at, first.data.reason, first.data.author) == (  # type: ignore[attr-defined]
        "t1",
        NOON,
        "came_back",
        "eva.n",
    )
    assert (first.time, first.simulated) == (NOON + timedelta(hours=3), True)
    assert (told["missed"].data.rule, told["missed"].data.trigger_id) == (  # type: ignore[attr-defined]
        "negative-support-unresolved",
        None,
    )
    assert "Alarm said to be right" in page
    assert 'feedback_total{rule="negative-support-unresolved",verdict="missed"} 1.0' in metrics


async def test_both_arms_close_by_the_same_rule_at_the_end_of_the_window(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1"), profile("c2"))
    await world.put(world.topics.triggers, fired("t1", "c1"))
    async with world.running(holdout=0.0):
        await world.some("SELECT 1 FROM outreach.decisions")
    await world.put(world.topics.triggers, fired("t2", "c2"))
    async with world.running(holdout=0.9, programme_holdout=0.5):
        await world.some("SELECT 1 FROM outreach.decisions WHERE trigger_id = 't2'")
        for customer in ("c1", "c2"):
            await world.put(
                world.topics.events,
                order("before", NOON, customer=customer),
                order(f"in-{customer}", NOON + timedelta(days=30), "12.50", customer=customer),
                order(f"in-{customer}", NOON + timedelta(days=30), "12.50", customer=customer),
                order(f"late-{customer}", NOON + timedelta(days=31), customer=customer),
            )
        await world.some("SELECT 1 FROM outreach.intervention_orders WHERE order_id = 'late-c2'")
        world.clock.advance(timedelta(days=33))
        rows = await eventually(lambda: _closed(world, 2), "both closed")
        closed = [one for one in await world.read(world.topics.outcomes, 4) if one.type == "outreach.closed"]
    assert [tuple(row) for row in rows] == [
        ("control", "success", 1, 1250),
        ("treated", "success", 1, 1250),
    ]
    assert {one.data.arm for one in closed} == {"treated", "control"}  # type: ignore[attr-defined]


async def _closed(world: World, count: int) -> list[object] | None:
    rows = await world.rows(
        "SELECT arm, result, orders, revenue_minor FROM outreach.interventions"
        " WHERE status = 'closed' ORDER BY arm"
    )
    return rows if len(rows) == count else None


async def test_an_unreadable_trigger_becomes_a_dead_letter_and_blocks_nothing(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1"))
    await world.producer.send_and_wait(world.topics.triggers, b"{broken", key=b"demo/c1")
    await world.put(world.topics.triggers, fired("t1", "c1"))
    async with world.running():
        await world.some("SELECT 1 FROM outreach.decisions WHERE trigger_id = 't1'")
        await world.some(
            "SELECT 1 FROM outreach.outbox WHERE sent_at IS NOT NULL AND payload->>'topic' = :topic",
            topic=world.topics.dead_letters,
        )
