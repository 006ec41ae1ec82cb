"""The command line as a person uses it, with the machine code that the other tests have compiled."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.scoring import warm
from services.scoring.__main__ import app

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(verb, argument, ...)`; lines are as long as they like."""

    def keep(data_dir: Path) -> Path:
        return data_dir

    monkeypatch.setattr(warm, "use_cache", keep)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])
