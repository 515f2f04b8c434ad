import pytest
from pydantic import ValidationError

from app.config.policy import NormalizerPolicy, StampRule
from app.prompt.patterns import compile_rule, substitute
from app.prompt.text import canonical_text

POLICY = NormalizerPolicy()
UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("[2024-05-01T12:00:00Z] Add 2 and 2", "<timestamp> Add 2 and 2"),
        ("[2024-05-01 12:00:00,123] Add 2 and 2", "<timestamp> Add 2 and 2"),
        ("Request-Id: abc-123-def\nAdd 2 and 2", "<request_id>\nAdd 2 and 2"),
        ("request_id=abc12345\nAdd 2 and 2", "<request_id>\nAdd 2 and 2"),
        ("Add 2 and 2. request_id=abc12345", "Add 2 and 2. <request_id>"),
        (f"Add 2 and 2\n\ntrace-id: {UUID}", "Add 2 and 2\n\n<trace_id>"),
        ("X-Request-ID: 42aa42aa\ncorrelation id: 77aa77\nAdd", "<request_id>\n<correlation_id>\nAdd"),
        (f"uuid: {UUID}\nAdd 2 and 2", "<uuid>\nAdd 2 and 2"),
        ("Timestamp: 2024-05-01T10:00:00Z\nAdd 2 and 2", "<timestamp>\nAdd 2 and 2"),
        ("Timestamp: 1714557600\nAdd 2 and 2", "<timestamp>\nAdd 2 and 2"),
        ("Sent at: 2024-05-01 10:00\nAdd 2 and 2", "<timestamp>\nAdd 2 and 2"),
    ],
)
def test_what_is_surely_a_stamp_is_replaced(text: str, canonical: str) -> None:
    """Fields that a client's plumbing adds become their names, unless the policy switches that off."""
    assert canonical_text(text, POLICY, case="keep") == canonical
    assert canonical_text(text, NormalizerPolicy(stamps=False), case="keep") == text


@pytest.mark.parametrize(
    "text",
    [
        "what happened on 2024-05-01?",
        "what happened on 2024-05-01T12:00:00Z?",
        f"status of order {UUID}?",
        f"order {UUID}",
        "why did request_id=abc12345 fail?",
        "[2024-05-01 12:00:00] what day is it today?",
        "Timestamp: 2024-05-01T10:00:00Z\nhow old am I?",
        "Timestamp: 2024-05-01T10:00:00Z\nwie spät ist es?",
        "[2024-05-01 12:00:00] start\n[2024-05-01 12:05:00] end\nexplain",
        "Request-Id: abc123\nwhich request is that?",
        "Request-Id: abc123\nRequest-Id: abc124\ncompare",
        "```\nRequest-Id: abc123\n[2024-05-01 12:00:00] x\n```",
        "request_id=abc123\nuser=bob\nvalid?",
        "Request-Id: please",
        "Timestamp: 2024-05-01",
        "[2024-05-01] release notes",
    ],
)
def test_what_could_be_content_stays(text: str) -> None:
    """Bare dates and ids, stamps that are asked about, two of a kind, and code are untouched."""
    assert canonical_text(text, POLICY) == text


def test_rules_of_the_user_replace_outside_code() -> None:
    """A rule's match becomes `<name>`; code is left alone."""
    policy = NormalizerPolicy(rules=(StampRule(name="ticket", pattern=r"TICKET-\d+"),))
    assert (
        canonical_text("close TICKET-12 now\n```\nTICKET-12\n```", policy) == "close <ticket> now\n```\nTICKET-12\n```"
    )


@pytest.mark.parametrize("pattern", ["(", "x*", "(?=a)", "", r"(a+)+$", r"^(\w+\s?)*$"])
def test_bad_rules_are_refused_when_the_policy_loads(pattern: str) -> None:
    """What does not compile, matches nothing, or backtracks without end never reaches a request."""
    with pytest.raises(ValidationError, match="pattern"):
        StampRule(name="bad", pattern=pattern)


def test_a_rule_that_runs_away_leaves_the_text() -> None:
    """A pattern that passed the probes and is slow on this text changes nothing: a miss, never a hang."""
    text = "q" * 30 + "?"
    slow = compile_rule(r"(q|qq|qqq)+\d")
    assert substitute(slow, "<slow>", text) == text
    assert substitute(compile_rule("q"), "<q>", "q" * 100_000) == "q" * 100_000
