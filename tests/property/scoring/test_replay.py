"""Looking at a log from behind gives what the stream gave: to the last bit."""

from datetime import timedelta

import numpy as np
from hypothesis import given, settings

from libs.events import AnyEvent, decode_many, encode
from libs.runtime.stream import LocalRunner
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.row import ROW
from services.scoring.domain.update import rescore
from services.scoring.offline.log import build_log
from services.scoring.offline.replay import Replay
from services.scoring.service import Scorer
from tests.property.scoring.lives import ALL, lives, world_of

CARD = load_scorecard(STARTER)


@settings(max_examples=60, deadline=None)
@given(lives(*ALL))
def test_a_replay_scores_as_the_stream_does(life: list[AnyEvent]) -> None:
    ordered = sorted(life, key=lambda event: event.receivedat)
    raws = [encode(event) for event in ordered]
    now = ordered[-1].receivedat + timedelta(days=3)
    runner = LocalRunner(Scorer(CARD), ROW)
    runner.send([(event.key, raw) for event, raw in zip(ordered, raws, strict=True)], now)
    rows, at = runner.rows, int(now.timestamp())
    world = world_of(runner)
    live = dict(zip(rows.keys(), rescore(rows.array, rows.slots, at, world).tolist(), strict=True))

    log = build_log([decode_many(raws).events])
    look = Replay(log, CARD.numbers()).look(at)
    replayed = {key: look.scores[i] for i, key in enumerate(log.keys) if look.seen[i]}
    assert replayed == live
    assert np.isfinite(look.scores).all()
