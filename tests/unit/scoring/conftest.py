"""Machine code of the scoring loops, kept between test runs and never stale."""

from pathlib import Path

from services.scoring.warm import use_cache

use_cache(Path(__file__).resolve().parents[3] / ".greenline" / "test-cache")
