"""The file of weights."""

from io import BytesIO

import numpy as np
import pytest

from app.route.features import NAMES
from app.route.weights_file import HALF, Weights
from tests.unit.route.made import weights


def test_weights_survive_their_file_and_equal_weights_are_equal_bytes() -> None:
    """A rerun of the training may be compared byte by byte."""
    written = weights().to_bytes()
    found = Weights.from_bytes(written)
    assert found.to_bytes() == written == weights().to_bytes()
    for name in Weights.__dataclass_fields__:
        array, original = getattr(found, name), getattr(weights(), name)
        assert array.shape == original.shape, name
        if array.dtype.kind == "f":
            assert array.dtype == np.float32, name
            assert array == pytest.approx(original, rel=1e-3 if name in HALF else 0), name
    assert found.domains.tolist() == ["near", "far"]


def test_other_weights_are_other_bytes() -> None:
    """Else the comparison would tell nothing."""
    assert weights(bias=(0.1, 0.2, 0.3)).to_bytes() != weights().to_bytes()


def test_weights_of_other_features_are_refused() -> None:
    """Silently permuted features would route at random."""
    with np.load(BytesIO(weights().to_bytes())) as archive:
        arrays = {**archive, "names": np.array([*NAMES[1:], NAMES[0]])}
    changed = BytesIO()
    np.savez(changed, **arrays)
    with pytest.raises(ValueError, match="train them again"):
        Weights.from_bytes(changed.getvalue())
