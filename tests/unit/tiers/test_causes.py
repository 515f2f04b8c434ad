"""The room's own errors cross a hop like the others."""

import pickle

import pytest

from app.errors import BackendBroken, BackendCrashed, BackendLost, BackendUnreachable
from app.tiers.causes import cause_of


@pytest.mark.parametrize("kind", [BackendBroken, BackendCrashed, BackendLost, BackendUnreachable])
def test_they_pickle(kind: type[Exception]) -> None:
    """Type, message and cause survive."""
    error = kind("what happened")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), cause_of(copy)) == (kind, "what happened", cause_of(error))
