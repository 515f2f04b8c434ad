"""The part of the policy that says who may enter besides the keys that are issued."""

from pydantic import AwareDatetime, Field, field_validator

from app.config.model import PolicyModel
from app.domain import DEFAULT_TENANT


class KeyRule(PolicyModel):
    """A key of the configuration: `sha256` of its text (`printf %s "$KEY" | sha256sum`), never the text.

    `name` is unique in its tenant. `models` (tiers and model ids) and `features` are those that it may name, all where
    they are left out; its requests are of `team` and `user`, where those are set. `admin` opens `/admin` for its
    tenant.
    """

    name: str = Field(min_length=1, max_length=128)
    tenant: str = Field(default=DEFAULT_TENANT, min_length=1, max_length=128)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    models: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    team: str = ""
    user: str = ""
    admin: bool = False
    expires: AwareDatetime | None = None

    @field_validator("tenant")
    @classmethod
    def _tenant_is_one(cls, value: str) -> str:
        if value == "*":
            raise ValueError("a key is of one tenant; LEANSERVE_ADMIN_KEY is the admin's of all")
        return value
