"""What is sealed opens with the right key under the right words, and with nothing else."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from libs.runtime.errors import ConfigError
from services.ingest.adapters.vault import Vault, new_key
from services.ingest.settings import IngestSettings

OLD, NEW = (SecretStr(urlsafe_b64encode(bytes([n]) * 32).decode()) for n in (1, 2))


@given(st.text(max_size=200), st.text(max_size=50))
def test_what_was_sealed_comes_back_and_cannot_be_read_before(text, about):
    vault = Vault([OLD])
    sealed = vault.seal(text, about)
    assert vault.open(sealed, about) == text
    assert len(text) < 3 or text.encode() not in sealed


def test_the_same_text_is_never_sealed_alike():
    vault = Vault([OLD])
    assert vault.seal("s3cr3t", "a") != vault.seal("s3cr3t", "a")


@given(st.data())
def test_no_changed_bit_opens(data):
    sealed = bytearray(Vault([OLD]).seal("s3cr3t", "a"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ConfigError):
        Vault([OLD, NEW]).open(bytes(sealed), "a")


def test_other_words_do_not_open():
    with pytest.raises(ConfigError, match="the row was changed"):
        Vault([OLD]).open(Vault([OLD]).seal("s3cr3t", "of demo"), "of another")


def test_the_first_key_seals_and_every_key_opens():
    both = Vault([NEW, OLD])
    assert both.open(Vault([OLD]).seal("s3cr3t", "a"), "a") == "s3cr3t"
    assert Vault([NEW]).open(both.seal("s3cr3t", "a"), "a") == "s3cr3t"
    with pytest.raises(ConfigError, match="no key of INGEST_SECRET_KEYS"):
        Vault([OLD]).open(both.seal("s3cr3t", "a"), "a")


def test_a_key_that_is_made_is_one():
    made = new_key()
    vault = Vault([SecretStr(made)])
    assert vault.open(vault.seal("s3cr3t", "a"), "a") == "s3cr3t"
    assert made != new_key()


@pytest.mark.parametrize("wrong", ["", "short", "%%%", "ä" * 44, OLD.get_secret_value() + "AAAA"])
def test_a_key_that_is_none_is_named_by_its_place_and_not_shown(wrong):
    with pytest.raises(ConfigError) as caught:
        Vault([OLD, SecretStr(wrong)])
    assert str(caught.value).startswith("key 2 of INGEST_SECRET_KEYS is not 32 bytes")
    assert not wrong or wrong not in str(caught.value)


def test_keys_in_the_settings_are_never_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INGEST_SECRET_KEYS", '["s3cr3t-key"]')
    assert "s3cr3t" not in repr(IngestSettings())
    monkeypatch.setenv("INGEST_SECRET_KEYS", '[["s3cr3t-key"]]')
    with pytest.raises(ValueError, match="secret_keys") as caught:
        IngestSettings()
    assert "s3cr3t" not in str(caught.value)
