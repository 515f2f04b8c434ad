"""The part of the policy that says which records of requests are kept, and for how long."""

from pydantic import Field

from app.config.model import PolicyModel


class RecordingPolicy(PolicyModel):
    """What is kept of each request: numbers and names, never a word of prompt or answer.

    Whole records stay for `keep_days`, of each tenant about the latest `most_records` (some 500 bytes of Redis each);
    their sums by hour for 8 days, by day for 400, whatever is said here. Without `enabled` nothing is recorded.
    """

    enabled: bool = True
    keep_days: int = Field(default=7, ge=1, le=400)
    most_records: int = Field(default=1_000_000, ge=1_000)
