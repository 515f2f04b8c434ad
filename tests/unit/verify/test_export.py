"""The trained model as the file that serves."""

from pathlib import Path
from typing import Any

import pytest
import torch

from app.verify.pair_model import MODEL, PairModel, padded
from app.verify.pairing import pair_input

WIDTH, WORDS = 32, 300
PAIRS = [([5, 6, 7], [5, 9, 7]), ([5, 6], [6, 5]), (list(range(10, 30)), [40, 41]), ([8], [8])]


@pytest.fixture(scope="module")
def trained() -> Any:
    from transformers import BertConfig, BertModel

    from app.verify.training.model import PairModel as Trained

    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    model = Trained(BertModel(config, add_pooling_layer=False))
    for tensor in model.parameters():
        if tensor.dim() > 1:  # as they are born all logits are about nothing
            torch.nn.init.normal_(tensor, std=0.4)
    return model.eval()


@pytest.fixture(scope="module")
def served(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> PairModel:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece

    from app.embed.session import open_session
    from app.verify.training.export import export

    folder = Path(tmp_path_factory.mktemp("weights"))
    export(trained, Tokenizer(WordPiece({f"w{i}": i for i in range(WORDS)})), folder)
    return PairModel(open_session(folder / MODEL, 1), None)


def test_the_file_computes_what_was_trained(trained: Any, served: PairModel) -> None:
    """But for the rounding of int8: order, segments, matches and the three means are all in it."""
    found, wanted = served.logits(PAIRS), [logit(trained, *pair) for pair in PAIRS]
    assert found == pytest.approx(wanted, abs=0.1 * (max(wanted) - min(wanted)))


def logit(trained: Any, a: list[int], b: list[int]) -> float:
    with torch.inference_mode():
        return float(trained(*(torch.from_numpy(plane) for plane in padded([pair_input(a, b)])))[0])
