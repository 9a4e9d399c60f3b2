"""A checkpoint as a folder that Hugging Face's LlamaForCausalLM loads.

The weights have its names and its layout already; what is added is config.json,
generation_config.json, and the run's tokenizer.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from skypile.errors import InputError, OutputError, UsageError
from skypile.pretrain.checkpoint import newest, read_state
from skypile.pretrain.config import ModelConfig
from skypile.pretrain.run_config import RunConfig
from skypile.pretrain.run_folder import TOKENIZER_FILE
from skypile.pretrain.tensors_file import write_tensors

__all__ = ["exported", "hugging_face_config"]


def hugging_face_config(config: ModelConfig, *, bos: int | None, eos: int | None) -> dict[str, Any]:
    """Return the content of config.json; transformers 4 and 5 both read `rope_theta`."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": config.vocabulary_count,
        "hidden_size": config.width,
        "intermediate_size": config.ff_width,
        "num_hidden_layers": config.layer_count,
        "num_attention_heads": config.head_count,
        "num_key_value_heads": config.kv_head_count,
        "head_dim": config.head_width,
        "max_position_embeddings": config.context_tokens,
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_epsilon,
        "tie_word_embeddings": config.tied_embeddings,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "float32",
        "bos_token_id": bos,
        "eos_token_id": eos,
    }


def exported(run: Path, output: Path) -> Path:
    """Write the newest checkpoint of `run` (or `run`, being one) to `output`; return what it was.

    The folder is written beside and renamed. Raises UsageError where `output` holds something,
    InputError where the run cannot be read, OutputError where `output` cannot be written.
    """
    if output.exists():
        raise UsageError(f"{output}: is there already; give another --output")
    folder = newest(run)
    root = folder.parent.parent
    state = read_state(folder)
    config = RunConfig.model_validate(state.config).model
    try:
        weights = load_file(folder / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder}: is damaged ({error})") from error
    try:
        text = (root / TOKENIZER_FILE).read_text("utf-8")
    except OSError as error:
        raise InputError(
            f"{root / TOKENIZER_FILE}: cannot be read ({error.strerror}); give the run's folder"
        ) from error
    special = special_tokens(text, state.data)
    beside = output.with_name(f".{output.name}.tmp-{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        write_tensors(beside / "model.safetensors", weights)
        (beside / "tokenizer.json").write_text(text, "utf-8")
        for name, data in _json_files(config, special).items():
            (beside / name).write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        beside.rename(output)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def special_tokens(tokenizer: str, data: dict[str, str]) -> dict[str, tuple[str, int] | None]:
    """Return text and id of the tokens before and behind documents, None for none."""
    entries = {one["content"]: one["id"] for one in json.loads(tokenizer).get("added_tokens", [])}
    found: dict[str, tuple[str, int] | None] = {}
    for name in ("bos", "eos"):
        token = data.get(name) or ""
        found[name] = (token, entries[token]) if token in entries else None
    return found


def _json_files(
    config: ModelConfig, special: dict[str, tuple[str, int] | None]
) -> dict[str, dict[str, Any]]:
    ids = {name: found[1] if found else None for name, found in special.items()}
    texts = {f"{name}_token": found[0] for name, found in special.items() if found}
    return {
        "config.json": hugging_face_config(config, **ids),
        "generation_config.json": {
            f"{name}_token_id": number for name, number in ids.items() if number is not None
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False,
            "model_max_length": config.context_tokens, **texts,
        },
    }  # fmt: skip
