"""Rows written under an older layout are read by this one, with all that they know."""

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from libs.events import AnyEvent
from libs.events.families.commerce import OrderShipped, SubscriptionRenewed
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from libs.events.families.relationship import (
    MilestoneReached,
    ReferralMade,
    SurveyAnswered,
    TicketOpened,
    UsageRecorded,
)
from libs.runtime.stream import LocalRunner
from services.scoring.domain.row import BEHAVIOURAL_RING, COMMERCIAL_RING, LAYOUT, MEMORY, MIGRATE, ROW
from tests.unit.scoring.shop import Shop, day, order


def busy(shop: Shop) -> list[AnyEvent]:
    """Both rings have turned: 20 commercial and 30 behavioural ids."""
    return [
        *[shop.event(order(i), i, "busy") for i in range(10)],
        *[shop.event(OrderShipped(order_id=str(i)), i + 0.5, "busy") for i in range(10)],
        *[shop.event(SiteVisited(session_id=f"s{i}"), i, "busy") for i in range(28)],
        shop.event(EmailClicked(), 28, "busy"),
        shop.event(EmailSent(), 29, "busy"),
    ]


def quiet(shop: Shop) -> list[AnyEvent]:
    """Neither ring has been full."""
    renewed = SubscriptionRenewed(subscription_id="u", amount="30.00", currency="USD", interval_days=30)
    return [
        shop.event(order("q"), 1, "quiet"),
        shop.event(TicketOpened(ticket_id="t", sentiment="negative"), 2, "quiet"),
        shop.event(SurveyAnswered(survey_id="s", response_id="r", kind="nps", score=9), 3, "quiet"),
        shop.event(renewed, 4, "quiet"),
        shop.event(SiteVisited(session_id="q"), 5, "quiet"),
    ]


# The rows of these two lives as older layouts wrote them (1,016 bytes, zlib, base 85).
OLD = {
    1: {
        "busy": (
            "c-jj%%m4=8_x#(HeNfq<Lm0xxMN<oKOxd(EG&K9Vz=G7@7ba}@wLm35b#Z!Yn|sF}!Pk9^&zWmYg3izMoN{*U1-rI$`;Qul"
            "#Gg^V{nW$h*`%xUrf270h|i13|GU{UAYs`ZuK%j@k4+G3eDR~<u)>;oUrxntx^$fV>!VEx{U0xcRwXWp<cqRkn3AN~eM8KN"
            ">qEU8)4S-2<@cSgZ@=g;k%v=}@!7Fc+kUNjoG{^wvY&bW)w?0<8F*4{T~0F^wFaMjXQq3^<i49Ym((`5r6MoBoU6K7`fUqq"
            "flrtIVNK!Od6(tasVPLhmAN=~Z{^%8tSY?T6Q>nQn>(up>V6HK6U8&tPRy!mqId5_|L@#i)kO>J4T`3vEIp)Um?|Z4exJs2"
            "RVlTrVeeG7%S`G1kaAIl&#R(s+RXoIi)X#IIIUfI@q3}nrkRO*7XFmD?i*I@ZK-y|x3^f~u7hP*`>{KJgAOEyWx~Rg3y9zQ"
            "GcbU}9Dc@R!f4@ehF`7e?7bpYJ7k-@_GcY<n~>>XpOksPD=yPvPJAXhA7lno00RRv5Ig*;%sk*-orw{FFOo7D203t;Ta(#5"
            "afMUhTVwmv3pE|5UP*J@Dk|a#PlF0XnZn2-(7?o@Ai$!)!PFqY!syVz1QBCkB-u%VAOPnHkf@$Spb7-2BFxMzY!DUzwVd9c"
        ),
        "quiet": (
            "c-rd_W<UZT>^o5S)B+#&!_0re4PosmH;hdV-S?>e=Rc0j`8$)p={jZvnje^+_rr`?=wVen1C7C??Lw04?BgFW3{fC-(U67b"
            "->Gj7o5M3<VvIoi+#ge|`Z|WM$b4iy*!UnbUPH}s_!*Ol&mAkGvRaY(2UsFAN#VcnhqxPE+#xIqRp0XHOc2K94s3EDx0|ld"
            "aJqN*u3e|2q@#qIh$Be++$ybuBnEc_m7-06#_GXg2?MG~d`=*fk%5Vc1u6glEFngK"
        ),
    },
    2: {
        "busy": (
            "c-jj%%m4=8_x#(HeNfq<Lm0xxMN<n{Fic6(?7ku9#Py-xjp<!9$COPwLqoH#3oJ<eePP0eUkg<7Qx~VVwz+rw5q#ap_}oY&"
            "{*3bNryfqvCS9F3Jv;wGd|pic-_4!@3Cr$q{a2lTY=T(hiysY#71qrAaw>MyrQ_^hA8ktL|9By^Dsf39U)03%`%c%lUv!wr"
            "!>P#l?AWPozg9g?nD9l}&piL?-H`PRJgK%Wrx}e}gHOIQ(>-Ex-%XrLYMa|qkr!XiRoyK8wuQC8r%V5^rf}}O%kt~g6e8cs"
            "T%5bNa_$vY6<+U&(+Z`{omB&MzlP3<;+bkEW>q!OyZ561ckZw1q6PK_MblE29?~*Qm6ABWPh+{Nl-kv>cPiUurgVQuxv0YD"
            "RnazW=6|)tvtC=A)~>wxy-;S;%)~tle@a~U4J-DxR6F9^TdZ)`!7{A<*qy&Y2NJ_FVPVJx#P9tX7(ikUKVvdsv~W1Xuhw+-"
            "UXiLDvQ1w5vktsX$aJtz$~@o|m+3GkJ`<e}GJ`3Afq@x_9e!129`LTt#E7sLNtq0T95~Fa$!wmu!YS~rvHj_VnvPSiq&aRC"
            "6>$X10sRT~vvFGH0oF3GUpN$qGL?}<pn-`)L4ZYpgQ-D)h0&pb2_nY8NU{?JK>*GZAW=PuKotm3MVOh{*dQzb$N$_)"
        ),
        "quiet": (
            "c-rd_W<UZT>^o5S)B+#&!_0re4PosmH;hdV-S?>e=Rc0j`8$)p={jZvnje^+_rr`?=wVenwOuf2yO88M`}hY8Llg*IG-ToV"
            "cj}wN=I~6I7$Xor_s3MLzK-E5G9OtFHa^IV*HCjDe#T_tbH|FPtX5?H0hY*2Qur_YA?`*OcL<9@)weu46NGWO1DhPk?WXH9"
            "obKJdYuD*0=_sKl;s_Eyw@T|EvcC!W5esObQZx$CSUoswVL%m$&k1BQGB7c*Km`EqUrI3"
        ),
    },
}

# What the scores of those days had been said as: by model 1 (decision 0023).
SAID = {
    "busy": {
        "said_digest": 5980178625450096960,
        "said_score": 84.2842,
        "said_confidence": 0.7028399,
        "said_points": (1060, 1443, 926, 0),
    },
    "quiet": {
        "said_digest": 17783305406189261074,
        "said_score": 58.1711,
        "said_points": (958, 926, 0, -1067),
    },
}


def lives(shop: Shop) -> list[AnyEvent]:
    return [*busy(shop), *quiet(shop)]


def fresh() -> Shop:
    shop = Shop()
    for event in lives(shop):
        shop.send(event)
    return shop


def restored(layout: int = 1) -> Shop:
    """A shop that starts on what an older layout left in the state topic."""
    shop = fresh()
    state = shop.runner.state
    shop.runner = LocalRunner(shop.runner.service, ROW, layout=LAYOUT, migrate=MIGRATE)
    shop.runner.state = state
    for customer, packed in OLD[layout].items():
        state[f"demo/{customer}".encode()] = layout.to_bytes(2) + zlib.decompress(base64.b85decode(packed))
    shop.runner.restart()
    return shop


def row(shop: Shop, customer: str) -> Any:
    return shop.runner.rows.array[shop.runner.rows.find(f"demo/{customer}".encode())]


def said_then(customer: str) -> Any:
    """The row of today's code, with what the code of then had said."""
    told = row(fresh(), customer).copy()
    points = SAID[customer]["said_points"]
    for name, value in SAID[customer].items():
        if name != "said_points":
            told[name] = value
    told["said_points"][: len(points)] = points
    return told


@pytest.mark.parametrize("customer", OLD[1])
def test_a_row_of_layout_1_keeps_every_fact_its_band_and_what_was_said(customer: str) -> None:
    old, new = row(restored(), customer), said_then(customer)
    rings = {name for name in MEMORY if name.startswith(("commercial", "behavioural"))}
    for name in set(ROW.names or ()) - rings:
        np.testing.assert_array_equal(old[name], new[name], name)


@pytest.mark.parametrize("customer", OLD[2])
def test_a_row_of_layout_2_is_the_same_row_and_knows_nothing_of_what_is_new(customer: str) -> None:
    """Facts and memory alike: also what was last said of each signal, once kept as floats."""
    old, new = row(restored(2), customer), said_then(customer)
    assert new["said_points"].any()
    for name in ROW.names or ():
        np.testing.assert_array_equal(old[name], new[name], name)


def test_a_row_of_layout_2_goes_on_with_the_new_facts() -> None:
    shop = restored(2)
    shop.happens(UsageRecorded(feature="export", count=3), 30, "quiet")
    shop.happens(MilestoneReached(milestone="first_value"), 30, "quiet")
    shop.happens(ReferralMade(referral_id="r"), 30, "quiet")
    facts = shop.health("quiet").facts
    assert (facts.usage_14d, facts.milestones_reached, facts.referrals_90d) == (3, 1, 1)
    assert (facts.orders_total, facts.nps, facts.first_value_at) == (1, 9, day(30))


def test_the_newest_ids_of_layout_1_are_still_known_and_go_out_oldest_first() -> None:
    shop = restored()
    before, commercial, behavioural = shop.ledger["duplicate"], *_by_ring(busy(Shop()))
    shop.send(*commercial[-COMMERCIAL_RING:])
    shop.send(*behavioural[-BEHAVIOURAL_RING:])
    assert shop.ledger["duplicate"] - before == COMMERCIAL_RING + BEHAVIOURAL_RING
    shop.send(commercial[0])  # takes the oldest's place
    shop.send(*commercial[-COMMERCIAL_RING + 1 :])
    assert shop.ledger["duplicate"] - before == 2 * COMMERCIAL_RING + BEHAVIOURAL_RING - 1


def test_a_ring_that_was_full_may_have_forgotten_whatever_the_row_had_heard_of() -> None:
    shop = restored()
    heard = int(day(29).timestamp())
    assert (row(shop, "busy")["commercial_forgot"], row(shop, "busy")["behavioural_forgot"]) == (heard, heard)


def test_a_ring_of_layout_1_that_was_never_full_forgot_nothing_and_goes_on_where_it_was() -> None:
    shop = restored()
    for stem in ("commercial", "behavioural"):
        old, new = row(shop, "quiet"), row(fresh(), "quiet")
        np.testing.assert_array_equal(old[stem], new[stem])
        assert old[f"{stem}_next"] == new[f"{stem}_next"]
        assert old[f"{stem}_forgot"] == 0
        assert old[f"{stem}_begun"] == int(day(5).timestamp())


def _by_ring(life: list[AnyEvent]) -> tuple[list[AnyEvent], list[AnyEvent]]:
    commercial = [e for e in life if e.type.startswith("order.")]
    return commercial, [e for e in life if e not in commercial]
