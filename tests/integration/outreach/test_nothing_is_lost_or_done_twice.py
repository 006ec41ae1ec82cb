"""Crashes, redelivery, servers that are away: effects leave once, or again with the same identity."""

from collections.abc import Sequence
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from libs.events import AnyEvent, encode
from libs.runtime.errors import FatalError, TransientError
from services.outreach.adapters.decisions import SqlDecisionUnits
from services.outreach.adapters.playbook_files import Library
from services.outreach.adapters.smtp import SmtpMailer
from services.outreach.closing import Closer
from services.outreach.domain.decide import Policy
from services.outreach.domain.messages import MessagePolicy
from services.outreach.effects import TopicNames
from services.outreach.ports import Mail, Record
from services.outreach.relay import EventRelay, MailRelay
from services.outreach.service import Decider
from services.outreach.testing import MemoryMailer, MemoryPublisher, SilentMetrics
from services.outreach.timers import Sender, Timers
from tests.integration.outreach.conftest import World
from tests.unit.outreach.factories import NOON, cleared, fired, order, profile, shipped, watch

POLICY = Policy(programme_share=0, playbook_share=0)


class CrashError(Exception):
    """The process ends here."""


class MailerThatCrashesAfter(MemoryMailer):
    """The server took the message, and then our process ended before it could note so."""

    crashing = True

    async def send(self, mail: Mail) -> None:
        await super().send(mail)
        if self.crashing:
            raise CrashError


def decider(world: World, policy: Policy = POLICY, **options: int) -> Decider:
    units = SqlDecisionUnits(world.sessions, watch())
    return Decider(units, shipped().book, policy, world.clock, SilentMetrics(), **options)


def timers(
    world: World, library: Library | None = None, policy: MessagePolicy | None = None, ceiling: int = 0
) -> Timers:
    return Timers(
        world.sessions,
        world.clock,
        library or shipped(),
        policy=policy or MessagePolicy(),
        sender=Sender("Shop", "success@shop.example", "http://127.0.0.1:1"),
        metrics=SilentMetrics(),
        ceiling=ceiling,
    )


def relay(world: World, mailer: MemoryMailer | SmtpMailer) -> MailRelay:
    return MailRelay(world.sessions, mailer, world.clock, metrics=SilentMetrics(), jitter=lambda: 0.5)


def records(*values: bytes, start: int = 0) -> list[Record]:
    return [Record(0, start + number, b"", value) for number, value in enumerate(values)]


def raw(*events: AnyEvent) -> Sequence[bytes]:
    return [encode(event) for event in events]


async def known(world: World, *customers: str, consent: bool = True) -> None:
    async with world.sessions.begin() as session:
        for customer in customers:
            await session.execute(
                text(
                    "INSERT INTO outreach.profiles (tenant, customer_id, email, name, email_consent,"
                    " external, updated_at) VALUES ('demo', :who, :mail, 'Ann', :consent, '[]', now())"
                ),
                {"who": customer, "mail": f"{customer}@example.test", "consent": consent},
            )


async def queued(world: World) -> None:
    """One message in the outbox."""
    await known(world, "c1")
    await decider(world).on_records(records(*raw(fired("t1"))))
    assert await timers(world).work(10) == 1


async def test_a_crash_between_send_and_commit_sends_again_with_the_same_message_id(world: World) -> None:
    await queued(world)
    mailer = MailerThatCrashesAfter()
    with pytest.raises(CrashError):
        await relay(world, mailer).work()
    mailer.crashing = False
    assert await relay(world, mailer).work() == 1
    assert await relay(world, mailer).work() == 0
    first, second = mailer.sent
    assert first.message_id == second.message_id
    assert await world.rows("SELECT 1 FROM outreach.messages WHERE status = 'sent'")
    ((payload,),) = await world.rows("SELECT payload FROM outreach.outbox WHERE kind = 'email'")
    assert payload == {"message_id": first.message_id}  # the address is gone


async def test_records_that_come_again_are_passed_over(world: World) -> None:
    await known(world, "c1", "c2")
    log = records(*raw(fired("t1", "c1"), fired("t2", "c2"), fired("t1", "c1")))
    await decider(world).on_records(log[:2])
    again = await decider(world).on_records(log)
    assert again.decisions == []
    assert len(await world.rows("SELECT 1 FROM outreach.decisions")) == 2
    assert len(await world.rows("SELECT 1 FROM outreach.outbox")) == 2
    ((offset,),) = await world.rows("SELECT next_offset FROM outreach.consumer_offsets")
    assert offset == 3


async def test_two_triggers_of_one_customer_in_one_batch_open_one_play(world: World) -> None:
    await known(world, "c1")
    batch = await decider(world).on_records(
        records(*raw(fired("t1"), fired("t2", rule="no-site-activity", level="red")))
    )
    assert [(one.decision, one.reason) for one in batch.decisions] == [
        ("opened", "stage-mid"),
        ("suppressed", "open-intervention"),
    ]


async def test_a_cleared_trigger_is_noted_on_its_intervention(world: World) -> None:
    await known(world, "c1")
    await decider(world).on_records(records(*raw(fired("t1"), cleared("t1", at=NOON + timedelta(days=3)))))
    ((at,),) = await world.rows("SELECT cleared_at FROM outreach.interventions")
    assert at == NOON + timedelta(days=3)


async def test_imported_history_is_never_acted_on(world: World) -> None:
    await known(world, "c1")
    await decider(world).on_records(records(*raw(fired("t1", backfill=True))))
    ((decision, reason),) = await world.rows("SELECT decision, reason FROM outreach.decisions")
    assert (decision, reason) == ("suppressed", "backfill")


async def test_the_send_ceiling_counts_plays_of_the_same_batch(world: World) -> None:
    customers = [f"c{number}" for number in range(5)]
    await known(world, *customers)
    events = [fired(f"t{number}", customer) for number, customer in enumerate(customers)]
    batch = await decider(world, ceiling=3).on_records(records(*raw(*events)))
    assert [one.decision for one in batch.decisions].count("opened") == 3
    assert batch.decisions[-1].reason == "send-ceiling"


async def test_a_frozen_outreach_opens_nothing_and_lets_nothing_out(world: World) -> None:
    await queued(world)
    async with world.sessions.begin() as session:
        await session.execute(text("INSERT INTO outreach.controls VALUES ('frozen', 'restored', now())"))
    mailer = MemoryMailer()
    assert await relay(world, mailer).work() == 0
    await known(world, "c2")
    batch = await decider(world).on_records(records(*raw(fired("t2", "c2")), start=1))
    assert batch.decisions[0].reason == "kill-switch"
    async with world.sessions.begin() as session:
        await session.execute(text("DELETE FROM outreach.controls"))
    assert await relay(world, mailer).work() == 1


async def test_a_held_out_customer_is_shown_nothing(world: World) -> None:
    await known(world, "c1")
    policy = Policy(programme_share=0, playbook_share=1)
    await decider(world, policy).on_records(records(*raw(fired("t1"))))
    ((arm, steps),) = await world.rows(
        "SELECT arm, (SELECT count(*) FROM outreach.steps) FROM outreach.interventions"
    )
    assert (arm, steps) == ("control", 0)


async def test_a_message_without_consent_is_stored_with_its_reason(world: World) -> None:
    await known(world, "c1", consent=False)
    trigger = fired("t1", stage="loyal", level="red")
    await decider(world).on_records(records(*raw(trigger)))
    for _ in ("the call", "the message that may not go"):
        world.clock.advance(timedelta(days=10))
        assert await timers(world).work(10) == 1
    ((status, reason),) = await world.rows("SELECT status, reason FROM outreach.messages")
    assert (status, reason) == ("not_sent", "no-consent")
    publisher = MemoryPublisher()
    assert await EventRelay(world.sessions, publisher, world.clock, SilentMetrics()).work() == 2
    assert [event.topic for event in publisher.events] == [TopicNames().outcomes] * 2


async def test_a_message_in_the_night_waits_for_the_morning(world: World) -> None:
    await known(world, "c1")
    world.clock.advance(timedelta(hours=10))  # 22:00
    await decider(world).on_records(records(*raw(fired("t1"))))
    assert await timers(world).work(10) == 1
    ((status, due),) = await world.rows("SELECT status, due_at FROM outreach.steps ORDER BY position LIMIT 1")
    assert (status, due) == ("pending", NOON + timedelta(hours=20))
    assert await timers(world).work(10) == 0
    world.clock.advance(timedelta(hours=10))
    await timers(world).work(10)
    assert await world.rows("SELECT 1 FROM outreach.messages WHERE status = 'queued'")


async def test_a_refused_address_is_told_and_not_tried_again(world: World) -> None:
    await queued(world)
    mailer = MemoryMailer()
    mailer.refuse.add("c1@example.test")
    await relay(world, mailer).work()
    ((status, reason),) = await world.rows("SELECT status, reason FROM outreach.messages")
    assert (status, reason) == ("not_sent", "refused-by-server")
    assert await relay(world, mailer).work() == 0


async def test_a_mail_server_that_is_away_is_tried_again_later(world: World) -> None:
    await queued(world)
    mailer = MemoryMailer()
    mailer.away = True
    with pytest.raises(TransientError):
        await relay(world, mailer).work()
    assert await relay(world, mailer).work() == 0  # not due yet
    mailer.away = False
    world.clock.advance(timedelta(seconds=2))
    assert await relay(world, mailer).work() == 1
    assert len(mailer.sent) == 1


async def test_a_customer_who_said_no_meanwhile_gets_nothing(world: World) -> None:
    await queued(world)
    async with world.sessions.begin() as session:
        await session.execute(
            text("INSERT INTO outreach.suppressions VALUES ('demo', 'c1', 'email', 'complained', now())")
        )
    mailer = MemoryMailer()
    await relay(world, mailer).work()
    assert mailer.sent == []
    ((reason,),) = await world.rows("SELECT reason FROM outreach.messages")
    assert reason == "complained"


async def test_events_wait_while_kafka_is_away(world: World) -> None:
    await queued(world)
    publisher = MemoryPublisher()
    publisher.away = True
    out = EventRelay(world.sessions, publisher, world.clock, SilentMetrics())
    with pytest.raises(TransientError):
        await out.work()
    publisher.away = False
    assert await out.work() == 1
    assert await out.work() == 0


async def test_nothing_is_closed_past_the_moment_up_to_which_purchases_were_heard(world: World) -> None:
    await queued(world)
    closer = Closer(world.sessions, world.clock, timedelta(days=2), SilentMetrics())
    world.clock.advance(timedelta(days=40))
    assert await closer.work(None, 10) == 0
    assert await closer.work(NOON + timedelta(days=31), 10) == 0
    assert await closer.work(NOON + timedelta(days=32), 10) == 1
    ((result, pending),) = await world.rows(
        "SELECT result, (SELECT count(*) FROM outreach.steps WHERE status = 'pending')"
        " FROM outreach.interventions"
    )
    assert (result, pending) == ("failure", 0)


async def test_after_an_outage_messages_keep_their_spacing(world: World) -> None:
    await known(world, "c1")
    await decider(world).on_records(records(*raw(fired("t1"))))
    world.clock.advance(timedelta(days=14))
    assert await timers(world).work(10) == 1
    assert await timers(world).work(10) == 0, "what was due meanwhile waits its turn"
    ((due,),) = await world.rows("SELECT min(due_at) FROM outreach.steps WHERE status = 'pending'")
    world.clock.advance(timedelta(days=5, hours=23))
    assert await timers(world).work(10) == 0
    world.clock.advance(due - world.clock.now())
    assert await timers(world).work(10) == 1


async def test_open_tasks_leave_the_queue_with_their_window_unless_a_remedy_is_owed(world: World) -> None:
    await queued(world)
    await _open_task(world)
    closer = Closer(world.sessions, world.clock, timedelta(days=2), SilentMetrics())
    world.clock.advance(timedelta(days=40))
    assert await closer.work(world.clock.now(), 10) == 1
    assert await world.rows("SELECT status FROM outreach.tasks") == [("expired",)]


async def test_a_remedy_owed_stays_in_the_queue_when_its_window_closes(world: World) -> None:
    await queued(world)
    await _open_task(world)
    await world.change("UPDATE outreach.interventions SET owed = true")
    closer = Closer(world.sessions, world.clock, timedelta(days=2), SilentMetrics())
    world.clock.advance(timedelta(days=40))
    assert await closer.work(world.clock.now(), 10) == 1
    assert await world.rows("SELECT status FROM outreach.tasks") == [("open",)]


async def _open_task(world: World) -> None:
    await world.change(
        "INSERT INTO outreach.tasks (id, intervention_id, step_id, tenant, customer_id, playbook, title,"
        " reason, script, next_step, severity, value_minor, currency, priority, assignee, due_at,"
        " status, created_at)"
        " SELECT 'task-1', id, 's', tenant, customer_id, playbook, 'Call', 'silent', 'Ask', 'Note it', 2,"
        " 100, 'USD', 200, 'Sam', closes_at, 'open', opened_at FROM outreach.interventions"
    )


async def test_the_service_survives_a_restart_of_postgresql(world: World) -> None:
    await world.put(world.topics.profiles, profile("c1"), profile("c2"))
    await world.put(world.topics.triggers, fired("t1", "c1"))
    async with world.running(), httpx.AsyncClient(base_url=world.base) as client:
        await world.some("SELECT 1 FROM outreach.decisions")
        async with world.sessions.begin() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await world.put(world.topics.triggers, fired("t2", "c2"))
        await world.put(world.topics.events, order("o1", NOON + timedelta(days=1), customer="c1"))
        await world.some("SELECT 1 FROM outreach.decisions WHERE trigger_id = 't2'")
        await world.some("SELECT 1 FROM outreach.intervention_orders")
        await world.some("SELECT 1 FROM outreach.messages WHERE status = 'sent' AND customer_id = 'c2'")
        stats = (await client.get("/api/stats")).json()
        metrics = (await client.get("/metrics")).text
    assert stats["decisions"]["by_kind"] == {"opened": 2, "suppressed": 0, "held_out": 0}
    assert 'greenline_outreach_decisions_total{decision="opened"' in metrics


async def test_a_profile_is_known_before_its_trigger_and_a_tombstone_removes_it(world: World) -> None:
    await world.put(world.topics.profiles, *(profile(f"c{number}") for number in range(300)))
    await world.put(world.topics.triggers, fired("t1", "c299"))
    async with world.running():
        ((decision,),) = await world.some("SELECT decision FROM outreach.decisions")
        assert decision == "opened"
        await world.producer.send_and_wait(world.topics.profiles, None, key=b"demo/c299")
        await world.some(
            "SELECT 1 WHERE NOT EXISTS (SELECT FROM outreach.profiles WHERE customer_id = 'c299')"
        )


async def test_a_topic_that_was_made_anew_stops_the_service_with_a_clear_error(world: World) -> None:
    async with world.sessions.begin() as session:
        await session.execute(
            text("INSERT INTO outreach.consumer_offsets VALUES (:topic, 0, 5000)"),
            {"topic": world.topics.triggers},
        )
    with pytest.raises(FatalError, match="made anew"):
        await world.until_it_ends()
