"""Single requests as they are told."""

import json

import msgspec

from app.ledger.record import Against, Anatomy, AttemptEntry
from app.report.records import all_of, line_of
from tests.unit.ledger.made import ENTRY, record

RETRIED = AttemptEntry("small", "small/b", "m", "retry", "failed", "timeout", "timeout", 9, 3, 2, 1, 11, "p1")


def test_a_request_is_told_with_its_attempts_and_what_it_saved() -> None:
    """Its sums are those of its attempts; what nobody was given is marked."""
    one = record(1.5, attempts=(RETRIED, ENTRY), against=Against(100, 90, 50), anatomy=Anatomy(system=4, user=6))
    told = json.loads(msgspec.json.encode(all_of(one)))
    assert (told["id"], told["at"]) == (one.id, "1970-01-01T00:00:01.500Z")
    assert [each["wasted"] for each in told["attempts"]] == [True, False]
    assert (told["input_tokens"], told["reasoning_tokens"], told["micro_usd"], told["wasted_micro_usd"]) == (
        19,
        1,
        31,
        11,
    )
    assert told["anatomy"]["user"] == 6
    assert told["savings"] == {
        "nothing_micro_usd": 100,
        "cache_micro_usd": 10,
        "routing_micro_usd": 40,
        "limits_micro_usd": 19,
        "saved_micro_usd": 69,
        "micro_usd": 31,
    }


def test_nothing_that_a_record_has_is_left_untold() -> None:
    """A field that is added is told, or left out on purpose."""
    one = record()
    told, said = all_of(one), {"attempts", "anatomy"}
    left_out = set(one.__struct_fields__) - set(told) - said
    assert left_out == {"against"}
    assert set(line_of(one)) <= set(told)
    assert set(ENTRY.__struct_fields__) <= set(told["attempts"][0])
