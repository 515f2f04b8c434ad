"""What may stand behind the `?` of a report: each word once, and none that is misspelt."""

from typing import Annotated, Literal, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.admin.schema import Name
from app.api.body import explained
from app.errors import InvalidRequest
from app.ledger.rollups import Span

Text = Annotated[str, Field(max_length=500)]
Query = TypeVar("Query", bound="ReportQuery")


class ReportQuery(BaseModel):
    """Frozen; an unknown word is an error. `tenant` is the operator's to name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: Name = ""


class WindowQuery(ReportQuery):
    """`since` and `until`: `7d` ago, or an ISO date or time."""

    since: Text = "7d"
    until: Text = ""


class SheetQuery(WindowQuery):
    """Of what may be had as a sheet, too."""

    format: Literal["json", "csv"] = "json"


class CostQuery(SheetQuery):
    """`by`: dimensions with commas between."""

    by: Text = "feature"
    limit: int = Field(default=100, ge=1, le=1000)


class OutcomeQuery(SheetQuery):
    """Of `GET /admin/reports/outcomes`."""

    since: Text = "30d"
    limit: int = Field(default=100, ge=1, le=1000)


class TimelineQuery(SheetQuery):
    """Hours or days, whichever fits, where no `span` is said."""

    by: Text = "feature"
    since: Text = "24h"
    span: Span | None = None
    measures: Text = "micro_usd,requests,hits,wasted_micro_usd"
    limit: int = Field(default=8, ge=1, le=50)


class ListQuery(ReportQuery):
    """`before` is the id of the last request that was seen."""

    limit: int = Field(default=50, ge=1, le=500)
    before: Text = ""


def query_of(request: Request, schema: type[Query]) -> Query:
    """Raises `InvalidRequest`."""
    words = request.query_params.multi_items()
    said = dict(words)
    if len(said) < len(words):
        names = [name for name, _ in words]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"{twice}: said more than once", twice)
    try:
        return schema.model_validate(said)
    except ValidationError as error:
        raise explained(error) from None


def listed(text: str) -> list[str]:
    """Words with commas between; none is no word."""
    return [word.strip() for word in text.split(",")] if text.strip() else []
