"""A source: one endpoint that a tenant pastes into one of its tools."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, SecretStr

from libs.events.types import Currency, Frozen, Label, Tenant

Secrets = tuple[str, ...]


class Source(Frozen):
    """`name` is the path segment; event ids and the envelope's `source` do not depend on it."""

    name: Label
    provider: Label
    tenant: Tenant
    currency: Currency = "USD"
    secrets: Annotated[tuple[SecretStr, ...], Field(min_length=1, max_length=8, strict=False)]
    """All live at once, so that a secret can be rotated without a gap."""
    backfill: bool = False
    simulated: bool = False
    phone_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    """Where a phone number without a country code belongs."""
    same_as: dict[str, str] = Field(default_factory=dict)
    """Kinds of identifier that mean the same here, such as {"segment.user": "shopify.customer"}."""

    @property
    def origin(self) -> str:
        """The envelope's `source`."""
        return f"{self.provider}/{self.tenant}"

    def live_secrets(self) -> Secrets:
        return tuple(secret.get_secret_value() for secret in self.secrets)


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
