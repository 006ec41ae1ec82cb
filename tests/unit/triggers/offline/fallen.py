"""A shop where it is known which threshold is right: who falls under 20 leaves, others come back."""

from pathlib import Path

from tests.unit.triggers.offline.past import Day, bought, write

DAYS, HORIZON = 30, 5
A_DAY = 3  # leavers, and as many who come back

RULES = """
rules:
  - id: fallen
    level: red
    title: Fallen
    # Too careful by far.
    when: score < 30
    cooldown: 7d
    labels: {team: t}
    annotations: {reason: "{score}"}
  - {id: risen, level: green, title: Risen, when: score > 40, labels: {team: t},
     annotations: {reason: "{score}"}}
  - {id: unseen, level: red, title: Unseen, when: visits_30d < 2, labels: {team: t},
     annotations: {reason: "{visits_30d}"}}
"""


def leaver(begins: int, number: int) -> str:
    return f"leaver-{begins}-{number}"


def stayer(begins: int, number: int) -> str:
    return f"stayer-{begins}-{number}"


def past() -> list[Day]:
    """Each falls two days after an order. A leaver is gone five days later, the other orders again."""
    days: list[dict[str, dict[str, object]]] = [{} for _ in range(DAYS)]
    for begins in range(1, DAYS - HORIZON):
        for number in range(A_DAY):
            for day, known in enumerate(days):
                if day < begins + 7:
                    known[leaver(begins, number)] = _leaver(begins, number, day)
                known[stayer(begins, number)] = _stayer(begins, number, day)
    return [*days]


def _leaver(begins: int, number: int, day: int) -> dict[str, object]:
    return {
        "score": float(11 + 3 * number if day >= begins + 2 else 50),
        "last_order_at": bought(begins + 0.5) if day >= begins else None,
    }


def _stayer(begins: int, number: int, day: int) -> dict[str, object]:
    dip = begins + 2 <= day < begins + 4
    orders = [at for at in (begins, *range(begins + 4, DAYS, 3)) if at <= day]
    return {
        "score": float(25 + 2 * number if dip else 50),
        "last_order_at": bought(orders[-1] + 0.5) if orders else None,
    }


def shop(folder: Path) -> tuple[Path, Path]:
    """The rule file and the frames."""
    rules = folder / "mine.yaml"
    rules.write_text(RULES)
    return rules, write(folder / "frames", past())
