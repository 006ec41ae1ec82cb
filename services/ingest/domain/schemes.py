"""How a provider signs, as data: the usual scheme and its knobs, for provider files and declared ones."""

import base64
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.ingest.domain import signatures
from services.ingest.domain.plan import Delivery
from services.ingest.domain.sources import Secrets

Algorithm = Literal["sha1", "sha256", "sha512", "token"]
Encoding = Literal["hex", "base64"]

SLOT = re.compile(r"\{(body|timestamp|header:[a-z0-9-]+)\}")
"""What a template of signed bytes may hold; the rest of it stands for itself."""


HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,80}$", to_lower=True)]


class Scheme(BaseModel):
    """An HMAC over a template, its signature in a header. `token`: the header is the secret itself."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    header: HeaderName
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: str = ""
    signed: str = "{body}"
    signature_name: str = ""
    """Set where the header is a list such as t=1717243200,v1=5f3c: the name before each signature."""
    timestamp_name: str = ""
    """The timestamp's name in that list."""
    timestamp_header: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,80}$", to_lower=True)] = ""
    tolerance_s: float = Field(signatures.TOLERANCE_S, gt=0, le=604_800)
    may_be_ahead: bool = False
    """Whether a time ahead of ours is taken for a clock of ours that is behind."""
    key: Literal["text", "base64"] = "text"

    def verify(self, delivery: Delivery, secrets: Secrets, wall: float) -> None:
        """Over the raw bytes. Raises UnverifiedError and nothing else."""
        given = signatures.require(delivery.header(self.header), self.header)
        pairs = [pair.strip().partition("=") for pair in given.split(",")]
        offered = [given]
        if self.signature_name:
            offered = [value for name, _, value in pairs if name == self.signature_name]
        stamp = self._stamp(delivery, [value for name, _, value in pairs if name == self.timestamp_name])
        message = self._message(delivery, stamp)
        # Once for each secret, however many signatures the header has; what is no key signs nothing.
        signed = (self._sign(secret, message) for secret in secrets)
        expected = [self.prefix + signature for signature in signed if signature is not None]
        signatures.check(offered, expected, lambda signature: signature)
        if stamp:
            at = signatures.http_time(stamp) if "," in stamp else signatures.iso_time(stamp)
            signatures.check_fresh(min(at, wall) if self.may_be_ahead else at, wall, self.tolerance_s)

    def _stamp(self, delivery: Delivery, named: Sequence[str]) -> str:
        if self.timestamp_name:
            return signatures.require(
                named[0] if named else None, f"{self.header} with {self.timestamp_name}="
            )
        if self.timestamp_header:
            return signatures.require(delivery.header(self.timestamp_header), self.timestamp_header)
        return ""

    def _message(self, delivery: Delivery, stamp: str) -> bytes:
        known = {"body": delivery.body, "timestamp": stamp.encode()}
        message = b""
        for place, piece in enumerate(SLOT.split(self.signed)):  # literal, slot, literal, ...
            if place % 2 == 0:
                message += piece.encode()
            elif piece in known:
                message += known[piece]
            else:
                name = piece.removeprefix("header:")
                message += signatures.require(delivery.header(name), name).encode()
        return message

    def secret_fault(self, secret: str) -> str | None:
        """Why a secret can make no signature."""
        unfit = self.algorithm != "token" and self.key == "base64" and _decoded(secret) is None
        return "is not base64 of a key, as its provider's are" if unfit else None

    def _sign(self, secret: str, message: bytes) -> str | None:
        if self.algorithm == "token":
            return secret
        key = secret.encode() if self.key == "text" else _decoded(secret)
        make = signatures.hex_hmac if self.encoding == "hex" else signatures.base64_hmac
        return None if key is None else make(key, message, self.algorithm)


def _decoded(secret: str) -> bytes | None:
    """None if it is not base64, or of nothing: with an empty key everybody could sign."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True) or None
    except ValueError:  # binascii.Error is one
        return None
