"""GGUF → a directory of safetensors, tokenizer and chat template: `python -m app.models.convert FILE.gguf DIR`.

Its own process, because the weights are held several times over while it works (4.1 GB for 0.5 billion parameters).
"""

import subprocess
import sys
from pathlib import Path

from app.errors import ModelFilesError
from app.process import die_with_parent

MAGIC = b"GGUF"
TAIL = 400
"""Characters of the child's output that an error quotes."""


def convert(gguf: Path, target: Path) -> None:
    """Convert in a child process. Raises ModelFilesError with the end of what it said."""
    done = subprocess.run(  # noqa: S603 - this module with our own arguments
        [sys.executable, "-m", "app.models.convert", str(gguf), str(target)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        preexec_fn=die_with_parent(),
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip()[-TAIL:]
        raise ModelFilesError(f"{gguf.name} cannot be converted: {said}")


def convert_here(gguf: Path, target: Path) -> None:
    """Convert in this process, to float32: the dequantized values as they are, and the fastest type on AVX2.

    Raises ModelFilesError when the file is no GGUF, or has no chat template: no chat could be served.
    """
    with gguf.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ModelFilesError(f"{gguf.name} is not a GGUF file")
    import torch  # noqa: PLC0415 - two seconds
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415 - two seconds

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if not tokenizer.chat_template:
        raise ModelFilesError(f"{gguf.name} has no chat template")
    dense = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=dense, dtype=torch.float32
    )
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


if __name__ == "__main__":
    convert_here(Path(sys.argv[1]), Path(sys.argv[2]))
