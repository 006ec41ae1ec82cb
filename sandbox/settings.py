"""Settings of the sandbox. Plain names, so that `make demo DURATION=90 EFFECT=0.3` reads as it is meant."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings


class SandboxSettings(BaseSettings):
    """The sandbox shop: how much is played, how fast and with which simulated effect."""

    model_config = SettingsConfigDict(env_prefix="", frozen=True, extra="ignore", env_ignore_empty=True)

    duration: float | None = Field(
        None, gt=0, le=86_400, description="Wall seconds for history and live part; empty: stay open"
    )
    customers: int = Field(600, ge=10, le=23_570, description="How many of the log's customers are played")
    effect: float = Field(
        0.15, ge=0, le=1, description="Share of reached customers who buy only because of outreach"
    )
    holdout: float = Field(0.2, ge=0, le=0.9, description="Share of customers held out as control group")
    seed: int = Field(1, ge=0, description="The same seed plays the same story")
    sandbox_smtp_port: int = Field(
        8025, ge=0, le=65_535, description="`sandbox play`: where outreach sends its e-mail; 0: a free port"
    )
