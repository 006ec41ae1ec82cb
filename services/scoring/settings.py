"""Settings of scoring."""

from decimal import Decimal
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings


class ScoringSettings(BaseSettings):
    """Scoring: events in, customer health out. Prefix SCORING_."""

    model_config = SettingsConfigDict(env_prefix="SCORING_", frozen=True, extra="ignore")

    port: int = Field(8081, ge=1, le=65535, description="Port of /metrics, /healthz and /readyz")
    scorecard_file: Path | None = Field(None, description="YAML scorecard; empty: the shipped starter")
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="Currency of tenants without their own")
    currencies: dict[str, str] = Field({}, description='Currency by tenant, JSON: {"acme": "EUR"}')
    rates: dict[str, Decimal] = Field(
        {}, description='Units of SCORING_CURRENCY per unit of another, JSON: {"EUR": "1.08"}'
    )
    sweep_s: float = Field(60.0, gt=0, description="Business time between two looks at silence, s")
    sweep_min_wall_s: float = Field(1.0, gt=0, description="Least wall time between two such looks, s")
