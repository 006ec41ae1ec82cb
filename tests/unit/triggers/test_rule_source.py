"""Where the rules come from: the file, and behind it the last good copy."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.triggers.adapters.rule_file import RuleFileError
from services.triggers.adapters.rule_source import RuleSource, following
from services.triggers.domain.rules import Rule
from tests.unit.triggers.shop import rule_text

GOOD, OTHER, BAD = rule_text("score < 30"), rule_text("score < 40"), rule_text("scor < 30")


class Desk:
    """A rule file, its kept copy, and what is told of them."""

    def __init__(self, folder: Path) -> None:
        self.file, self.kept = folder / "rules.yaml", folder / "data" / "triggers" / "rules.yaml"
        self.told: list[bool] = []

    def source(self) -> RuleSource:
        return RuleSource(self.file, self.kept, self._tell)

    def _tell(self, *, good: bool) -> None:
        self.told.append(good)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def conditions(rules: Sequence[Rule] | None) -> list[str] | None:
    return None if rules is None else [rule.when.sql for rule in rules]


def test_a_good_file_is_copied(desk: Desk) -> None:
    desk.file.write_text(GOOD)
    assert conditions(desk.source().first()) == ["score < 30"]
    assert desk.kept.read_text() == GOOD
    assert list(desk.kept.parent.iterdir()) == [desk.kept]


@pytest.mark.parametrize("wrong", [BAD, "", "rules: [", "for: 2001-99-99", None])
def test_a_bad_file_is_passed_over_for_the_last_good_one_which_stays(desk: Desk, wrong: str | None) -> None:
    desk.file.write_text(GOOD)
    desk.source().first()
    desk.file.unlink() if wrong is None else desk.file.write_text(wrong)
    assert conditions(desk.source().first()) == ["score < 30"]
    assert desk.kept.read_text() == GOOD
    assert desk.told == [True, False]


def test_what_is_wrong_is_said_by_line(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.file.write_text(GOOD)
    desk.source().first()
    desk.file.write_text(BAD)
    desk.source().first()
    said = "".join(capsys.readouterr())
    assert "triggers.rules.refused" in said
    assert "did you mean 'score'?" in said
    assert "triggers.rules.last_good" in said


def test_without_a_last_good_one_there_is_nothing_to_start_with(desk: Desk) -> None:
    desk.file.write_text(BAD)
    with pytest.raises(RuleFileError, match="did you mean"):
        desk.source().first()
    assert not desk.kept.exists()


def test_a_doubtful_rule_is_said_and_taken(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.file.write_text(rule_text("score > 100"))
    assert len(desk.source().first()) == 1
    assert "triggers.rules.doubtful" in "".join(capsys.readouterr())


def test_a_change_is_taken_once(desk: Desk) -> None:
    desk.file.write_text(GOOD)
    source = desk.source()
    source.first()
    assert source.changed() is None
    desk.file.write_text(OTHER)
    assert conditions(source.changed()) == ["score < 40"]
    assert source.changed() is None
    assert desk.kept.read_text() == OTHER


def test_a_change_for_the_worse_is_said_once_and_repaired_later(desk: Desk) -> None:
    desk.file.write_text(GOOD)
    source = desk.source()
    source.first()
    desk.file.write_text(BAD)
    assert [source.changed(), source.changed()] == [None, None]
    desk.file.unlink()
    assert [source.changed(), source.changed()] == [None, None]
    assert desk.told == [True, False, False]
    desk.file.write_text(OTHER)
    assert conditions(source.changed()) == ["score < 40"]


def test_a_file_put_back_as_it_was_is_taken_again(desk: Desk) -> None:
    desk.file.write_text(GOOD)
    source = desk.source()
    source.first()
    desk.file.write_text(BAD)
    source.changed()
    desk.file.write_text(GOOD)
    assert conditions(source.changed()) == ["score < 30"]
    assert desk.told == [True, False, True]


def test_without_a_place_to_keep_it_a_good_file_is_still_taken(desk: Desk) -> None:
    desk.file.write_text(GOOD)
    desk.kept.parent.parent.write_text("a file where the folder should be")
    assert conditions(desk.source().first()) == ["score < 30"]


def test_whatever_reading_stumbles_over_a_running_service_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.file.write_text(GOOD)
    source = desk.source()
    source.first()
    with monkeypatch.context() as broken:
        broken.setattr("services.triggers.adapters.rule_source.doubtful", lambda *_: 1 // 0)
        desk.file.write_text(OTHER)
        assert source.changed() is None
        assert conditions(desk.source().first()) == ["score < 30"]
    assert desk.told == [True, False, False]
    desk.file.write_text(rule_text("score < 50"))
    assert conditions(source.changed()) == ["score < 50"]


@pytest.mark.parametrize("poll_s", [0.01, 600.0], ids=["by itself", "on SIGHUP"])
async def test_a_change_is_adopted(desk: Desk, poll_s: float) -> None:
    desk.file.write_text(GOOD)
    source = desk.source()
    source.first()
    taken: asyncio.Queue[Sequence[Rule]] = asyncio.Queue()
    async with following(source, taken.put_nowait, poll_s), asyncio.timeout(30):
        desk.file.write_text(OTHER)
        if poll_s > 1:
            os.kill(os.getpid(), signal.SIGHUP)
        assert conditions(await taken.get()) == ["score < 40"]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
