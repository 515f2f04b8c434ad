"""What every part of the policy is."""

from pydantic import BaseModel, ConfigDict


class PolicyModel(BaseModel):
    """Frozen; an unknown key is an error, so that a typo never silently means "default"."""

    model_config = ConfigDict(frozen=True, extra="forbid")
