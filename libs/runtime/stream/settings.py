"""Settings of the streaming core: how often it commits and sweeps, and the time-outs that fence."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from libs.runtime.settings import BaseSettings


class StreamSettings(BaseSettings):
    """The streaming core of scoring and triggers. Prefix GREENLINE_STREAM_."""

    model_config = SettingsConfigDict(env_prefix="GREENLINE_STREAM_", frozen=True, extra="ignore")

    instance: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Name of this worker in its group, different for each running copy of a service",
    )
    commit_s: float = Field(0.05, gt=0, description="Longest wait for a commit when caught up, s")
    commit_behind_s: float = Field(2.0, gt=0, description="Longest wait for a commit while behind, s")
    commit_records: int = Field(200_000, gt=0, description="Records after which a commit is due at once")
    chunk_records: int = Field(
        4_000, gt=0, description="Most records in a chunk: bounds how long a step holds"
    )
    behind_after_s: float = Field(
        1.0, gt=0, description="Behind: more waits, and what was read has waited longer than this, s"
    )
    sweep_s: float = Field(60.0, gt=0, description="A sweep is due after this much business time, s")
    sweep_wall_s: float = Field(1.0, gt=0, description="Least wall time between two sweeps, s")
    sweep_behind_s: float = Field(10.0, gt=0, description="Wall time between two sweeps while behind, s")
    # A dead worker's partitions move after this long; heartbeats leave four times within it.
    session_s: float = Field(6.0, gt=0, description="A silent worker loses its partitions after this, s")
    # Kafka aborts what a dead worker left open; readers of committed records wait for it.
    transaction_s: float = Field(15.0, gt=0, description="An open transaction is aborted after this, s")
    revoke_s: float = Field(1.0, gt=0, description="Longest commit when a partition is taken away, s")
    quarantine_after: int = Field(
        3, ge=1, description="Times in a row a chunk ends the worker before its bad record is looked for"
    )
    # Kafka away for a night, and whoever has to be woken; after it, nobody speaks because nobody is there.
    hold_max_s: float = Field(
        86_400.0,
        ge=0,
        description="Silence is held no longer than this after the last word of the service before, s: it is "
        "gone for good; 0: silence is never held",
    )
    stall_s: float = Field(
        60.0, gt=0, description="A worker that takes nothing in for this long, while there is something, ends"
    )
