"""Tensors written as safetensors one after the other: no second copy, and plain OSErrors.

The library's own writer answers a full disk by an error of its own without the system's reason.
The format (huggingface.co/docs/safetensors): the length of a JSON header as 8 little-endian bytes,
the header (name -> dtype, shape, first and last byte), and the tensors' bytes end to end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch

__all__ = ["write_tensors"]


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write float32 tensors of the CPU in order of their names, forced to disk; raises OSError."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for name in sorted(tensors):
        assert tensors[name].dtype == torch.float32
        end = place + tensors[name].numel() * 4
        header[name] = {
            "dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [place, end],
        }  # fmt: skip
        place = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(tensors):
            stream.write(tensors[name].contiguous().numpy().astype("<f4", copy=False).data)
        stream.flush()
        os.fsync(stream.fileno())
