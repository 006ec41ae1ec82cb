"""The compiled loops, ready before the worker joins its group: compiled once, then read from disk."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numba

_DOMAIN = Path(__file__).parent / "domain"


def use_cache(data_dir: Path) -> Path:
    """Name the folder for machine code. Call before anything of the domain is imported.

    The folder carries a digest of the sources: Numba looks at the changed file alone, not at the files
    whose functions it has compiled in, and would run yesterday's rules.
    """
    digest = hashlib.sha256()
    for source in sorted(_DOMAIN.rglob("*.py")):
        digest.update(source.read_bytes())
    folder = data_dir.resolve() / "numba" / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # filled in at run time
    return folder


def warm_up() -> None:
    """Run every compiled function once, on a customer nobody knows. Two minutes the first time, then 1 s."""
    from libs.events import build, encode
    from libs.events.families.commerce import OrderPlaced
    from libs.runtime.stream import LocalRunner
    from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
    from services.scoring.domain.merge import merge_rows
    from services.scoring.domain.row import ROW
    from services.scoring.service import Scorer

    at = datetime(2026, 1, 1, tzinfo=UTC)
    order = OrderPlaced(order_id="1", amount="1.00", currency="USD")
    event = build(order, id="1", source="warm", tenant="warm", subject="up", time=at, receivedat=at)
    runner = LocalRunner(Scorer(load_scorecard(STARTER)), ROW)
    runner.send([(event.key, encode(event))], at)
    runner.sweep(at)
    slot = runner.rows.ensure(b"warm/other")
    array = runner.rows.array
    merge_rows(array[0], array[slot], load_scorecard(STARTER).numbers().cards[0])
