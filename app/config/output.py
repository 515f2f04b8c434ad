"""The part of the policy that says how long answers may be."""

from pydantic import Field

from app.config.model import PolicyModel


class OutputPolicy(PolicyModel):
    """How long an answer may be whose question says how long it is to be: yes or no, one word, a number.

    With `brief_times` it gets at most so many times the tokens that such an answer needs, and `brief_grace` more; the
    rest of it is cut off. Off by default: what is cut may have been wanted, and a model that reasons before it answers
    needs the room. Questions that do not say, and bodies above 64 KB, which nobody waits for being read, are let be.
    """

    brief_times: int | None = Field(default=None, ge=1)
    brief_grace: int = Field(default=16, ge=0)
