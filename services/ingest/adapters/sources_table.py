"""Sources in PostgreSQL, their secrets sealed."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from libs.runtime.errors import ConfigError
from services.ingest.adapters.postgres import transaction
from services.ingest.adapters.vault import SETTING, Vault
from services.ingest.domain.sources import MOST_SECRETS, Secret, Source
from services.ingest.ports_sources import StoredSource

# xmin is the transaction that wrote a row: it tells of every change, also of one made by hand, without a
# column that somebody could forget to set.
_STAMP = text(
    "SELECT md5(coalesce(string_agg(row, ',' ORDER BY row), '')) FROM ("
    "SELECT name || ' ' || xmin::text AS row FROM sources UNION ALL "
    "SELECT number::text || ' ' || xmin::text FROM source_secrets) AS rows"
)
_ALL = text("SELECT * FROM sources ORDER BY name")
_SECRETS = text("SELECT * FROM source_secrets ORDER BY number")
_SECRETS_OF = text("SELECT * FROM source_secrets WHERE source = :name ORDER BY number")
_ADD = text(
    "INSERT INTO sources (name, provider, tenant, currency, enabled, topics, per_second, burst, tokens, "
    "backfill, simulated, phone_region, same_as, api_key, api_base, account) "
    "VALUES (:name, :provider, :tenant, :currency, :enabled, :topics, :per_second, :burst, :tokens, "
    ":backfill, :simulated, :phone_region, "
    "CAST(:same_as AS jsonb), :api_key, :api_base, :account) ON CONFLICT (name) DO NOTHING RETURNING 1"
)
# Name, provider and tenant stay: the secrets are sealed with them.
_CHANGE = text(
    "UPDATE sources SET currency = :currency, enabled = :enabled, topics = :topics, "
    "per_second = :per_second, burst = :burst, tokens = :tokens, backfill = :backfill, "
    "simulated = :simulated, phone_region = :phone_region, same_as = CAST(:same_as AS jsonb), "
    "api_key = :api_key, api_base = :api_base, account = :account WHERE name = :name"
)
_REMOVE = text("DELETE FROM sources WHERE name = :name RETURNING 1")
_ADD_SECRET = text(
    "INSERT INTO source_secrets (source, sealed, added_at, retires_at) "
    "VALUES (:source, :sealed, :added_at, :retires_at)"
)
_LOCK = text("SELECT * FROM sources WHERE name = :name FOR UPDATE")
_FORGET = text("DELETE FROM source_secrets WHERE source = :name AND retires_at <= :now")
_RETIRE = text(
    "UPDATE source_secrets SET retires_at = :until "
    "WHERE source = :name AND (retires_at IS NULL OR retires_at > :until)"
)
_COUNT = text("SELECT count(*) FROM source_secrets WHERE source = :name")
_SWITCH = text("UPDATE sources SET enabled = :enabled WHERE name = :name RETURNING 1")
_RESEAL = text("UPDATE source_secrets SET sealed = :sealed WHERE number = :number")
_RESEAL_KEY = text("UPDATE sources SET api_key = :sealed WHERE name = :name")
_PLAIN = (
    "name",
    "provider",
    "tenant",
    "currency",
    "enabled",
    "backfill",
    "simulated",
    "phone_region",
    "api_base",
    "account",
)


class PostgresSources:
    """A SourceStore."""

    def __init__(self, engine: AsyncEngine, vault: Vault) -> None:
        self._engine = engine
        self._vault = vault

    async def stamp(self) -> str:
        async with transaction(self._engine) as connection:
            found: str = (await connection.execute(_STAMP)).scalar_one()
        return found

    async def load(self) -> Sequence[StoredSource]:
        async with transaction(self._engine) as connection:
            rows, secrets = await _rows(connection)
        sealed = any(secrets.values()) or any(row.api_key for row in rows)
        if sealed and self._vault.empty:
            raise ConfigError(
                f"PostgreSQL holds secrets of sources and {SETTING} is empty: nobody can open them"
            )
        return [self._stored(row, secrets[row.name]) for row in rows]

    async def add(self, source: Source) -> bool:
        values = self._values(source)
        async with transaction(self._engine) as connection:
            if (await connection.execute(_ADD, values)).scalar_one_or_none() is None:
                return False
            for secret in source.secrets:
                await connection.execute(_ADD_SECRET, self._sealed(source, secret))
        return True

    async def rotate(self, name: str, secret: Secret, old_until: datetime) -> bool:
        now = secret.added_at or datetime.now(UTC)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(_LOCK, {"name": name})).one_or_none()
            if row is None:
                return False
            await connection.execute(_FORGET, {"name": name, "now": now})
            await connection.execute(_RETIRE, {"name": name, "until": old_until})
            await connection.execute(_ADD_SECRET, self._sealed(row, secret))
            if (await connection.execute(_COUNT, {"name": name})).scalar_one() > MOST_SECRETS:
                raise ConfigError(
                    f"source {name} has {MOST_SECRETS} live secrets: wait until some have ended"
                )
        return True

    async def switch(self, name: str, *, enabled: bool) -> bool:
        values = {"name": name, "enabled": enabled}
        async with transaction(self._engine) as connection:
            return (await connection.execute(_SWITCH, values)).scalar_one_or_none() is not None

    async def change(self, name: str, changes: Mapping[str, object]) -> bool:
        async with transaction(self._engine) as connection:
            row = (await connection.execute(_LOCK, {"name": name})).one_or_none()
            if row is None:
                return False
            secrets = (await connection.execute(_SECRETS_OF, {"name": name})).all()
            changed = self._source(row, secrets).model_copy(update=changes)
            await connection.execute(_CHANGE, self._values(changed))
        return True

    async def remove(self, name: str) -> bool:
        async with transaction(self._engine) as connection:
            return (await connection.execute(_REMOVE, {"name": name})).scalar_one_or_none() is not None

    async def reseal(self) -> int:
        """Everything under the first key, so that the others may go; all or nothing. Raises ConfigError."""
        async with transaction(self._engine) as connection:
            rows, secrets = await _rows(connection)
            for row in rows:
                if row.api_key is not None:
                    sealed = self._again(row.api_key, _about_key(row))
                    await connection.execute(_RESEAL_KEY, {"name": row.name, "sealed": sealed})
                for secret in secrets[row.name]:
                    sealed = self._again(secret.sealed, _about_secret(row))
                    await connection.execute(_RESEAL, {"number": secret.number, "sealed": sealed})
        return len(rows)

    def _values(self, source: Source) -> dict[str, Any]:
        values = {name: getattr(source, name) for name in _PLAIN}
        return values | {
            "topics": sorted(source.topics),
            "tokens": list(source.tokens),
            "per_second": source.limits and source.limits.per_second,
            "burst": source.limits and source.limits.burst,
            "same_as": json.dumps(source.same_as),
            "api_key": source.api_key
            and self._vault.seal(source.api_key.get_secret_value(), _about_key(source)),
        }

    def _again(self, sealed: bytes, about: str) -> bytes:
        return self._vault.seal(self._vault.open(sealed, about), about)

    def _sealed(self, source: Any, secret: Secret) -> dict[str, Any]:
        return {
            "source": source.name,
            "sealed": self._vault.seal(secret.value.get_secret_value(), _about_secret(source)),
            "added_at": secret.added_at or datetime.now(UTC),
            "retires_at": secret.retires_at,
        }

    def _stored(self, row: Any, secrets: Sequence[Any]) -> StoredSource:
        try:
            return StoredSource(row.name, row.created_at, self._source(row, secrets))
        except ConfigError as error:
            return StoredSource(row.name, row.created_at, None, str(error))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            return StoredSource(row.name, row.created_at, None, f"{where}: {first['msg']}")

    def _source(self, row: Any, secrets: Sequence[Any]) -> Source:
        fields = {name: getattr(row, name) for name in (*_PLAIN, "topics", "tokens", "same_as")}
        if row.per_second is not None:
            fields["limits"] = {"per_second": row.per_second, "burst": row.burst}
        if row.api_key is not None:
            fields["api_key"] = self._vault.open(row.api_key, _about_key(row))
        about = _about_secret(row)
        fields["secrets"] = [
            {
                "value": self._vault.open(one.sealed, about),
                "added_at": one.added_at,
                "retires_at": one.retires_at,
            }
            for one in secrets
        ]
        return Source.model_validate(fields, strict=False)


async def _rows(connection: AsyncConnection) -> tuple[Sequence[Any], dict[str, list[Any]]]:
    """The sources before the secrets: a source that comes in between is not seen without its own."""
    rows = (await connection.execute(_ALL)).all()
    secrets: dict[str, list[Any]] = defaultdict(list)
    for secret in (await connection.execute(_SECRETS)).all():
        secrets[secret.source].append(secret)
    return rows, secrets


def _about_secret(source: Any) -> str:
    """Whoever may write to the table still cannot give one tenant's secret to another's source."""
    return f"secret of {source.tenant}/{source.provider}/{source.name}"


def _about_key(source: Any) -> str:
    """With where it is sent, so that nobody has it sent elsewhere."""
    return f"API key of {source.tenant}/{source.provider}/{source.name} at {source.api_base}"
