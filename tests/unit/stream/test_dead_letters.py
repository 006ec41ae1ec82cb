from datetime import UTC, datetime

import pytest

from libs.events import DeadLetter as Contract
from libs.runtime.stream import DeadLetter, InputRecord
from libs.runtime.stream.deadletters import dead_letter_record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "label"), [("decode", "decode"), ("no such type!", "no-such-type-"), ("", "unknown")]
)
def test_a_dead_letter_is_written_in_the_shape_of_the_contract(reason: str, label: str):
    letter = DeadLetter(InputRecord(7, b"t/a", b"junk"), reason, "x" * 5000)
    record = dead_letter_record("scoring.dead-letters", "customer.events", letter, 3, NOW)
    read = Contract.model_validate_json(record.value or b"")
    assert (record.topic, record.key) == ("scoring.dead-letters", b"t/a")
    assert (read.reason, read.origin, read.at, len(read.detail)) == (label, "customer.events/3/7", NOW, 1000)


def test_a_dead_letter_never_repeats_the_records_content():
    letter = DeadLetter(InputRecord(7, b"t/a", b"anna@example.org"), "decode")
    record = dead_letter_record("d", "s", letter, 3, NOW)
    assert b"anna" not in (record.value or b"")
