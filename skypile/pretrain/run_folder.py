"""The folder of a run, begun or found again: config.yaml, tokenizer.json, log.jsonl, checkpoints/.

A run goes on only with the configuration and the data that it was begun with. What decides nothing
but speed and bookkeeping may change: micro-batches, execution, and how often what is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from skypile.errors import OutputError, RunError, UsageError
from skypile.pretrain.checkpoint import State, checkpoints, newest, read_state
from skypile.pretrain.run_config import RunConfig, load_config
from skypile.pretrain.token_set import TokenSet

__all__ = ["begun", "check_free", "config_of", "found_again", "write_config"]

CONFIG_FILE = "config.yaml"
TOKENIZER_FILE = "tokenizer.json"
_MAY_CHANGE = ("micro_batch_rows", "execution", "checkpoints", "log_every_steps")
_MEANINGS = {
    "tokenizer": "the tokenizer's SHA-256",
    "corpus": "the corpus's digest",
    "streams": "the digest of the streams' sizes and ids",
    "bos": "the token before documents",
    "eos": "the token behind documents",
}


def config_of(run: Path) -> RunConfig:
    """Return the configuration that a run was begun with; raises UsageError."""
    return load_config(str(run / CONFIG_FILE))


def check_free(run: Path) -> None:
    """Raise UsageError where the folder of a new run holds something."""
    # What begins with a dot is what a kill left of a run's first moment.
    if run.exists() and not (run.is_dir() and all(p.name.startswith(".") for p in run.iterdir())):
        hint = "give --resume to go on with it, or another --output"
        what = f"holds a run; {hint}" if (run / CONFIG_FILE).exists() else (
            "holds something else; give another --output")  # fmt: skip
        raise UsageError(f"{run}: {what}")


def begun(run: Path, config: RunConfig, tokens: TokenSet) -> None:
    """Make the folder of a run, or complete that of one gone on with; raises OutputError."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        write_config(run, config)
        if not (run / TOKENIZER_FILE).exists():
            beside = run / f".{TOKENIZER_FILE}.tmp"
            shutil.copyfile(tokens.tokenizer_path, beside)
            beside.replace(run / TOKENIZER_FILE)
    except OSError as error:
        raise OutputError(f"{run}: cannot be written ({error.strerror})") from error


def write_config(run: Path, config: RunConfig) -> None:
    """Write the configuration, beside and renamed; raises OSError."""
    data = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    beside = run / f".{CONFIG_FILE}.tmp"
    beside.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), "utf-8")
    beside.replace(run / CONFIG_FILE)


def found_again(run: Path, config: RunConfig, tokens: TokenSet) -> tuple[Path, State] | None:
    """Return the newest checkpoint of a run with its state, None for one that has none yet.

    Raises UsageError where there is no run, and RunError, which names the difference, where data,
    tokenizer or configuration are not those of the checkpoint.
    """
    if not (run / CONFIG_FILE).is_file():
        raise UsageError(f"--resume: {run} holds no run; leave --resume out to begin one")
    if not checkpoints(run / "checkpoints"):
        return None
    folder = newest(run)
    state = read_state(folder)
    for name, value in tokens.facts.items():
        if state.data.get(name) != value:
            raise RunError(
                f"{folder}: was trained on other data: {_MEANINGS[name]} was "
                f"{str(state.data.get(name))[:16]}, that of {tokens.path} is {value[:16]}; "
                "give the tokens of the run, or begin another"
            )
    for key, before, now in _differences(state.config, config):
        raise RunError(
            f"{folder}: was trained with {key} {before}, the config says {now}; "
            "give the config of the run, or begin another"
        )
    return folder, state


def _differences(before: dict[str, Any], config: RunConfig) -> Iterator[tuple[str, Any, Any]]:
    """Yield the key, and both values, of what may not differ; the guard of a stage may."""
    now = config.model_dump(mode="json", by_alias=True)
    with suppress(ValidationError):
        # Keys that were not known then have the values that they stood for.
        before = RunConfig.model_validate(before).model_dump(mode="json", by_alias=True)
    flat_before, flat_now = dict(_flat(before, "")), dict(_flat(now, ""))
    for key in sorted(flat_before.keys() | flat_now.keys()):
        may = key.split(".")[0] in _MAY_CHANGE or ".guard" in key
        if not may and flat_before.get(key) != flat_now.get(key):
            yield key, flat_before.get(key), flat_now.get(key)


def _flat(data: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _flat(value, f"{key}.{name}" if key else name)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _flat(value, f"{key}.{number}")
    else:
        yield key, data
