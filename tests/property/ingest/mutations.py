"""Good documents made odd: nodes dropped, replaced, repeated, wrapped or retyped; and bytes that are hurt."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.property.ingest.bodies import paths

ADDRESS = "zephyrine.quux@leaky.example"
_DEEP: Any = []
for _ in range(200):
    _DEEP = [_DEEP] if len(json.dumps(_DEEP)) % 4 else {"a": _DEEP}
_TEXTS = """
0 -0 -1 1e999999999 1e-999999999 NaN nan Infinity -Infinity inf 0x1F 1_000 ١٢٣ ½ null None True
false undefined gid://shopify/Order/ gid:// 2024-05-30 2024-05-30T08:00:00Z 2024-05-30T08:00 24:00
2024-02-30T00:00:00Z 9999-12-31T23:59:59-23:59 0001-01-01T00:00:00+23:59 2024-W22-4 P1D 1717142400
1717142400000 99999999999999999999 USD usd XXX € +12125550143 4111111111111111
🫖 e\u0301 \u200b \ufeff \u202e \uff20 İ ß
"""
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**64), 10**30, 10**400),
    *(0.1, -0.0, 1e308, 5e-324, 1717142400.5, 1e18),
    *(
        *_TEXTS.split(),
        "",
        " ",
        "\x00",
        "\u2028",
        "\ud800",
        "\udfff x",
        "9" * 400,
        "x" * 50_000,
        "a b " * 9_000,
    ),
    *(ADDRESS, f"Zephyrine <{ADDRESS}>", f"gid://shopify/Order/{ADDRESS}", f"$id/{ADDRESS}\n"),
    *([], {}, [[]], [{}], [None], [[], {}, ""], {"": {}}, {"id": {"id": []}}, {"data": None}, _DEEP),
]
# Copied, for what is put into a document may be changed there: the next example must find it as it was.
odd = (
    st.sampled_from(ODD).map(copy.deepcopy)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)


def _retyped(value: Any) -> Any:
    """What another tool, or a template, makes of the same."""
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return {str(number): one for number, one in enumerate(value)}
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 4_000 else value[::-1]
    return str(value) if value is not None else "None"


TELLING = re.compile(
    r"(^|_|I)[iI]d$|_at$|time|date|created|amount|price|total|score|rating|status|currency|quantity|number"
)

# Each copy its own: of one that stands in 1,500 places, 1,500 made of a part of it would be two million.
WRAP: dict[str, Callable[[Any], Any]] = {
    "retyped": _retyped,
    "listed": lambda value: [value],
    "twice": lambda value: [value, copy.deepcopy(value)],
    "many": lambda value: [copy.deepcopy(value) for _ in range(1_500)] if len(repr(value)) < 400 else [],
    "nested": lambda value: {"id": value, "value": copy.deepcopy(value)},
    "emptied": lambda value: type(value)() if value is not None else {},
    "text": lambda value: json.dumps(value)[:3_000],
}


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """One to four places of a document changed: as often one that readers look for as any."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 4))):
        places = paths(found)
        telling = [place for place in places if place and TELLING.search(str(place[-1]))]
        place = draw(st.sampled_from((draw(st.booleans()) and telling) or places))
        found = _changed(draw, found, place, places)
    return found


def _changed(draw: st.DrawFn, document: Any, path: tuple[Any, ...], places: list[tuple[Any, ...]]) -> Any:
    how = draw(st.sampled_from([*["odd"] * 9, "dropped", "dropped", "moved", "renamed", *WRAP]))
    if not path:
        return draw(odd) if how == "odd" else WRAP[how](document) if how in WRAP else document
    parent, name = at(document, path[:-1]), path[-1]
    if how == "dropped":
        del parent[name]
    elif how == "renamed" and isinstance(parent, dict):
        parent[draw(st.sampled_from(["", "id", "ID", "\ud800", ADDRESS, f"{name} "]))] = parent.pop(name)
    elif how in WRAP:
        parent[name] = WRAP[how](parent[name])
    else:
        other = draw(odd) if how == "odd" else copy.deepcopy(at(document, draw(st.sampled_from(places))))
        parent[name] = other
    return document


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@st.composite
def hurt(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes that something went wrong with on the way; mostly nothing does."""
    place = draw(st.integers(0, len(raw)))
    how = draw(
        st.sampled_from([*["whole"] * 40, "cut", "flipped", "added", "marked", "doubled", "deep", "noise"])
    )
    if how == "added":
        more = draw(
            st.sampled_from([b"\xff", b"\x00", b"NaN", b"1e400", b"\\ud800", b'"', b"}", b",", b"&", b"%"])
        )
        return raw[:place] + more + raw[place:]
    made = {
        "whole": raw,
        "cut": raw[:place],
        "flipped": raw[:place]
        + bytes(byte ^ 1 << place % 8 for byte in raw[place : place + 1])
        + raw[place + 1 :],
        "marked": b"\xef\xbb\xbf" + raw,
        "doubled": raw + raw,
        "deep": b'{"data":' * 5_000 + raw + b"}" * 5_000,
        "noise": draw(st.binary(max_size=60)) if how == "noise" else b"",
    }
    return made[how]
