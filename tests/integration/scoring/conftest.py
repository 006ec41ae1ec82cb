"""The scoring loops compiled before the first test, and kept between runs: no test waits for a compiler."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from libs.runtime.stack.state import locked
from services.scoring.warm import use_cache, warm_up
from tests.fixtures.stack import MakeTopics

if TYPE_CHECKING:
    from tests.integration.scoring.shop import Shop

_FOLDER = use_cache(Path(__file__).resolve().parents[3] / ".greenline" / "test-cache")
with locked(_FOLDER.parent / "lock"):  # two test processes compile once
    warm_up()


@pytest.fixture
async def shop(kafka: str, make_topics: MakeTopics, tmp_path: Path, unused_tcp_port: int) -> "Shop":
    from tests.integration.scoring.shop import make_shop  # after the folder for machine code is known

    return await make_shop(kafka, make_topics, tmp_path / "clock.json", unused_tcp_port)
