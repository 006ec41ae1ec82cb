"""Settings of triggers."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings


class TriggersSettings(BaseSettings):
    """Triggers: health in, the rules that fired out. Prefix TRIGGERS_."""

    model_config = SettingsConfigDict(env_prefix="TRIGGERS_", frozen=True, extra="ignore")

    port: int = Field(8082, ge=1, le=65535, description="Port of /metrics, /healthz and /readyz")
    rules_file: Path | None = Field(
        None, description="YAML rule file, or a shipped set: standard (also when empty), evidenced"
    )
    rules_poll_s: float = Field(
        2.0, gt=0, description="Wall time between two looks for a change of that file, s"
    )
    sweep_s: float = Field(60.0, gt=0, description="Business time between two looks at silence, s")
    sweep_min_wall_s: float = Field(1.0, gt=0, description="Least wall time between two such looks, s")
    storm_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="A rule firing for more than this share of a partition's customers in an hour is held",
    )
    storm_least: int = Field(50, ge=1, description="As many firings an hour are never a storm")
