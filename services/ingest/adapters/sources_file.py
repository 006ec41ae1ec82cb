"""Sources from a YAML file and the provider files it names, read again when one of them changes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from libs.runtime.clock import Clock
from libs.runtime.errors import ConfigError
from libs.runtime.logging import get_logger
from services.ingest.adapters import provider_file
from services.ingest.domain.accounts import fault_of_account
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.plan import Provider
from services.ingest.domain.providers import discover
from services.ingest.domain.sources import Source, fault_of

_log = get_logger(__name__)
_LOOK_S = 0.25  # wall seconds between looks at the file


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a sources file says, the providers that it names included."""

    sources: Mapping[str, Source]
    declared: Mapping[str, Provider]


class SourcesFile:
    """Sources by name. A file that cannot be used leaves the last good one in force.

    Before there was a good one every source is unavailable, not unknown; with no file there are none.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._stamps: dict[Path, int] = {}
        self._look_at = 0.0
        self._sources: Mapping[str, Source] | None = None
        self._providers = dict(discover())

    def find(self, name: str) -> Source | None:
        return self._now().get(name)

    def all(self) -> Collection[Source]:
        return self._now().values()

    def _now(self) -> Mapping[str, Source]:
        wall = self._clock.wall()
        if wall >= self._look_at:
            self._look_at = wall + _LOOK_S
            self._refresh()
        if self._sources is None and self._stamps:
            raise UnavailableError("the sources file cannot be used; the log says why")
        return self._sources or {}

    def provider(self, name: str) -> Provider:
        return self._providers[name]

    def _refresh(self) -> None:
        if not self._path.exists() or (self._stamps and self._stamps == _stamps(self._stamps)):
            return
        self._stamps = _stamps([self._path, *named_files(self._path)])
        try:
            loaded = load(self._path)
        except (ConfigError, OSError) as error:
            _log.error("ingest.sources_unusable", file=str(self._path), error=str(error))
            return
        self._sources = loaded.sources
        # One that is no longer named stays: a delivery in work may still need it.
        self._providers |= loaded.declared
        _log.info("ingest.sources", names=sorted(self._sources), declared=sorted(loaded.declared))


def _stamps(paths: Iterable[Path]) -> dict[Path, int]:
    """When each was last changed, ns; -1 for one that is not there."""
    return {path: path.stat().st_mtime_ns if path.exists() else -1 for path in paths}


def named_files(path: Path) -> list[Path]:
    """The provider files that a sources file names, beside it unless they say otherwise."""
    try:
        body = _body(path.read_text())
    except (ConfigError, OSError):
        return []
    named = body.get("providers") or []
    return [path.parent / str(name) for name in named] if isinstance(named, list) else []


def load(path: Path) -> Loaded:
    """Read and check a sources file and the providers that it names. Raises ConfigError or OSError."""
    text = path.read_text()
    declared: dict[str, Provider] = {}
    for file in named_files(path):
        provider = provider_file.load(file)
        if provider.name in declared:
            raise ConfigError(f"{file}:1: name: {provider.name} is declared by another file too")
        declared[provider.name] = provider
    return Loaded(read_sources(text, declared), declared)


def read_sources(text: str, declared: Mapping[str, Provider] | None = None) -> dict[str, Source]:
    """Parse and check. Raises ConfigError that names the source and field, never a secret."""
    body = _body(text)
    entries = body.get("sources")
    if not isinstance(entries, list):
        raise ConfigError("the sources file needs a list under `sources:`")
    if not isinstance(body.get("providers", []), list):
        raise ConfigError("`providers:` in the sources file is not a list of files")
    known = {**discover(), **(declared or {})}
    found = [_source(entry, number, known) for number, entry in enumerate(entries, 1)]
    if len({source.name for source in found}) < len(found):
        raise ConfigError("two sources have the same name")
    return {source.name: source for source in found}


def _body(text: str) -> dict[str, Any]:
    try:
        body = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ConfigError("the sources file is not YAML") from None
    return body if isinstance(body, dict) else {}


def _source(entry: Any, number: int, known: Mapping[str, Provider]) -> Source:
    try:
        source = Source.model_validate(entry, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"source {number}: {where}: {first['msg']}") from None
    if (fault := fault_of(source, known) or fault_of_account(source)) is not None:
        raise ConfigError(f"source {source.name}: {fault}")
    return source
