"""Where a running service has its rules from: the file, and behind it a copy of the last good one."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

from libs.runtime.lifecycle import cancel_all
from libs.runtime.logging import get_logger
from services.triggers.adapters.rule_file import Problem, RuleFileError, doubtful, load, parse, read
from services.triggers.domain.rules import Rule

_log = get_logger(__name__)


class Told(Protocol):
    def __call__(self, *, good: bool) -> None: ...


class RuleSource:
    """A rule file that is followed. A good one is copied to `kept`; a wrong one is said and passed over."""

    def __init__(self, path: Path, kept: Path, told: Told) -> None:
        self._path, self._kept, self._told = path, kept, told
        self._seen: bytes | str | None = None  # what the file last held, or why it could not be read

    def first(self) -> tuple[Rule, ...]:
        """The rules to start with. Raises RuleFileError when the file is wrong and no good one was kept."""
        try:
            return self._take(self._look())
        except RuleFileError as error:
            if not self._kept.exists():
                raise
            rules = load(self._kept)  # it was good once; if this version reads it otherwise, that is an error
            self._refuse(error)
            _log.warning("triggers.rules.last_good", file=str(self._kept), rules=_versions(rules))
            return rules

    def changed(self) -> tuple[Rule, ...] | None:
        """Other rules than at the last look, if the file holds good ones."""
        before = self._seen
        try:
            text = self._look()
            return None if text == before else self._take(text)
        except RuleFileError as error:
            if self._seen != before:
                self._refuse(error)
            return None

    def _look(self) -> bytes:
        try:
            self._seen = text = read(self._path)
        except RuleFileError as error:
            self._seen = str(error)
            raise
        return text

    def _take(self, text: bytes) -> tuple[Rule, ...]:
        name = str(self._path)
        rules, doubts = _read(text, name)
        for doubt in doubts:
            _log.warning("triggers.rules.doubtful", file=name, line=doubt.line, doubt=doubt.message)
        self._keep(text)
        self._told(good=True)
        _log.info("triggers.rules", file=name, rules=_versions(rules))
        return rules

    def _refuse(self, error: RuleFileError) -> None:
        self._told(good=False)
        for problem in error.problems:
            _log.error("triggers.rules.refused", file=error.path, line=problem.line, problem=problem.message)

    def _keep(self, text: bytes) -> None:
        """By a rename, so that a crash leaves one copy or the other. Without a disk there is none."""
        beside = self._kept.with_suffix(f".{os.getpid()}")
        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(text)
            beside.replace(self._kept)
        except OSError as error:
            _log.warning("triggers.rules.not_kept", file=str(self._kept), why=error.strerror)


def _read(text: bytes, name: str) -> tuple[tuple[Rule, ...], list[Problem]]:
    """Whatever a file makes reading stumble over, a running service goes on with what it has."""
    try:
        return parse(text, name), doubtful(text, name)
    except RuleFileError:
        raise
    except Exception as error:
        raise RuleFileError(name, [Problem(1, f"cannot be read: {error!r}")]) from error


@contextlib.asynccontextmanager
async def following(
    source: RuleSource, adopt: Callable[[Sequence[Rule]], None], poll_s: float
) -> AsyncIterator[None]:
    """Adopt other rules on SIGHUP and when the file changes, for the length of the block."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    task = asyncio.create_task(_follow(source, adopt, poll_s, asked))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        await cancel_all(task)


async def _follow(
    source: RuleSource, adopt: Callable[[Sequence[Rule]], None], poll_s: float, asked: asyncio.Event
) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), poll_s)
        asked.clear()
        rules = await asyncio.to_thread(source.changed)  # compiling takes a while; customers do not wait
        if rules is not None:
            adopt(rules)


def _versions(rules: Sequence[Rule]) -> dict[str, str]:
    return {rule.id: rule.version for rule in rules}
