"""Settings of the local stack."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings, RuntimeSettings
from libs.runtime.stack.stack import StackConfig


class StackSettings(BaseSettings):
    """The local Kafka and PostgreSQL. Prefix GREENLINE_STACK_."""

    model_config = SettingsConfigDict(env_prefix="GREENLINE_STACK_", frozen=True, extra="ignore")

    kafka_port: int = Field(19092, description="Kafka's port; a free one is taken if it is in use")
    postgres_port: int = Field(15432, description="PostgreSQL's port; a free one is taken if it is in use")
    kafka_heap_mb: int = Field(768, ge=256, description="Memory of Kafka's JVM, MB")


def configured() -> StackConfig:
    """The stack that the environment asks for."""
    runtime, stack = RuntimeSettings(), StackSettings()
    return StackConfig(
        data_dir=runtime.data_dir,
        kafka_port=stack.kafka_port,
        postgres_port=stack.postgres_port,
        kafka_heap_mb=stack.kafka_heap_mb,
        partitions=runtime.partitions,
    )
