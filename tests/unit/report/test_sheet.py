"""CSV that runs nothing."""

import csv
import io
import time

import pytest

from app.ledger.posting import Posting
from app.ledger.reading import LedgerReader
from app.report.cost import cost_report
from app.report.sheet import cost_sheet, sheet
from app.report.window import window_of
from tests.unit.ledger.made import entries, record

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x","y")', "=1,2;=3"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    """In its own cell, behind an apostrophe."""
    read = list(csv.reader(io.StringIO(sheet(["name", "n"], [[text, 5]]), newline="")))
    assert read == [["name", "n"], ["'" + text, "5"]]


def test_numbers_stay_numbers() -> None:
    """Losses too; nothing is an empty cell."""
    assert sheet(["a"], [[-5, 0.25, None, "plain", ""]]).splitlines()[1] == '-5,0.25,"","plain",""'


async def test_a_report_has_a_line_a_row_and_one_for_the_rest(posting: Posting, reader: LedgerReader) -> None:
    """With the same columns; features that clients named are defused."""
    names = ["=cmd|' /C calc'!A0", "b", "c"]
    await posting.post("spool", entries([record(feature=name) for name in names]))
    window = window_of("1d", "", time.time())
    text = cost_sheet(await cost_report(reader, "acme", ["feature", "tier"], window, 2))
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(line["feature"], line["tier"]) for line in lines] == [
        ("'" + names[0], "small"),
        ("b", "small"),
        ("(other)", ""),
    ]
    assert [line["micro_usd"] for line in lines] == ["20", "20", "20"]
    whole = cost_sheet(await cost_report(reader, "acme", [], window, 2))
    assert len(whole.splitlines()) == 2
