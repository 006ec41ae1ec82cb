"""A scorecard: which signals count how much, and every number the score rests on. Versioned, immutable."""

from datetime import date
from math import log, log1p, nan
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.scoring.domain.numbers import CardNumbers, ShopNumbers
from services.scoring.domain.purchase import chance
from services.scoring.domain.signals import NAMES

Positive = Annotated[float, Field(gt=0)]
Points = Annotated[float, Field(gt=0, lt=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signal(_Strict):
    name: Literal["purchase_recency", "engagement_trend", "order_frequency_trend", "support_sentiment"]
    weight: Annotated[float, Field(gt=0, le=1)]


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


class Support(_Strict):
    fade_days: Positive = 45.0
    shrink: Positive = 1.0
    open_trouble_points: Annotated[float, Field(ge=0, le=100)] = 25.0


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


class Evidence(_Strict):
    """What a fitted card rests on; nothing after `until` was looked at."""

    until: date
    windows: tuple[Learned, ...]
    judged: Judged | None = None


class Scorecard(_Strict):
    """One version of how health is made. `version` stands on every snapshot."""

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:+-]{1,64}$")]
    base: Points = 50.0
    feed_days: Positive = 3.0  # a source silent for longer, for the whole tenant, is not live
    high_tier_minor: Annotated[int, Field(gt=0)] = 50_000
    signals: Annotated[tuple[Signal, ...], Field(min_length=1)]
    shop: Shop = Shop()
    recency: Recency = Recency()
    trends: Trends = Trends()
    support: Support = Support()
    bands: Bands = Bands()
    stages: Stages = Stages()
    evidence: Evidence | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "Scorecard":
        names = [signal.name for signal in self.signals]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"signals: {', '.join(twice)} named twice")
        total = sum(signal.weight for signal in self.signals)
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"signals: the weights add up to {total:.4f} instead of 1")
        return self

    def numbers(self) -> CardNumbers:
        """As the compiled loops take it."""
        weights = np.zeros(len(NAMES))
        for signal in self.signals:
            weights[NAMES.index(signal.name)] = signal.weight
        shop = self.shop.numbers()
        return CardNumbers(
            shop=shop,
            anchor_logit=_logit(self.recency.anchor / 100.0)
            - self.recency.spend_slope * log1p(self.recency.anchor_spend_minor),
            anchor_p=_logit(chance(0.0, shop.alpha / shop.r, 0.0, shop)[1]),
            slope=self.recency.slope,
            spend_slope=self.recency.spend_slope,
            intercept=nan if self.recency.intercept is None else self.recency.intercept,
            weights=weights,
            base=self.base,
            par=self.trends.par,
            trend_slope=self.trends.slope,
            engagement_shrink=self.trends.engagement_shrink,
            frequency_shrink=self.trends.frequency_shrink,
            frequency_days=self.trends.frequency_days,
            mood_tau=self.support.fade_days,
            mood_shrink=self.support.shrink,
            trouble_cost=self.support.open_trouble_points,
            green=self.bands.green,
            red=self.bands.red,
            margin=self.bands.margin,
            new_days=self.stages.new_days,
            loyal_days=self.stages.loyal_days,
            loyal_orders=self.stages.loyal_orders,
            lapsed_below=self.stages.lapsed_below,
            feed_days=self.feed_days,
        )


def _logit(p: float) -> float:
    return log(p / (1.0 - p))
