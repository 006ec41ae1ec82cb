"""Seals texts for PostgreSQL with AES-256-GCM. The first key seals, every key opens."""

import hashlib
import os
from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from libs.runtime.errors import ConfigError

SETTING = "INGEST_SECRET_KEYS"
_KEY_BYTES = 32
# What is sealed: the form's number, which key, a nonce (random ones are safe for 2^32 texts), text and tag.
_FORM, _ID_BYTES, _NONCE_BYTES = b"\x01", 4, 12
_START = len(_FORM) + _ID_BYTES + _NONCE_BYTES


class Vault:
    """`about` says what a text is and whose: bytes open under the same words alone, so none can be moved."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        named = [_key(key.get_secret_value(), number) for number, key in enumerate(keys, 1)]
        self._keys = {_id(key): AESGCM(key) for key in named}
        self._first = _id(named[0]) if named else b""

    @property
    def empty(self) -> bool:
        return not self._keys

    def seal(self, text: str, about: str) -> bytes:
        """Raises ConfigError without a key."""
        if self.empty:
            raise ConfigError(
                f"secrets are kept encrypted and {SETTING} is empty: greenline ingest source key"
            )
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._keys[self._first].encrypt(nonce, text.encode(), about.encode())
        return _FORM + self._first + nonce + sealed

    def open(self, sealed: bytes, about: str) -> str:
        """Raises ConfigError if no key opens it, or it is not what was sealed about this."""
        key = self._keys.get(sealed[len(_FORM) : len(_FORM) + _ID_BYTES])
        if key is None or not sealed.startswith(_FORM):
            raise ConfigError(f"no key of {SETTING} opens its secrets")
        try:
            return key.decrypt(
                sealed[_START - _NONCE_BYTES : _START], sealed[_START:], about.encode()
            ).decode()
        except InvalidTag:
            raise ConfigError(
                "its secrets are not those that were sealed for it: the row was changed"
            ) from None


def new_key() -> str:
    return urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def _key(text: str, number: int) -> bytes:
    try:
        key = b64decode(text, altchars=b"-_", validate=True)
    except (Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"key {number} of {SETTING} is not {_KEY_BYTES} bytes in URL-safe base64")
    return key


def _id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:_ID_BYTES]
