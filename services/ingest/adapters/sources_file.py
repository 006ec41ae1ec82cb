"""Sources from a YAML file, read again when it changes."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from libs.runtime.clock import Clock
from libs.runtime.errors import ConfigError
from libs.runtime.logging import get_logger
from services.ingest.domain.providers import discover
from services.ingest.domain.sources import Source

_log = get_logger(__name__)
_LOOK_S = 0.25  # wall seconds between looks at the file
# Zendesk signs every "test webhook" with this published secret: whoever configures it accepts anybody.
_PUBLISHED = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="


class SourcesFile:
    """Sources by name. A file that cannot be used leaves the last good one in force."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._stamp = -1
        self._look_at = 0.0
        self._sources: dict[str, Source] = {}

    def find(self, name: str) -> Source | None:
        return self._now().get(name)

    def all(self) -> Collection[Source]:
        return self._now().values()

    def _now(self) -> dict[str, Source]:
        wall = self._clock.wall()
        if wall >= self._look_at:
            self._look_at = wall + _LOOK_S
            self._refresh()
        return self._sources

    def _refresh(self) -> None:
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._sources = read_sources(self._path.read_text())
        except (ConfigError, OSError) as error:
            _log.error("ingest.sources_unusable", file=str(self._path), error=str(error))
        else:
            _log.info("ingest.sources", names=sorted(self._sources))


def read_sources(text: str) -> dict[str, Source]:
    """Parse and check. Raises ConfigError that names the source and field, never a secret."""
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError("the sources file is not YAML") from None
    entries = body.get("sources") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise ConfigError("the sources file needs a list under `sources:`")
    found = [_source(entry, number) for number, entry in enumerate(entries, 1)]
    if len({source.name for source in found}) < len(found):
        raise ConfigError("two sources have the same name")
    return {source.name: source for source in found}


def _source(entry: Any, number: int) -> Source:
    try:
        source = Source.model_validate(entry, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"source {number}: {where}: {first['msg']}") from None
    if source.provider not in discover():
        raise ConfigError(f"source {source.name}: no provider {source.provider}; known: {sorted(discover())}")
    secrets = source.live_secrets()
    if not all(secrets) or _PUBLISHED in secrets:
        raise ConfigError(f"source {source.name}: a secret is empty or published by the provider for tests")
    return source
