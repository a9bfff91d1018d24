"""onnxruntime, set up once for all models of this room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime


def session(model: bytes | Path, *, threads: int) -> Any | None:
    """A session on the CPU with ``threads`` threads; None when onnxruntime cannot take the model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads that spin would take the cores of the other workers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # noqa: BLE001  onnxruntime's exceptions share no base; the caller says what to do
        return None
