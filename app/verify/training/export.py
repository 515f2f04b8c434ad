"""The trained pair model as the file that serves: ONNX with int8 weights."""

from pathlib import Path

from tokenizers import Tokenizer

from app.embed.bert import Shape
from app.verify.pair_model import MODEL, VOCABULARY
from app.verify.training.graph import pair_graph
from app.verify.training.model import PairModel


def export(model: PairModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the int8 model and its vocabulary into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config, tensors = model.encoder.config, model.state_dict()
    shape = Shape(
        config.num_hidden_layers, config.num_attention_heads, config.layer_norm_eps, config.max_position_embeddings
    )
    (folder / MODEL).write_bytes(pair_graph(lambda name: tensors[name].numpy(), shape))
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / VOCABULARY).write_text("".join(f"{word}\n" for word, _ in words), encoding="utf-8")
