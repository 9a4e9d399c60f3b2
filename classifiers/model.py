"""Loading a sequence classifier and scoring documents that are token ids already.

Any Hugging Face AutoModelForSequenceClassification checkpoint with a tokenizer.json will do. Shape
suffixes: D documents, W windows, B windows of one batch, T positions, L labels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForSequenceClassification
from transformers.utils import logging as transformers_logging

from classifiers import DEFAULT, ClassifierError, checkpoint
from classifiers.checkpoint import MAX_WINDOWS, check_loadable, fingerprint, folder_of, renamed
from classifiers.engine import PackedEngine, engine_for
from classifiers.screen_model import Screen, load_screen
from classifiers.windows import Frame, windows

__all__ = [
    "DEFAULT", "Scorer", "WindowScores", "frame_of", "load", "max_tokens_of", "model_of",
]  # fmt: skip

# No window is longer, even where a checkpoint could read thousands of tokens.
_MAX_WINDOW_TOKENS: Final = 512
# Architectures that number positions from padding_idx + 1 on, as fairseq did.
_OFFSET_FAMILIES: Final = frozenset(
    {"camembert", "data2vec-text", "esm", "ibert", "lilt", "longformer", "luke", "mpnet", "roberta",
     "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WindowScores:
    """What the windows of each document score: float32 (documents, labels), and how many there are.

    `pooled` is the maximum for labels whose pooling is max, the mean for others; `other` the
    other one of the two. `count` is int64 (documents,), and so is `scored`: how many of them the
    model itself has scored; the others the screen has decided.
    """

    pooled: np.ndarray
    other: np.ndarray
    count: np.ndarray
    scored: np.ndarray


class Scorer:
    """A loaded checkpoint that scores documents by windows of tokens."""

    labels: tuple[str, ...]
    # As the checkpoint's configuration names them.
    own_labels: tuple[str, ...]
    # What makes scores of logits: sigmoid, softmax or none.
    activation: str
    # Tokens of text that a window holds.
    room: int
    # Whether `start` returns before the scores are there.
    is_asynchronous: bool
    # What decides clear windows; None where the model scores all of them.
    screen: Screen | None
    fingerprint: str
    max_tokens: int
    tokenizer_path: Path

    def __init__(
        self,
        model: torch.nn.Module,
        *,
        tokenizer_path: Path,
        max_tokens: int,
        fingerprint: str = "",
        pooling: Mapping[str, str] | None = None,
        max_windows: int = MAX_WINDOWS,
        labels: Mapping[str, str] | None = None,
        screen: Screen | None = None,
    ) -> None:
        config: Any = model.config
        if max_windows < 2:
            raise ClassifierError(f"max_windows is {max_windows}; it must be 2 or more")
        self.max_windows = max_windows
        self.model = model.eval()
        self.activation = _activation(config)
        own = tuple(str(config.id2label[at]) for at in range(config.num_labels))
        self.own_labels = own
        self.labels = renamed(own, labels or {}, str(tokenizer_path.parent))
        self.max_tokens = max_tokens
        self.fingerprint = fingerprint
        self.tokenizer_path = tokenizer_path
        frame = frame_of(tokenizer_path)
        self.room = max_tokens - frame.count
        self.engine = engine_for(
            self.model,
            frame,
            pad_id=int(getattr(config, "pad_token_id", None) or 0),
            max_tokens=max_tokens,
        )
        self.is_asynchronous = isinstance(self.engine, PackedEngine)
        self.screen = screen
        self.pooling = checkpoint.pooling(own, pooling, labels)
        self._is_max_L = np.array([one == "max" for one in self.pooling])

    def score_ids(self, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return each document's scores, float32 (documents, labels), in the given order.

        `ids` (uint32) holds all documents' tokens end to end, without special tokens, by this
        checkpoint's tokenizer; document d is ids[offsets[d]:offsets[d + 1]] (int64). A document
        longer than one window is scored by up to `max_windows` (`classifiers.windows.windows`); an
        empty one by the special tokens alone. Scores are probabilities (raw values for a regression
        head); over windows the maximum counts for porn, politics, ads and toxicity, else the mean.
        They are a function of the arguments, batching included, for one device and thread count.
        Which windows the screen decides, where there is one, and their scores depend on each window
        alone.
        """
        return self.start(ids, offsets)().pooled

    def start(self, ids: np.ndarray, offsets: np.ndarray) -> Callable[[], WindowScores]:
        """Begin with `score_ids`; the function returned waits for the scores of the windows.

        On CUDA the card works meanwhile, so that the next documents' ids can be made.
        """
        assert offsets.ndim == 1
        assert len(offsets) >= 1
        assert int(offsets[-1]) <= len(ids)
        document_count = len(offsets) - 1
        if document_count == 0:
            nothing, none = np.zeros((0, len(self.labels)), np.float32), np.zeros(0, np.int64)
            return lambda: WindowScores(nothing, nothing, none, none)
        starts_W, lengths_W, documents_W = windows(offsets, self.room, self.max_windows)
        scores_WL = np.empty((len(starts_W), len(self.labels)), np.float32)
        passed_W = np.ones(len(starts_W), bool)
        if self.screen is not None:
            scores_WL = self.screen.estimates(ids, starts_W, lengths_W)
            passed_W = ~self.screen.clear(scores_WL)
        with torch.inference_mode():
            logits = self.engine.start(ids, starts_W[passed_W], lengths_W[passed_W])

        def scores() -> WindowScores:
            scores_WL[passed_W] = self.scores_of(logits())
            return self.pooled(scores_WL, passed_W, documents_W, document_count)

        return scores

    def pooled(
        self,
        scores_WL: np.ndarray,
        passed_W: np.ndarray,
        documents_W: np.ndarray,
        document_count: int,
    ) -> WindowScores:
        """Return what documents score by their windows, which stand next to each other."""
        count_D = np.bincount(documents_W, minlength=document_count)
        first_D = np.cumsum(count_D) - count_D
        largest_DL = np.maximum.reduceat(scores_WL, first_D)
        mean_DL = np.add.reduceat(scores_WL, first_D) / count_D[:, None].astype(np.float32)
        pooled: np.ndarray = np.where(self._is_max_L, largest_DL, mean_DL)
        return WindowScores(
            pooled,
            np.where(self._is_max_L, mean_DL, largest_DL),
            count_D.astype(np.int64),
            np.add.reduceat(passed_W.astype(np.int64), first_D),
        )

    def scores_of(self, logits_WL: np.ndarray) -> np.ndarray:
        """Return the scores that the configuration makes of logits, float32 of the same shape."""
        logits = torch.from_numpy(logits_WL)
        if self.activation == "sigmoid":
            logits = logits.sigmoid()
        elif self.activation == "softmax":
            logits = logits.softmax(dim=-1)
        scores: np.ndarray = logits.numpy()
        return scores


def _activation(config: Any) -> str:
    """Return what makes scores of logits; without a problem_type, as transformers' losses do."""
    problem = config.problem_type or (
        "regression" if config.num_labels == 1 else "single_label_classification"
    )
    return {
        "multi_label_classification": "sigmoid",
        "single_label_classification": "softmax",
        "regression": "none",
    }[problem]


def frame_of(tokenizer_path: Path) -> Frame:
    """Return the ids that go before and after a text, as the tokenizer's own template has them."""
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    bare = tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.encode("a", add_special_tokens=True).ids
    for at in range(len(framed) - len(bare) + 1):
        if framed[at : at + len(bare)] == bare:
            return Frame(tuple(framed[:at]), tuple(framed[at + len(bare) :]))
    raise ClassifierError(f"{tokenizer_path}: its template changes the text's own tokens")


def max_tokens_of(config: Any, folder: Path) -> int:
    """Return the longest window: what positions and tokenizer allow, at most 512."""
    positions = int(getattr(config, "max_position_embeddings", None) or _MAX_WINDOW_TOKENS)
    if positions < 1:  # XLNet and its kin, whose positions are relative, say -1
        positions = _MAX_WINDOW_TOKENS
    if config.model_type in _OFFSET_FAMILIES:
        positions -= int(config.pad_token_id or 0) + 1
    settings = folder / "tokenizer_config.json"
    if settings.is_file():
        limit = json.loads(settings.read_text(encoding="utf-8")).get("model_max_length")
        positions = min(positions, int(limit)) if limit else positions
    return min(positions, _MAX_WINDOW_TOKENS)


def _check_vocabulary(model: torch.nn.Module, tokenizer_path: Path) -> None:
    """Raise ClassifierError where the tokenizer has ids that the model has no vector for."""
    embeddings: Any = model.get_input_embeddings()  # type: ignore[operator]
    entries = Tokenizer.from_file(str(tokenizer_path)).get_vocab(with_added_tokens=True)
    largest = max(entries.values(), default=-1)
    if largest >= embeddings.num_embeddings:
        raise ClassifierError(
            f"{tokenizer_path}: has ids up to {largest}, and the model vectors for "
            f"{embeddings.num_embeddings}; the tokenizer belongs to another checkpoint"
        )


def _config_of(folder: Path) -> Any:
    """Return the configuration; ClassifierError for an architecture that transformers lacks."""
    kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    if kind not in CONFIG_MAPPING:
        raise ClassifierError(
            f"{folder}: transformers has no architecture {kind!r}, and code of a checkpoint's own "
            "is never run; choose another checkpoint, or a newer transformers"
        )
    return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def model_of(folder: Path, *, dtype: torch.dtype, may_lack_head: bool = False) -> torch.nn.Module:
    """Return the sequence classifier of a folder on the CPU, its tokenizer checked against it.

    With `may_lack_head` what the folder has no weights for is drawn at random, by torch's own
    generator; else it is a ClassifierError, as is whatever transformers cannot load.
    """
    check_loadable(folder)
    # A bar on stderr for a load of milliseconds is noise in every worker's log, and that weights
    # are missing is said below.
    transformers_logging.disable_progress_bar()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        config = _config_of(folder)
        model, told = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ClassifierError(f"{folder}: cannot be loaded as a classifier: {error}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    lacking = sorted(told["missing_keys"])
    trunk = f"{model.base_model_prefix}."
    if lacking and (not may_lack_head or all(name.startswith(trunk) for name in lacking)):
        raise ClassifierError(
            f"{folder}: has no weights for {', '.join(lacking[:3])}: it is not trained to "
            f"classify; train it first: skypile train-classifier DATA --base {folder} --output DIR"
        )
    _check_vocabulary(model, folder / "tokenizer.json")
    found: torch.nn.Module = model
    return found


def load(
    name_or_path: str | Path,
    *,
    labels: Mapping[str, str] | None = None,
    threads: int | None = None,
    device: str | None = None,
    pooling: Mapping[str, str] | None = None,
    max_windows: int = MAX_WINDOWS,
    cascade: bool = True,
) -> Scorer:
    """Return a Scorer for "default" (the shipped weights), a folder, or a Hub id.

    Any AutoModelForSequenceClassification with model.safetensors and tokenizer.json will do: BERT,
    RoBERTa, XLM-R, ELECTRA, ModernBERT and others. `labels` renames outputs ({"LABEL_1": "porn"});
    `pooling` maps labels, by either name, to "max" or "mean" over a document's windows, of which
    there are `max_windows` at the most; without, `classifiers.checkpoint.pooling` decides. Where
    the folder has a screen, clear windows are left to it, unless `cascade` is false. fp32 on the
    CPU, bf16 on CUDA, which is taken where present unless `device` says otherwise. `threads` sets
    torch's threads for the process. Code from a checkpoint never runs. Raises ClassifierError,
    which says what to do, for a checkpoint that lacks one of the files or a trained head, whose
    tokenizer or screen is another's, or that has no such label.
    """
    folder = folder_of(str(name_or_path))
    if threads is not None:
        torch.set_num_threads(threads)
    screen = load_screen(folder) if cascade else None
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    model = model_of(folder, dtype=torch.bfloat16 if place.startswith("cuda") else torch.float32)
    return Scorer(
        model.to(place),
        tokenizer_path=folder / "tokenizer.json",
        max_tokens=max_tokens_of(model.config, folder),
        fingerprint=fingerprint(folder),
        pooling=pooling,
        max_windows=max_windows,
        labels=labels,
        screen=screen,
    )
