"""Settings: read once from the environment in each __main__, then passed down."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings as PydanticSettings
from pydantic_settings import SettingsConfigDict


class BaseSettings(PydanticSettings):
    """Parent of every settings class: no .env magic, unknown names ignored, immutable."""

    # An empty value in a copied .env.example means the default, not an empty path.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)


class RuntimeSettings(BaseSettings):
    """What every process needs. Prefix GREENLINE_."""

    model_config = SettingsConfigDict(env_prefix="GREENLINE_", frozen=True, extra="ignore")

    kafka: str = Field("127.0.0.1:19092", description="Kafka bootstrap servers, host:port[,host:port]")
    database_url: SecretStr = Field(
        SecretStr("postgresql+asyncpg://postgres@127.0.0.1:15432/greenline"),
        description="PostgreSQL for ingest and outreach, each in its own schema",
    )
    data_dir: Path = Field(Path(".greenline"), description="One folder for all local data")
    clock_file: Path | None = Field(None, description="Follow this simulated clock (demos); empty: real time")
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of every topic; fixed for life")
    replication: int = Field(
        1, ge=1, le=9, description="Replicas of every topic; 3 where there are 3 brokers"
    )
    host: str = Field("127.0.0.1", description="Address the HTTP servers listen on")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool | None = Field(None, description="JSON logs; empty: JSON unless on a terminal")
    ready_age_limit_s: float = Field(
        30.0, gt=0, description="/readyz fails when an event has waited longer, s"
    )
    drain_s: float = Field(10.0, gt=0, description="Longest graceful stop after SIGTERM, s")


def env_name(settings: type[BaseSettings], field: str) -> str:
    return f"{settings.model_config.get('env_prefix', '')}{field}".upper()


def render_env_example(classes: Iterable[type[BaseSettings]]) -> str:
    """The text of .env.example: each setting with its meaning and default; secrets stay empty."""
    blocks = []
    for settings in classes:
        title = (settings.__doc__ or settings.__name__).strip().splitlines()[0]
        lines = [f"# {title}"]
        for name, field in settings.model_fields.items():
            if name in settings.__annotations__:
                lines += [
                    f"# {field.description}",
                    f"{env_name(settings, name)}={_text(field.get_default())}",
                ]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if value is None or repr(value) == "PydanticUndefined":
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
