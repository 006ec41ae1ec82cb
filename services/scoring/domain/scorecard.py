"""A scorecard: which signals count how much, and every number the score rests on. Versioned, immutable."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from hashlib import sha256
from math import log, log1p, nan
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.scoring.domain.numbers import CARD, Numbers, ShopNumbers
from services.scoring.domain.purchase import chance
from services.scoring.domain.row import SIGNALS
from services.scoring.domain.signals import NAMES, SCORED_ALWAYS, WEIGHABLE

Positive = Annotated[float, Field(gt=0)]
Points = Annotated[float, Field(gt=0, lt=100)]
MODEL = 2  # raised when the same scorecard gives other scores: then all are said anew, and nothing fires
_SEGMENTS_MOST = 20  # blocks of segments in a file: more is a scorecard for each customer


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _a_signal(name: str) -> str:
    if name not in WEIGHABLE:
        near = get_close_matches(name, WEIGHABLE, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(WEIGHABLE)}"
        raise ValueError(f"no signal is called {name!r}: {meant}")
    return name


class Signal(_Strict):
    name: Annotated[str, AfterValidator(_a_signal)]
    weight: Annotated[float, Field(gt=0, le=1)]


def _check_weights(signals: Sequence[Signal]) -> None:
    twice = sorted(name for name, count in Counter(one.name for one in signals).items() if count > 1)
    if twice:
        raise ValueError(f"signals: {', '.join(twice)} named twice")
    total = sum(signal.weight for signal in signals)
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"signals: the weights add up to {total:.4f} instead of 1")


class Shop(_Strict):
    """Numbers of the purchase model, in days. The defaults are untuned and scaled to the usual gap."""

    r: Positive = 1.0
    alpha_days: Positive = 60.0
    a: Positive = 1.0
    b: Positive = 2.0
    tau_days: Positive = 365.0
    horizon_days: Positive = 91.0

    def numbers(self) -> ShopNumbers:
        return ShopNumbers(self.r, self.alpha_days, self.a, self.b, self.tau_days, self.horizon_days)


class Recency(_Strict):
    """From p_buy to 0-100: `anchor + slope * logit + spend_slope * log1p(spend)` on the scale of logits.

    Without `intercept` p_buy is the model's own and only a rank. With it (from `greenline scoring fit`) p_buy
    becomes the probability `1 / (1 + exp(-(intercept + slope * logit(p) + spend_slope * log1p(spend))))`.
    """

    anchor: Points = 75.0  # value of a customer who has just bought for the first time
    anchor_spend_minor: Annotated[int, Field(ge=0)] = 0  # and who spent so much
    slope: Positive = 0.7
    spend_slope: Annotated[float, Field(ge=0)] = 0.0
    intercept: float | None = None


class Trends(_Strict):
    par: Points = 70.0  # value of a signal that goes as it usually goes
    slope: Positive = 1.0
    engagement_shrink: Positive = 4.0  # interactions
    frequency_shrink: Positive = 3.0  # orders
    frequency_days: Annotated[int, Field(ge=7, le=90)] = 90
    usage_shrink: Positive = 4.0  # uses


class Levels(_Strict):
    """What stands at 50."""

    engagement_half: Positive = 4.0  # interactions in 30 days
    usage_half: Positive = 10.0  # uses in 14 days, for each active seat


class Support(_Strict):
    fade_days: Positive = 45.0
    shrink: Positive = 1.0
    open_trouble_points: Annotated[float, Field(ge=0, le=100)] = 25.0
    patience_days: Positive = 7.0  # an open ticket, or a milestone, so late halves its signal


class Voice(_Strict):
    fade_days: Positive = 180.0  # an answer to a survey, what a person heard


class Bands(_Strict):
    green: Points = 65.0
    red: Points = 50.0
    margin: Annotated[float, Field(ge=0, lt=20)] = 3.0

    @model_validator(mode="after")
    def _apart(self) -> "Bands":
        if self.red + 2 * self.margin > self.green:
            raise ValueError(f"red {self.red} and green {self.green} overlap within the margin {self.margin}")
        return self


class Stages(_Strict):
    new_days: Positive = 90.0
    loyal_days: Positive = 365.0
    loyal_orders: Annotated[int, Field(ge=1)] = 3
    lapsed_below: Annotated[float, Field(gt=0, lt=1)] = 0.02  # p_buy


class Learned(_Strict):
    """One window of a fit: customers at its beginning, and how many of them came back in it."""

    days: int
    customers: int
    came_back: int


class Judged(_Strict):
    """The same fit made `days` earlier and judged by what came after. 95 % intervals."""

    days: int
    customers: int
    auc: float | None
    auc_interval: tuple[float, float] | None
    auc_recent: float | None
    auc_recent_interval: tuple[float, float] | None
    brier: float | None
    calibration_error: float | None


class Weighed(_Strict):
    """A signal that was looked at: what a later window gained by it (nats a customer, given those before it),
    the standard error of that, and the weight it got; 0 if it gained too little to be told from chance.
    """

    signal: str
    gain: float
    error: float
    weight: float


class Evidence(_Strict):
    """What a fitted card rests on; nothing after `until` was looked at."""

    until: date
    windows: tuple[Learned, ...]
    weighed: tuple[Weighed, ...] = ()
    judged: Judged | None = None


Signals = Annotated[tuple[Signal, ...], Field(min_length=1)]


class Segment(_Strict):
    """What customers of some segments have of their own; the rest is the file's."""

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    signals: Signals
    shop: Shop | None = None
    recency: Recency | None = None
    trends: Trends | None = None
    levels: Levels | None = None
    support: Support | None = None
    voice: Voice | None = None
    bands: Bands | None = None
    stages: Stages | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "Segment":
        _check_weights(self.signals)
        return self


class Scorecard(_Strict):
    """One version of how health is made. `version` stands on every snapshot."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:+-]{1,64}$")]
    base: Points = 50.0
    feed_days: Positive = 3.0  # a source silent for longer, for the whole tenant, is not live
    high_tier_minor: Annotated[int, Field(gt=0)] = 50_000
    signals: Signals
    shop: Shop = Shop()
    recency: Recency = Recency()
    trends: Trends = Trends()
    levels: Levels = Levels()
    support: Support = Support()
    voice: Voice = Voice()
    bands: Bands = Bands()
    stages: Stages = Stages()
    segments: Annotated[tuple[Segment, ...], Field(max_length=_SEGMENTS_MOST)] = ()
    evidence: Evidence | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "Scorecard":
        _check_weights(self.signals)
        named: set[str] = set()
        for i, segment in enumerate(self.segments):
            both = sorted(named & set(segment.names))
            if both or len(set(segment.names)) < len(segment.names):
                raise ValueError(f"segments.{i}.names: {', '.join(both) or 'one'} stands in two places")
            named |= set(segment.names)
            self._check_memory(i, segment)
        return self

    def _check_memory(self, i: int, segment: Segment) -> None:
        """Facts are faded as they come in, before anybody asks for a segment."""
        if segment.shop and segment.shop.tau_days != self.shop.tau_days:
            raise ValueError(f"segments.{i}.shop.tau_days: is one for the whole file, {self.shop.tau_days}")
        if segment.support and segment.support.fade_days != self.support.fade_days:
            whole = self.support.fade_days
            raise ValueError(f"segments.{i}.support.fade_days: is one for the whole file, {whole}")

    def identity(self) -> str:
        """By content: a file that was edited under the same version is another scorecard, and so is the same
        file under another MODEL.
        """
        body = self.model_dump_json(exclude={"version", "evidence"})
        return f"{self.version}#{sha256(f'{MODEL} {body}'.encode()).hexdigest()[:16]}"

    def cards(self) -> list["Scorecard"]:
        """The card of everybody, then those of the segments, each whole."""
        return [self, *(self._of(segment) for segment in self.segments)]

    def _of(self, segment: Segment) -> "Scorecard":
        own = {name: value for name, value in segment if name != "names" and value is not None}
        return self.model_copy(update=own)

    def places(self) -> dict[str, int]:
        """By the name of a segment: which of `cards`."""
        return {name: i for i, segment in enumerate(self.segments, 1) for name in segment.names}

    def numbers(self) -> Numbers:
        """As the compiled loops take it."""
        return Numbers(np.concatenate([_numbers(card) for card in self.cards()]), self.places())


def weights_of(card: Scorecard) -> list[float]:
    """By signal, in the order of NAMES; 0: shown, not scored."""
    weights = {signal.name: signal.weight for signal in card.signals}
    return [weights.get(name, 0.0) for name in NAMES]


def _numbers(card: Scorecard) -> Any:
    """(1,) of CARD."""
    shop, recency, weights = card.shop.numbers(), card.recency, weights_of(card)
    told = {
        **shop._asdict(),
        "anchor_logit": _logit(recency.anchor / 100.0)
        - recency.spend_slope * log1p(recency.anchor_spend_minor),
        "anchor_p": _logit(chance(0.0, shop.alpha / shop.r, 0.0, shop)[1]),
        "slope": recency.slope,
        "spend_slope": recency.spend_slope,
        "intercept": nan if recency.intercept is None else recency.intercept,
        "weights": [*weights, *[0.0] * (SIGNALS - len(weights))],
        "weighs_others": any(weights[SCORED_ALWAYS:]),
        "base": card.base,
        "par": card.trends.par,
        "trend_slope": card.trends.slope,
        "engagement_shrink": card.trends.engagement_shrink,
        "frequency_shrink": card.trends.frequency_shrink,
        "usage_shrink": card.trends.usage_shrink,
        "frequency_days": card.trends.frequency_days,
        "level_half": card.levels.engagement_half,
        "usage_half": card.levels.usage_half,
        "mood_tau": card.support.fade_days,
        "mood_shrink": card.support.shrink,
        "trouble_cost": card.support.open_trouble_points,
        "patience": card.support.patience_days,
        "voice_tau": card.voice.fade_days,
        **card.bands.model_dump(),
        **card.stages.model_dump(),
        "feed_days": card.feed_days,
    }
    return np.array([tuple(told[name] for name in CARD.names or ())], CARD)


def _logit(p: float) -> float:
    return log(p / (1.0 - p))
