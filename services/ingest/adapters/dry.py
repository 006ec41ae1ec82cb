"""Stores for a dry run: everything is decided by the real ones, and nothing is kept."""

from collections.abc import Sequence

from services.ingest.adapters.identities import PostgresIdentities, decide
from services.ingest.adapters.postgres import transaction
from services.ingest.adapters.privacy import PostgresPrivacy
from services.ingest.domain.identity import Resolution
from services.ingest.domain.people import Anchor, Claim
from services.ingest.domain.record import Record
from services.ingest.ports import PrivacyRow


class DryIdentities(PostgresIdentities):
    """Decides in a transaction that is rolled back; the desk's memory makes up for what is not written."""

    async def resolve(self, claims: Sequence[Claim]) -> list[Resolution]:
        async with transaction(self._engine) as connection:
            found = await decide(connection, claims)
            await connection.rollback()
            return found

    async def remember(self, anchors: Sequence[tuple[str, str, Anchor]]) -> None:
        pass


class DryPrivacy(PostgresPrivacy):
    """Erases and records nothing."""

    async def record(self, row: PrivacyRow) -> PrivacyRow:
        return row

    async def erase(self, row: PrivacyRow, customers: Sequence[str], letters: Sequence[str]) -> None:
        pass


class NoLog:
    """An EventLog that takes everything and says nothing."""

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        pass
