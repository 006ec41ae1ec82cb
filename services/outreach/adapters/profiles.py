"""customer.profiles into the profiles table."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from libs.events import DecodeError, decode_hot, split_key
from libs.runtime.clock import Clock
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import add_effects, for_customers
from services.outreach.adapters.taking import untaken
from services.outreach.effects import TopicNames, dead_letter
from services.outreach.models import Profile
from services.outreach.ports import Effect, Record, Who

_COPIED = ("email", "phone", "name", "locale", "timezone", "email_consent", "sms_consent")


class ProfileStore:
    """The last record of a customer wins; a tombstone removes the row."""

    def __init__(self, sessions: Sessions, clock: Clock, topics: TopicNames) -> None:
        self._sessions = sessions
        self._clock = clock
        self._topic = topics.profiles
        self._dead_letters = topics.dead_letters

    async def on_records(self, records: Sequence[Record]) -> None:
        async with untaken(self._sessions, self._topic, records) as (session, fresh):
            last, undecodable = _last(fresh)
            letters = [self._letter(one, error) for one, error in undecodable]
            await add_effects(session, letters, datetime.fromtimestamp(self._clock.wall(), UTC))
            gone = [who for who, row in last.items() if row is None]
            if gone:
                await session.execute(delete(Profile).where(for_customers(Profile, gone)))
            rows = [row for row in last.values() if row is not None]
            if rows:
                statement = insert(Profile).values(rows)
                replaced = {name: statement.excluded[name] for name in (*_COPIED, "external", "updated_at")}
                await session.execute(
                    statement.on_conflict_do_update(index_elements=["tenant", "customer_id"], set_=replaced)
                )

    def _letter(self, record: Record, error: Exception) -> Effect:
        """A dead letter with the kind of error only: its text may repeat an address."""
        origin = f"{self._topic}/{record.partition}/{record.offset}"
        what = type(error).__name__
        return dead_letter("undecodable-profile", what, origin, self._clock.now(), self._dead_letters)


def _last(
    records: Sequence[Record],
) -> tuple[dict[Who, dict[str, Any] | None], list[tuple[Record, Exception]]]:
    last: dict[Who, dict[str, Any] | None] = {}
    undecodable: list[tuple[Record, Exception]] = []
    for record in records:
        try:
            who, row = _read(record)
        except (DecodeError, ValueError) as error:
            undecodable.append((record, error))
            continue
        last[who] = row
    return last, undecodable


def _read(record: Record) -> tuple[Who, dict[str, Any] | None]:
    if record.value is None:
        return split_key(record.key), None
    found = decode_hot(record.value, "profile.updated")
    who: Who = (found.tenant, found.subject)
    row = {name: getattr(found.data, name) for name in _COPIED}
    at: datetime = found.time
    external = list(found.data.external)
    return who, {**row, "tenant": who[0], "customer_id": who[1], "external": external, "updated_at": at}
