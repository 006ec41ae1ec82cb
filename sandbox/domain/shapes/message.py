"""One webhook before it is signed: whose it is, its headers and its body."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from sandbox.domain.signing import Provider

SHOP_ZONE = timezone(timedelta(hours=-5))  # shops send local time with its offset


@dataclass(frozen=True, slots=True)
class Message:
    provider: Provider
    topic: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def dumps(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def money(cents: int) -> str:
    return str(Decimal(cents).scaleb(-2))


def zulu(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def local(at: datetime) -> str:
    return at.astimezone(SHOP_ZONE).isoformat(timespec="seconds")
