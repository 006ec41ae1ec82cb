"""Charts as SVG inside a page: nothing is loaded from anywhere, and no browser is needed."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert as vlc


def data(values: Sequence[Mapping[str, Any]]) -> Any:
    return alt.Data(values=values)  # type: ignore[no-untyped-call]


def svg(chart: Any) -> str:
    return str(vlc.vegalite_to_svg(chart.configure_legend(orient="bottom").to_dict()))
