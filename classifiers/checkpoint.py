"""What a checkpoint's files tell without torch: where it lies, its labels, its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, get_args

from classifiers import DEFAULT, ClassifierError

__all__ = [
    "MAX_WINDOWS", "SCREEN_FILES", "Pooling", "check_loadable", "fingerprint", "folder_of",
    "labels", "pooling", "renamed", "screen_fingerprint",
]  # fmt: skip

Pooling = Literal["max", "mean"]

# Eight of 512 tokens are some 3,000 words or 6,000 characters of Chinese.
MAX_WINDOWS: Final = 8
# One such passage is enough; quality and subject are a matter of the whole.
_BY_MAXIMUM: Final = frozenset({"porn", "politics", "ads", "toxicity"})

# The weights and the description of what decides the clear cases (`classifiers.screen_model`).
SCREEN_FILES: Final = ("screen.safetensors", "screen.json")

_FINGERPRINTED: Final = ("*.safetensors", "config.json", "tokenizer*.json")


@lru_cache(maxsize=8)
def folder_of(name_or_path: str) -> Path:
    """Return the folder of a checkpoint: "default", a local one, or a Hub snapshot.

    Raises ClassifierError where it is neither, or lacks config.json or tokenizer.json.
    """
    folder = _find(name_or_path)
    for path in (folder / "config.json", folder / "tokenizer.json"):
        if not path.is_file():
            raise ClassifierError(
                f"{path}: no such file; save the checkpoint and its fast tokenizer with "
                "save_pretrained and name that folder"
            )
    return folder


def _find(name_or_path: str) -> Path:
    if name_or_path == "default":
        return DEFAULT
    if Path(name_or_path).is_dir():
        return Path(name_or_path)
    # Imported here because most users never name a Hub checkpoint.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(name_or_path, allow_patterns=["*.json", "*.safetensors"])
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ClassifierError(
            f"{name_or_path}: neither a folder nor a Hub checkpoint that can be fetched: {error}"
        ) from error
    return Path(found)


def labels(folder: Path) -> tuple[str, ...]:
    """Return the names of a checkpoint's outputs, in order."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    names = config.get("id2label")
    if not names:
        # transformers' own names, where a config gives none; two outputs is its default.
        return tuple(f"LABEL_{at}" for at in range(int(config.get("num_labels", 2))))
    return tuple(str(names[str(at)]) for at in range(len(names)))


def pooling(
    own: Sequence[str],
    chosen: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> tuple[Pooling, ...]:
    """Return what counts of the scores of a document's windows, for each of the labels `own`.

    The maximum where the checkpoint's own label, or the one given instead by `names` (label: new
    name), is porn, politics, ads or toxicity, whatever its case; the mean for others, unless
    `chosen` says otherwise by either. Raises ClassifierError for a label that is not there, for
    one that is chosen differently by both of its names, and for another word than max and mean.
    """
    chosen, names = chosen or {}, names or {}
    either = [{label, names.get(label, label)} for label in own]
    for label, word in chosen.items():
        if not any(label in both for both in either):
            there = ", ".join(own)
            raise ClassifierError(f"pooling of {label!r}: there are the labels {there}")
        if word not in get_args(Pooling):
            raise ClassifierError(f"pooling of {label!r} is {word!r}; it must be max or mean")
    found: list[Pooling] = []
    for label, both in zip(own, either, strict=True):
        words = {chosen[name] for name in both if name in chosen}
        if len(words) > 1:
            raise ClassifierError(f"pooling of {label!r} is both max and mean; give it once")
        is_known = any(name.lower() in _BY_MAXIMUM for name in both)
        found.append("max" if "max" in words or (not words and is_known) else "mean")
    return tuple(found)


def renamed(own: Sequence[str], names: Mapping[str, str], model: str) -> tuple[str, ...]:
    """Return the labels of `model` with those in `names` (label: new name) renamed.

    Raises ClassifierError for a label that there is not, and where two get the same name.
    """
    for label in names:
        if label not in own:
            near = get_close_matches(label, own, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ClassifierError(f"{model}: has no label {label!r}{hint}; it has {', '.join(own)}")
    found = tuple(names.get(label, label) for label in own)
    if len(set(found)) < len(found):
        raise ClassifierError(f"{model}: two labels would have the same name: {', '.join(found)}")
    return found


def check_loadable(folder: Path) -> None:
    """Raise ClassifierError where a folder's weights are no safetensors: pickles may run code."""
    if not any(path.name not in SCREEN_FILES for path in folder.glob("*.safetensors")):
        old = sorted(path.name for path in folder.glob("*.bin"))
        what = f"only {old[0]}" if old else "no weights"
        raise ClassifierError(
            f"{folder}: cannot be loaded: it has {what}; needed is model.safetensors, which "
            "save_pretrained(folder, safe_serialization=True) of transformers writes"
        )


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 over a checkpoint's weights, configuration and tokenizer.

    Its screen does not count: see `screen_fingerprint`.
    """
    found = {path for glob in _FINGERPRINTED for path in folder.glob(glob)}
    paths = sorted(path for path in found if path.name not in SCREEN_FILES)
    return _remembered(tuple((path, _version(path)) for path in paths))


def _version(path: Path) -> tuple[int, int, int]:
    """Return what tells a file from one that was written in its place."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=8)
def _remembered(files: tuple[tuple[Path, tuple[int, int, int]], ...]) -> str:
    return _digest([path for path, _ in files])


def screen_fingerprint(folder: Path) -> str | None:
    """Return the SHA-256 over a checkpoint's screen, None where it has none."""
    paths = [folder / name for name in SCREEN_FILES]
    return _digest(paths) if all(path.is_file() for path in paths) else None


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
        digest.update(f"{path.name} {content.hexdigest()}\n".encode())
    return digest.hexdigest()
