"""The scoring loops compiled before the first test, and kept between runs: no test waits for a compiler."""

from pathlib import Path

from libs.runtime.stack.state import locked
from services.scoring.warm import use_cache, warm_up

_FOLDER = use_cache(Path(__file__).resolve().parents[3] / ".greenline" / "test-cache")
with locked(_FOLDER.parent / "lock"):  # two test processes compile once
    warm_up()
