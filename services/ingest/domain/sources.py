"""A source: one endpoint that a tenant pastes into one of its tools."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from libs.events.types import Currency, Frozen, Instant, Label, Tenant
from services.ingest.domain.bucket import Limits

Secrets = tuple[str, ...]
MOST_SECRETS = 8  # alive at once: each is tried on each delivery
TokenHash = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Topic = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Secret(Frozen):
    """A secret of a source's webhooks; times are wall time."""

    value: SecretStr
    added_at: Instant | None = None
    retires_at: Instant | None = None
    """From then on it proves nothing."""

    def live(self, wall: float) -> bool:
        return self.retires_at is None or wall < self.retires_at.timestamp()


def _secret(given: Any) -> Any:
    """In a file a secret is mostly a text alone."""
    return {"value": given} if isinstance(given, str | SecretStr) else given


class Source(Frozen):
    """`name` is the path segment; event ids and the envelope's `source` do not depend on it."""

    name: Label
    provider: Label
    tenant: Tenant
    currency: Currency = "USD"
    enabled: bool = True
    """A source that is switched off is known, and refused."""
    topics: Annotated[frozenset[Topic], Field(strict=False)] = frozenset()
    """Of the provider's: only these are used, and what the law makes us honour; empty: all."""
    limits: Limits | None = None
    secrets: Annotated[
        tuple[Annotated[Secret, BeforeValidator(_secret)], ...], Field(max_length=MOST_SECRETS, strict=False)
    ] = ()
    """Of its webhooks. Several live at once, so that a secret can be rotated without a gap."""
    api_key: SecretStr | None = None
    """Of the provider's own API, for what its webhooks leave out."""
    api_base: str | None = None
    """Where that API is, if not where it is for everybody."""
    tokens: Annotated[tuple[TokenHash, ...], Field(max_length=8, strict=False)] = ()
    """Of POST /v1/events, hashed; all live at once too."""
    account: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    """The provider's own word for whose deliveries these are, where they name it: all others are refused."""
    backfill: bool = False
    simulated: bool = False
    phone_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"
    """Where a phone number without a country code belongs."""
    same_as: dict[str, str] = Field(default_factory=dict)
    """Kinds of identifier that mean the same here, such as {"segment.user": "shopify.customer"}."""

    @model_validator(mode="after")
    def _opens_for_somebody(self) -> Self:
        if not (self.secrets or self.tokens):
            raise ValueError("needs secrets (of its webhooks) or tokens (of POST /v1/events)")
        return self

    @property
    def origin(self) -> str:
        """The envelope's `source`."""
        return f"{self.provider}/{self.tenant}"

    def live_secrets(self, wall: float) -> Secrets:
        return tuple(secret.value.get_secret_value() for secret in self.secrets if secret.live(wall))

    def lasting_secret(self) -> str:
        """What a new subscription is made with: of those that do not end, the last."""
        lasting = [secret for secret in self.secrets if secret.retires_at is None]
        return (lasting or self.secrets)[-1].value.get_secret_value()


# Zendesk signs every "test webhook" with this published secret: whoever configures it accepts anybody.
_PUBLISHED = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="


class Judge(Protocol):
    """The part of a provider's plan that knows its secrets."""

    @property
    def secret_fault(self) -> Callable[[str], str | None]: ...


def fault_of(source: Source, providers: Mapping[str, Judge]) -> str | None:
    """What is wrong with a source that is well-formed; never repeats a secret."""
    provider = providers.get(source.provider)
    if provider is None:
        return f"no provider {source.provider}; known: {sorted(providers)}"
    values = [secret.value.get_secret_value() for secret in source.secrets]
    if not {"", _PUBLISHED}.isdisjoint(values):
        return "a secret is empty or published by the provider for tests"
    for number, value in enumerate(values, 1):
        if (fault := provider.secret_fault(value)) is not None:
            return f"secret {number} {fault}"
    return None


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
