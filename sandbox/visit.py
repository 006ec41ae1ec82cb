"""Plays against services that somebody else started, and finds a play that has been."""

import json
from pathlib import Path

from rich.console import Console

from libs.runtime.errors import ConfigError
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import Stack, StackConfig
from libs.runtime.stack.supervisor import services_file
from sandbox.adapters import cdnow
from sandbox.adapters.mailbox import open_mailbox
from sandbox.adapters.sources import random_sources
from sandbox.domain import pace
from sandbox.domain.log import sample
from sandbox.domain.story import tell
from sandbox.place import Place
from sandbox.play import Performance
from sandbox.screen import Screen
from sandbox.settings import SandboxSettings
from sandbox.summary import Report, count, save, show


async def play(settings: SandboxSettings, runtime: RuntimeSettings, console: Console) -> Report:
    """One play on the data folder of `greenline up`. Its topics must be empty for the ledger to balance."""
    place = with_services(find(runtime.data_dir))
    log = cdnow.load(runtime.data_dir / "cdnow")
    story = tell(sample(log, settings.customers, settings.seed), settings.seed)
    sources = random_sources()
    sources.write(place.sources_file)
    pace.standing().write(place.clock_file)
    played = Performance(settings, place, story, sources, Screen(console))
    async with open_mailbox(settings.sandbox_smtp_port) as mailbox:
        mailbox.on_mail = played.on_reached
        settled = await played.run(mailbox)
        report = await count(place, played)
        show(console, played, report, settled, mailbox.received)
        save(played, report, mailbox.received)
    return report


def find(folder: Path) -> Place:
    """The stack on this folder. Raises ConfigError when none has ever run there."""
    config = StackConfig(folder)
    if not config.state_file.exists():
        raise ConfigError(f"Nothing has run on {folder} yet: there is no {config.state_file.name}")
    return Place(folder, kafka=Stack(config).state().kafka.url)


def with_services(place: Place) -> Place:
    """The addresses of the services that run on this folder."""
    try:
        known = json.loads(services_file(place.folder).read_text())["services"]
    except FileNotFoundError:
        raise ConfigError(f"No services run on {place.folder}. Run: greenline up") from None
    url = {name: f"http://127.0.0.1:{known[name]['port']}" for name in ("ingest", "outreach")}
    return Place(place.folder, place.kafka, url["ingest"], url["outreach"])
