"""The prices part of the policy: numbers, a listed model's, or one's own GPUs'; one, or several with their dates."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_UP, Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator

from app.config.model import PolicyModel

PICO = Decimal("0.000001")
"""Of a dollar per million tokens: where a division has to end."""


class Dated(PolicyModel):
    """What all prices have. `from` is the ISO date or time from which one holds, a date in UTC, as text.

    `batch` is the share of it that requests of the lane `batch` pay, 0–1.
    """

    since: str | None = Field(default=None, alias="from")
    batch: Decimal = Field(default=Decimal(1), ge=0, le=1)

    model_config = PolicyModel.model_config | {"populate_by_name": True}

    @field_validator("since")
    @classmethod
    def _since_is_a_time(cls, value: str | None) -> str | None:
        if value is not None:
            moment(value)
        return value

    @property
    def begins(self) -> float:
        """Seconds since 1970; minus infinity where it always held."""
        return float("-inf") if self.since is None else moment(self.since)


class Price(Dated):
    """US dollars per million tokens. Exact decimals: money is never a float."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached_input: Decimal | None = Field(default=None, ge=0)

    @property
    def blended(self) -> Decimal:
        """US dollars per million tokens, three of input to one of output: the blend that price lists are ranked by."""
        return (self.input * 3 + self.output) / 4


class ListedPrice(Dated):
    """What a provider asks for a model, `provider/model`, as the price list of the package genai-prices says."""

    upstream: str = Field(pattern=r"^[\w.-]+/\S+$")


class GpuPrice(Dated):
    """What tokens cost on GPUs of one's own: a token costs the time for which it keeps them busy.

    `gpus`, at `gpu_usd_per_hour` each, did together what the rates say: tokens per second of one kind alone, as
    `leanserve prices calibrate` measures them. `busy` is the share of the hours paid for in which the
    GPUs work, 0–1. Cached input costs as much as other input where its rate is not known.
    """

    gpu_usd_per_hour: Decimal = Field(ge=0)
    gpus: Decimal = Field(default=Decimal(1), gt=0)
    input_tokens_per_s: Decimal = Field(gt=0)
    output_tokens_per_s: Decimal = Field(gt=0)
    cached_input_tokens_per_s: Decimal | None = Field(default=None, gt=0)
    busy: Decimal = Field(default=Decimal(1), gt=0, le=1)

    def price(self) -> Price:
        """In US dollars per million tokens, the last of six decimals rounded up."""
        rate = self.cached_input_tokens_per_s
        return Price(
            input=self._of(self.input_tokens_per_s),
            output=self._of(self.output_tokens_per_s),
            cached_input=None if rate is None else self._of(rate),
            batch=self.batch,
        )

    def _of(self, tokens_per_s: Decimal) -> Decimal:
        usd_per_s = self.gpu_usd_per_hour * self.gpus / 3600 / self.busy
        return (usd_per_s * 1_000_000 / tokens_per_s).quantize(PICO, ROUND_UP)


def moment(text: str) -> float:
    """Seconds since 1970 of an ISO date or time, in UTC unless it names its zone. Raises ValueError."""
    plain = len(text) == len("2026-01-31")
    found = datetime.combine(date.fromisoformat(text), datetime.min.time()) if plain else datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _tag(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "<dated>"
    fields = value if isinstance(value, Mapping) else vars(value) if isinstance(value, Dated) else {}
    if "upstream" in fields:
        return "<listed>"
    return "<gpu>" if "gpu_usd_per_hour" in fields else "<price>"


AnyPrice = Price | ListedPrice | GpuPrice


def _distinct(prices: tuple[AnyPrice, ...]) -> tuple[AnyPrice, ...]:
    begins = [each.begins for each in prices]
    if not prices or len(set(begins)) < len(begins):
        raise ValueError("prices of one name need different dates (`from`); one may be without")
    return prices


_One = Annotated[Price, Tag("<price>")] | Annotated[ListedPrice, Tag("<listed>")] | Annotated[GpuPrice, Tag("<gpu>")]
_Several = Annotated[tuple[Annotated[_One, Discriminator(_tag)], ...], AfterValidator(_distinct), Tag("<dated>")]

Prices = Annotated[_One | _Several, Discriminator(_tag)]
"""One price, or several by date. The union's tags are no places in a file: `app.config.load` leaves them out."""
