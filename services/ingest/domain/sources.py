"""A source: one endpoint that a tenant pastes into one of its tools."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from libs.events.types import Currency, Frozen, Label, Tenant

Secrets = tuple[str, ...]
TokenHash = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Source(Frozen):
    """`name` is the path segment; event ids and the envelope's `source` do not depend on it."""

    name: Label
    provider: Label
    tenant: Tenant
    currency: Currency = "USD"
    secrets: Annotated[tuple[SecretStr, ...], Field(max_length=8, strict=False)] = ()
    """Of its webhooks. All live at once, so that a secret can be rotated without a gap."""
    tokens: Annotated[tuple[TokenHash, ...], Field(max_length=8, strict=False)] = ()
    """Of POST /v1/events, hashed; all live at once too."""
    backfill: bool = False
    simulated: bool = False
    phone_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    """Where a phone number without a country code belongs."""
    same_as: dict[str, str] = Field(default_factory=dict)
    """Kinds of identifier that mean the same here, such as {"segment.user": "shopify.customer"}."""
    api_key: SecretStr | None = None
    api_base: str | None = None

    @model_validator(mode="after")
    def _opens_for_somebody(self) -> Self:
        if not (self.secrets or self.tokens):
            raise ValueError("needs secrets (of its webhooks) or tokens (of POST /v1/events)")
        return self

    @property
    def origin(self) -> str:
        """The envelope's `source`."""
        return f"{self.provider}/{self.tenant}"

    def live_secrets(self) -> Secrets:
        return tuple(secret.get_secret_value() for secret in self.secrets)


def hash_of(token: str) -> str:
    """What stands in the sources file. A token is random and long, so one round of SHA-256 is enough."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def holder_of(token: str, sources: Iterable[Source]) -> Source | None:
    """Whose token this is. All are looked at, each for the same time, right or wrong."""
    given = hash_of(token)
    matched = [one for one in sources for known in one.tokens if hmac.compare_digest(known, given)]
    return matched[0] if matched else None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who said something where there is no source, or none any more: what events need of one."""

    provider: str
    tenant: str
    backfill: bool = False
    simulated: bool = False

    @property
    def origin(self) -> str:
        return f"{self.provider}/{self.tenant}"
