"""Settings of ingest."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings

MIN_TOKEN = 24  # characters; a token erases people


class IngestSettings(BaseSettings):
    """Ingest: signed webhooks in. Prefix INGEST_."""

    model_config = SettingsConfigDict(
        env_prefix="INGEST_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    port: int = Field(8080, ge=1, le=65535, description="Port of the webhook endpoints")
    sources_file: Path | None = Field(
        None, description="YAML list of sources with their secrets; empty: sources.yaml in the data folder"
    )
    secret_keys: list[SecretStr] = Field(
        [],
        description="Keys of the secrets in PostgreSQL, JSON, made by `greenline ingest source key`: "
        "the first seals, all open",
    )
    public_url: str = Field(
        "",
        description="Where providers reach us, such as https://hooks.shop.example: addresses to paste begin "
        "so, and deleted subscriptions are made again there; empty: they are left alone",
    )
    max_body_bytes: int = Field(
        2 * 1024 * 1024, ge=1024, description="Largest body, bytes; a batch of 1,000 events is about 1 MB"
    )
    max_in_flight: int = Field(1_000, ge=1, description="Deliveries in work at once; more get 429")
    max_buffered_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="Bytes of bodies held at once; more get 429"
    )
    body_wait_s: float = Field(
        10.0, gt=0, le=60, description="Longest wait for the rest of a body, s; later it is answered 408"
    )
    kafka_wait_s: float = Field(
        1.5, gt=0, le=4, description="Longest wait for Kafka before spooling, s; providers give up after 5 s"
    )
    postgres_wait_s: float = Field(1.5, gt=0, le=4, description="Longest wait for PostgreSQL, s")
    identity_cache: int = Field(
        200_000, ge=100, description="Identifiers kept in memory, about 300 bytes each"
    )
    api_wait_s: float = Field(
        0.5,
        gt=0,
        le=2,
        description="Longest wait of one delivery for its provider's API, s; then it goes on without",
    )
    reconcile_hour: int = Field(
        3, ge=-1, le=23, description="Hour (UTC, business time) of the nightly reconciliation; -1: never"
    )
    max_amount: int = Field(
        1_000_000, gt=0, description="An order over this amount (whole units of its currency) is absurd"
    )
    scanner_click_s: float = Field(
        10,
        ge=0,
        le=3600,
        description="A click sooner than this after the message was sent is a link scanner's, s: who waits "
        "for a mail needs longer to get, open and read it; 0: none is told by its time",
    )
    privacy_tokens: dict[str, SecretStr] = Field(
        {},
        description='Tokens of /v1/privacy/requests, JSON: {"tenant": "24 characters or more"}; {}: off',
    )
    retry_after_s: int = Field(5, ge=1, description="Retry-After of a 503, s")

    @field_validator("privacy_tokens")
    @classmethod
    def _hard_to_guess(cls, tokens: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if short := [tenant for tenant, token in tokens.items() if len(token.get_secret_value()) < MIN_TOKEN]:
            raise ValueError(f"the tokens of {short} have fewer than {MIN_TOKEN} characters")
        return tokens
