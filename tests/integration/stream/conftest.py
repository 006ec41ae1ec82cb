import pytest

from tests.fixtures.stack import MakeTopics
from tests.integration.stream.support import STATE_CONFIG, Job


@pytest.fixture
async def job(kafka: str, make_topics: MakeTopics) -> Job:
    """A counting job with topics of its own."""
    source, out, dead = await make_topics("source", "out", "dead")
    (state,) = await make_topics("state", config=STATE_CONFIG)
    return Job(kafka, f"app-{source}", source, state, out, dead)
