"""The command line as a person uses it, with the machine code that the other tests have compiled."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from libs.runtime.event_file import EventFile
from services.scoring import warm
from services.scoring.__main__ import app
from services.scoring.offline.log import EventLog, build_log
from tests.unit.scoring.offline.life import life, write
from tests.unit.scoring.shop import Shop

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ann's and Bob's life as a file."""
    return write(tmp_path_factory.mktemp("log") / "events.jsonl", life(Shop()))


@pytest.fixture(scope="module")
def log(path: Path) -> EventLog:
    return build_log(EventFile(path).blocks())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(verb, argument, ...)`; lines are as long as they like."""

    def keep(data_dir: Path) -> Path:
        return data_dir

    monkeypatch.setattr(warm, "use_cache", keep)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])
