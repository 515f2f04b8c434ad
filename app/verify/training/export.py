"""The trained pair model as the file that serves: ONNX with int8 weights."""

import tempfile
import warnings
from pathlib import Path

import torch
from tokenizers import Tokenizer

from app.verify.pair_model import MODEL, VOCABULARY
from app.verify.training.model import PairModel


def export(model: PairModel, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the int8 model and its vocabulary into `folder`. Needs the extra `train`."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole.onnx"
        _trace(model, whole)
        quantize_dynamic(whole, folder / MODEL, per_channel=True, weight_type=QuantType.QInt8)
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (folder / VOCABULARY).write_text("".join(f"{word}\n" for word, _ in words), encoding="utf-8")


def _trace(model: PairModel, path: Path) -> None:
    axes = {name: {0: "pairs", 1: "tokens"} for name in ("ids", "segments", "matches")}
    example = torch.ones((2, 12), dtype=torch.long)
    model.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter warns that it is the older of two
        torch.onnx.export(
            model,
            (example, example * 0, example),
            str(path),
            input_names=list(axes),
            output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "pairs"}},
            opset_version=17,
            dynamo=False,
        )
