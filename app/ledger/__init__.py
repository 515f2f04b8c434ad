"""What every request cost and why: one `LedgerRecord` each, kept exactly once, summed by hour and day.

A journey that is over comes in; a record goes to a file of this replica at once (`spool`), to Redis soon (`recorder`),
where pages of records and rollups of their sums lie. It decides nothing about a request, and holds no text of prompts
or answers: numbers, names that the caller gave, and hashes.
"""
