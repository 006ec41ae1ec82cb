"""Settings of the local stack, from GREENLINE_* variables."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.runtime.stack.stack import StackConfig


class StackSettings(BaseSettings):
    """Where the local stack lives and which ports it would like."""

    model_config = SettingsConfigDict(env_prefix="GREENLINE_", extra="ignore")

    data_dir: Path = Field(Path(".greenline"), description="Folder of Kafka, PostgreSQL and every log")
    stack_kafka_port: int = Field(19092, description="Kafka's port; a free one is used if it is taken")
    stack_postgres_port: int = Field(
        15432, description="PostgreSQL's port; a free one is used if it is taken"
    )
    stack_kafka_heap_mb: int = Field(768, ge=256, description="Memory of Kafka's JVM, in MB")
    stack_partitions: int = Field(4, ge=1, description="Partitions of each topic; fixed once created")

    def config(self) -> StackConfig:
        return StackConfig(
            data_dir=self.data_dir,
            kafka_port=self.stack_kafka_port,
            postgres_port=self.stack_postgres_port,
            kafka_heap_mb=self.stack_kafka_heap_mb,
            partitions=self.stack_partitions,
        )
