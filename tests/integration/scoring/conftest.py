from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.compiled import compiled
from tests.fixtures.stack import MakeTopics

if TYPE_CHECKING:
    from tests.integration.scoring.shop import Shop

compiled()


@pytest.fixture
async def shop(kafka: str, make_topics: MakeTopics, tmp_path: Path, unused_tcp_port: int) -> "Shop":
    from tests.integration.scoring.shop import make_shop  # after the folder for machine code is known

    return await make_shop(kafka, make_topics, tmp_path / "clock.json", unused_tcp_port)
