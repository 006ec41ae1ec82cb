"""Where a play takes place: addresses and files of the services it plays against."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """One data folder and what runs on it."""

    folder: Path
    kafka: str = ""
    ingest: str = ""
    outreach: str = ""

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock.json"

    @property
    def sources_file(self) -> Path:
        return self.folder / "sources.yaml"

    @property
    def sent_file(self) -> Path:
        return self.folder / "sandbox" / "sent.jsonl"
