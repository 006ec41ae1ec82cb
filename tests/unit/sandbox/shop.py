"""A small log of the same shape as the real one, made up here."""

from random import Random

from sandbox.domain.log import Log, parse


def make_log(customers: int = 60, seed: int = 7) -> Log:
    rng = Random(seed)
    lines = ["customer_id date number_of_cds dollar_value"]
    for customer in range(1, customers + 1):
        month, day = rng.randrange(1, 4), rng.randrange(1, 28)
        lines.append(f"{customer:05d} 1997{month:02d}{day:02d} 1 11.77")
        if customer % 3 == 0:
            lines += [f"{customer:05d} 1997{m:02d}15 2 {m}.50" for m in range(4, 13, 2)]
            lines += [f"{customer:05d} 1998{m:02d}20 3 30.00" for m in (2, 4, 6)]
    return parse(lines)
