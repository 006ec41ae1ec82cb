"""Rows written under an older layout are read by this one, with all that they know."""

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from libs.events import AnyEvent
from libs.events.families.commerce import OrderShipped, SubscriptionRenewed
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from libs.events.families.relationship import SurveyAnswered, TicketOpened
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


# The rows of these two lives as layout 1 wrote them (1,016 bytes, zlib, base 85).
LAYOUT_1 = {
    "busy": (
        "c-jj%%m4=8_x#(HeNfq<Lm0xxMN<oKOxd(EG&K9Vz=G7@7ba}@wLm35b#Z!Yn|sF}!Pk9^&zWmYg3izMoN{*U1-rI$`;Qul#"
        "Gg^V{nW$h*`%xUrf270h|i13|GU{UAYs`ZuK%j@k4+G3eDR~<u)>;oUrxntx^$fV>!VEx{U0xcRwXWp<cqRkn3AN~eM8KN>q"
        "EU8)4S-2<@cSgZ@=g;k%v=}@!7Fc+kUNjoG{^wvY&bW)w?0<8F*4{T~0F^wFaMjXQq3^<i49Ym((`5r6MoBoU6K7`fUqqflr"
        "tIVNK!Od6(tasVPLhmAN=~Z{^%8tSY?T6Q>nQn>(up>V6HK6U8&tPRy!mqId5_|L@#i)kO>J4T`3vEIp)Um?|Z4exJs2RVlT"
        "rVeeG7%S`G1kaAIl&#R(s+RXoIi)X#IIIUfI@q3}nrkRO*7XFmD?i*I@ZK-y|x3^f~u7hP*`>{KJgAOEyWx~Rg3y9zQGcbU}"
        "9Dc@R!f4@ehF`7e?7bpYJ7k-@_GcY<n~>>XpOksPD=yPvPJAXhA7lno00RRv5Ig*;%sk*-orw{FFOo7D203t;Ta(#5afMUhT"
        "Vwmv3pE|5UP*J@Dk|a#PlF0XnZn2-(7?o@Ai$!)!PFqY!syVz1QBCkB-u%VAOPnHkf@$Spb7-2BFxMzY!DUzwVd9c"
    ),
    "quiet": (
        "c-rd_W<UZT>^o5S)B+#&!_0re4PosmH;hdV-S?>e=Rc0j`8$)p={jZvnje^+_rr`?=wVen1C7C??Lw04?BgFW3{fC-(U67b-"
        ">Gj7o5M3<VvIoi+#ge|`Z|WM$b4iy*!UnbUPH}s_!*Ol&mAkGvRaY(2UsFAN#VcnhqxPE+#xIqRp0XHOc2K94s3EDx0|ldaJ"
        "qN*u3e|2q@#qIh$Be++$ybuBnEc_m7-06#_GXg2?MG~d`=*fk%5Vc1u6glEFngK"
    ),
}


def lives(shop: Shop) -> list[AnyEvent]:
    return [*busy(shop), *quiet(shop)]


def fresh() -> Shop:
    shop = Shop()
    for event in lives(shop):
        shop.send(event)
    return shop


def restored() -> Shop:
    """A shop that starts on what layout 1 left in the state topic."""
    shop = fresh()
    state = shop.runner.state
    shop.runner = LocalRunner(shop.runner.service, ROW, layout=LAYOUT, migrate=MIGRATE)
    shop.runner.state = state
    for customer, packed in LAYOUT_1.items():
        state[f"demo/{customer}".encode()] = b"\x00\x01" + zlib.decompress(base64.b85decode(packed))
    shop.runner.restart()
    return shop


def row(shop: Shop, customer: str) -> Any:
    return shop.runner.rows.array[shop.runner.rows.find(f"demo/{customer}".encode())]


@pytest.mark.parametrize("customer", LAYOUT_1)
def test_a_row_of_layout_1_keeps_every_fact_its_band_and_what_was_said(customer: str) -> None:
    old, new = row(restored(), customer), row(fresh(), customer)
    rings = {name for name in MEMORY if name.startswith(("commercial", "behavioural"))}
    for name in set(ROW.names or ()) - rings:
        np.testing.assert_array_equal(old[name], new[name], name)


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
