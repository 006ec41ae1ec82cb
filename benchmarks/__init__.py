"""What Greenline costs, as ratios side by side.

Machine code is kept by a digest of its sources, as the service does: in Numba's own folders, beside the
files, stand yesterday's types after a change.
"""

from pathlib import Path

from services.scoring.warm import use_cache

use_cache(Path(__file__).parents[1] / ".greenline")
