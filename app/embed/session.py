"""How onnxruntime runs every model of ours: beside an engine, on the processor."""

from pathlib import Path
from typing import Any

import onnxruntime

ERRORS_ONLY = 3


def open_session(model: bytes | Path, threads: int) -> Any:
    """An ONNX model, or the file of one, on `threads` of the processor."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = ERRORS_ONLY
    # spinning threads would take a core from the engine between two requests
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
