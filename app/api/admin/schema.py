"""What an admin's request must look like: strict, and without room for a misspelt name."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from app.access.desk import KeyTerms
from app.access.key import Rights

MAX_NAME = 128
DAY_S = 86_400
LONGEST_S = 36_500 * DAY_S


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable")
    return value


Name = Annotated[str, Field(max_length=MAX_NAME), AfterValidator(_printable)]
Names = Annotated[list[Annotated[Name, Field(min_length=1)]], Field(max_length=256)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]


class AdminModel(BaseModel):
    """Frozen; an unknown field is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class KeyRequest(AdminModel):
    """`PUT /admin/keys/{id}`: name, rights and expiry. `expires_at` is ISO 8601 with its time zone."""

    name: Annotated[Name, Field(min_length=1)]
    models: Names | None = None
    features: Names | None = None
    team: Name | None = None
    user: Name | None = None
    admin: bool = False
    expires_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    expires_in_s: Seconds | None = None

    @model_validator(mode="after")
    def _expires_once(self) -> "KeyRequest":
        if self.expires_at is not None and self.expires_in_s is not None:
            raise ValueError("name expires_at or expires_in_s, not both")
        return self

    def terms(self, now: float) -> KeyTerms:
        """The same for the desk; `now` is seconds since 1970."""
        models, features = (None if names is None else tuple(names) for names in (self.models, self.features))
        expires = now + self.expires_in_s if self.expires_in_s is not None else None
        if self.expires_at is not None:
            expires = self.expires_at.timestamp()
        return KeyTerms(self.name, Rights(models, features, self.team or "", self.user or "", self.admin), expires)


class IssueRequest(KeyRequest):
    """`POST /admin/keys`. `tenant` is the admin's own where it is left out."""

    tenant: Name = ""


class RotateRequest(AdminModel):
    """`POST /admin/keys/{id}/rotate`. The old key works for `grace_s` more seconds."""

    grace_s: Seconds = DAY_S


class StopRequest(AdminModel):
    """`POST /admin/scopes/{scope}/stop`."""

    reason: Annotated[str, Field(max_length=500), AfterValidator(_printable)] = ""
