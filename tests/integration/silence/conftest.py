"""Ingest's own outages need a Kafka and a PostgreSQL of their own; scoring runs in this process."""

from tests.fixtures.compiled import compiled

compiled()

from tests.integration.ingest.conftest import own_stack, world  # noqa: E402 (after the folder for machine code is known)

__all__ = ["own_stack", "world"]  # fixtures
