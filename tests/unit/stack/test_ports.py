"""Ports: the wished one if it is free, promised to one process at a time."""

import socket

from libs.runtime.stack import Reservations
from libs.runtime.stack.ports import LOOPBACK, choose, is_free


def test_a_free_wish_is_granted(unused_tcp_port: int) -> None:
    assert choose(unused_tcp_port) == unused_tcp_port


def test_a_taken_wish_gives_way() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        assert not is_free(port)
        assert choose(port) != port


def test_a_port_to_avoid_is_not_chosen(unused_tcp_port: int) -> None:
    assert choose(unused_tcp_port, avoid=[unused_tcp_port]) != unused_tcp_port


def test_a_promised_port_is_not_promised_twice(unused_tcp_port: int) -> None:
    ours, theirs = Reservations(), Reservations()
    try:
        assert ours.reserve(unused_tcp_port) == unused_tcp_port
        assert ours.reserve(unused_tcp_port) != unused_tcp_port
        assert theirs.reserve(unused_tcp_port) != unused_tcp_port
        ours.release()
        assert theirs.reserve(unused_tcp_port) == unused_tcp_port
    finally:
        ours.release()
        theirs.release()
