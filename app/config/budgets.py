"""The part of the policy that says who may spend how much, and what becomes of who wants more."""

from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from app.config.model import PolicyModel
from app.domain import LimitAction, Period, ScopeKind, Unit, Window

LARGEST = 2**53 - 1
"""Lua counts in doubles: whole numbers are exact up to here (nine billion dollars)."""

MARKS = (50, 80, 95)

_KINDS: tuple[ScopeKind, ...] = ("team", "feature", "user", "session", "key")


class BudgetRule(PolicyModel):
    """Hard limits on scopes by pattern.

    `tenant`, `team`, `feature`, `user`, `session` and `key` (a key's id) name the scope: a name is that one, `*` is
    each of them with a counter of its own, and what is left out does not matter. `{feature: faq, user: "*"}` is every
    user of the feature `faq`; `{}` every tenant. The amounts hold for each `window`: the calendar's in `timezone` (an
    IANA name), or with `sliding` the last so long. `concurrent` (requests under way) has no window. `on_limit` says
    what becomes of a request that does not fit; at `warn_at` per cent of an amount an event is told.
    """

    tenant: str = Field(default="*", min_length=1)
    team: str | None = None
    feature: str | None = None
    user: str | None = None
    session: str | None = None
    key: str | None = None
    input_tokens: int | None = Field(default=None, ge=0, le=LARGEST)
    output_tokens: int | None = Field(default=None, ge=0, le=LARGEST)
    tokens: int | None = Field(default=None, ge=0, le=LARGEST)
    usd: Decimal | None = Field(default=None, ge=0, le=LARGEST // 1_000_000)
    requests: int | None = Field(default=None, ge=0, le=LARGEST)
    concurrent: int | None = Field(default=None, ge=0, le=LARGEST)
    window: Period = Period.DAY
    sliding: bool = False
    timezone: str = "UTC"
    on_limit: LimitAction = LimitAction.REJECT
    warn_at: tuple[int, ...] = MARKS

    @field_validator("tenant", *_KINDS)
    @classmethod
    def _names_are_names(cls, value: str | None) -> str | None:
        if value and "*" in value and value != "*":
            raise ValueError(f"a name is a name, or `*` for each: {value!r} is neither")
        return value

    @field_validator("input_tokens", "output_tokens", "tokens", "usd", "requests", "concurrent", mode="before")
    @classmethod
    def _amounts_are_numbers(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("an amount is a number")
        return value

    @field_validator("usd")
    @classmethod
    def _dollars_can_be_counted(cls, value: Decimal | None) -> Decimal | None:
        if value and value * 1_000_000 < 1:
            raise ValueError("less than a millionth of a dollar is counted as nothing: say 0")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError of its own kind
            raise ValueError(f"no IANA time zone is called {value!r}") from None
        except KeyError:
            raise ValueError(f"no IANA time zone is called {value!r}") from None
        return value

    @field_validator("warn_at")
    @classmethod
    def _marks_are_per_cent(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 0 < mark <= 100 for mark in value):
            raise ValueError("warn_at holds per cent, above 0 and up to 100")
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _limits_something(self) -> "BudgetRule":
        if not self.amounts():
            raise ValueError(
                "a budget needs at least one of input_tokens, output_tokens, tokens, usd, requests, concurrent"
            )
        if self.sliding and self.window is Period.TOTAL:
            raise ValueError("a window of `total` cannot slide: it never ends")
        return self

    @cached_property
    def pattern(self) -> list[tuple[ScopeKind, str]]:
        """What it names below the tenant, in the order of a scope's parts."""
        return [(kind, name) for kind in _KINDS if (name := getattr(self, kind)) is not None]

    @cached_property
    def counted(self) -> Window:
        """When the amounts count."""
        return Window(self.window, self.sliding, "UTC" if self.sliding else self.timezone)

    def amounts(self) -> list[tuple[Unit, int]]:
        """The limits as integers: dollars as micro-USD rounded down."""
        return self._amounts

    @cached_property
    def _amounts(self) -> list[tuple[Unit, int]]:
        dollars = None if self.usd is None else int(self.usd * 1_000_000)
        found = ((unit, dollars if unit is Unit.MICRO_USD else getattr(self, unit)) for unit in Unit)
        return [(unit, amount) for unit, amount in found if amount is not None]


class ThrottlePolicy(PolicyModel):
    """The queue of who waits for a limit: each at most `max_wait_s`, at most `max_waiting` in one ingress replica."""

    max_wait_s: float = Field(default=30, gt=0)
    max_waiting: int = Field(default=256, ge=0)


class FailOpenPolicy(PolicyModel):
    """Spending while Redis cannot be asked: off, unless `tokens` are named, which one replica then lets through.

    `tokens` count input and output from when the store went away until it answers again.
    """

    tokens: int = Field(default=0, ge=0)


class SpendingPolicy(PolicyModel):
    """How money is held and let go.

    A request holds its input and `first_stretch` output tokens; while it streams, its hold grows by stretches, each
    twice the last up to `longest_stretch`, ahead of need. `cache_hits` is the share of an answer's first price that a
    hit of it costs, tokens and dollars alike. Marks that are passed (`warn_at`) are posted to `webhook`. Who would fit
    but for what others hold waits for at most `wait_for_held_s`: few of them need all that they hold. An answer under
    way, and who waits already, wait for at most `wait_for_store_s` for a store that went away.
    """

    first_stretch: int = Field(default=64, ge=1)
    longest_stretch: int = Field(default=512, ge=1)
    cache_hits: float = Field(default=0, ge=0, le=1)
    webhook: str = Field(default="", pattern=r"^(https?://\S+)?$")
    wait_for_held_s: float = Field(default=3.0, ge=0, le=60)
    wait_for_store_s: float = Field(default=4.0, ge=0, le=60)
    throttle: ThrottlePolicy = ThrottlePolicy()
    fail_open: FailOpenPolicy = FailOpenPolicy()
