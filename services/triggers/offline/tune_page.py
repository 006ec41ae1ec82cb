"""What `tune` found: on a terminal of 80 columns, as tune.json and as tune.html."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from libs.runtime.offline.page import pretty, renderer
from libs.runtime.offline.pictures import svg
from services.triggers.offline import pictures
from services.triggers.offline.parts import weigh

_render = renderer("services.triggers.offline")
AS_IT_IS = "as it is"


def write(body: dict[str, Any], folder: Path) -> tuple[Path, Path]:
    """tune.json and tune.html, into `folder`, which `prepare` has made."""
    values, page = folder / "tune.json", folder / "tune.html"
    values.write_text(pretty(body) + "\n")
    picture = svg(pictures.costs(points(body)))
    page.write_text(
        _render("tune.html.j2", **body, picture=picture, lines=list(told(body)), refused=refused(body))
    )
    return values, page


def points(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Each variant on both spans: what it costs and catches. Named ones last, to be drawn over the others."""
    names = _names(body)
    places = sorted(range(len(body["variants"])), key=lambda place: place in names)
    return [
        {
            "span": title,
            "hours": weighed.hours,
            "caught": weighed.recall,
            "kind": names.get(place, "front" if place in body["front"] else "other"),
            "onfront": place in body["front"] and span == "first",
            "values": ", ".join(variant["values"]),
        }
        for span, title in (("first", "chosen by"), ("last", "days after"))
        for place in places
        for variant in [body["variants"][place]]
        for weighed in [weigh(variant[span], body["by"])]
    ]


def _names(body: dict[str, Any]) -> dict[int, str]:
    """The rule as it is, and the proposals by letter."""
    letters = {each["variant"]: f"proposal {chr(65 + i)}" for i, each in enumerate(body["proposals"])}
    return {0: AS_IT_IS, **letters}


def told(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A line a variant: the rule as it is, the proposals, and the others by their cost."""
    names = _names(body)
    cost = [variant["first"]["hours_a_week"] for variant in body["variants"]]
    rest = sorted(set(range(len(cost))) - set(names), key=lambda place: (cost[place], place))
    for place in [*names, *rest]:
        yield {
            "name": names.get(place, ""),
            "on_front": place in body["front"],
            **body["variants"][place],
            **{f"{span}_by": weigh(body["variants"][place][span], body["by"]) for span in ("first", "last")},
        }


def refused(body: dict[str, Any]) -> list[str]:
    """Why of some kind nothing is proposed."""
    lines = []
    for one in body["refusals"]:
        said = "no variant"
        if one["variant"] is not None:
            values = ", ".join(body["variants"][one["variant"]]["values"])
            said = f"{values} was it on the days that were chosen by, and no longer on those after"
        lines.append(f"{one['meaning']}: {said}")
    return lines


# -- on a terminal

_HEADS = ("hours\na week", "caught", "right", "lead\ndays", "after:\nhours", "caught", "right")
_OTHERS = 9  # lines: of the front, spread from the cheapest on


def show(body: dict[str, Any], console: Console) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False, style=style)

    say(
        f"{body['rule']} in {body['file']}: {len(body['variants'])} variants, {body['customers']:,} customers"
    )
    say(f"chosen by {body['first_day']} to {body['last_third']} (not included), held to the days after that")
    for knob in body["knobs"]:
        say(f"  {knob['name']}: {knob['written']}; also {', '.join(knob['others']) or 'nothing else'}")
    console.print(_table(body))
    for line in _remarks(body):
        say(line, "dim")
    for line in _proposed(body):
        say(line)


def _table(body: dict[str, Any]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, padding=0)
    shown.add_column("variant", overflow="fold")
    shown.add_column("")
    for head in _HEADS:
        shown.add_column(head, justify="right", min_width=6)
    named = [line for line in told(body) if line["name"]]
    others = [line for line in told(body) if line["on_front"] and not line["name"]]
    for line in [*named, *others[:: -(-len(others) // _OTHERS) or 1]]:
        first, last = line["first_by"], line["last_by"]
        shown.add_row(
            ", ".join(line["values"]),
            line["name"] or "front",
            f"{first.hours:.1f}",
            *_shares(first),
            _days(line["first"]["lead_days"]),
            f"{last.hours:.1f}",
            *_shares(last),
        )
    return shown


def _shares(weighed: Any) -> tuple[str, str]:
    """Nothing where there is nothing to divide by."""
    return (
        f"{weighed.recall:.0%}" if weighed.due else "",
        f"{weighed.precision:.0%}" if weighed.judged else "",
    )


def _days(days: float | None) -> str:
    return "" if days is None else f"{days:.0f}"


def _remarks(body: dict[str, Any]) -> Iterator[str]:
    horizon = body["horizon_days"]
    if body["by"] == "departures":
        yield f"caught: of those who left, {horizon} days without an order, whom it called before"
        yield f"right: of its calls, those with no order in the next {horizon} days"
    else:
        yield "caught: of the alarms said to be right or missed, those it has"
        yield "right: of its alarms on which there is a verdict, those said to be right"
    said = body["feedback"]
    if (
        any(said[word] for word in ("right", "wrong", "missed", "other_rules", "unknown"))
        or "refused" in said
    ):
        yield (
            f"verdicts: {said['right']} right, {said['wrong']} wrong, {said['missed']} missed; "
            f"of other rules {said['other_rules']}, not in these frames {said['unknown']}, "
            f"said again {said['same']}"
        )
    if said.get("refused"):
        yield f"{said['refused']} lines of verdicts could not be used:"
        yield from (f"  line {problem['line']}: {problem['what']}" for problem in said["problems"])


def _proposed(body: dict[str, Any]) -> Iterator[str]:
    if body["too_little"]:
        yield f"nothing is proposed: {body['too_little']}"
        return
    for i, each in enumerate(body["proposals"]):
        yield f"\nproposal {chr(65 + i)}: {each['meaning']}"
        yield from _verdicts(body["variants"][each["variant"]])
        yield each["diff"].rstrip("\n")
    for line in refused(body):
        yield f"not proposed: {line}"
    if body["proposals"]:
        yield "\nNothing has been changed."


def _verdicts(variant: dict[str, Any]) -> Iterator[str]:
    said = variant["whole"]["verdicts"]
    if said["wrong"] or said["missed"]:
        yield (
            f"avoids {said['wrong_avoided']} of {said['wrong']} wrong alarms, "
            f"catches {said['missed_caught']} of {said['missed']} missed"
        )
