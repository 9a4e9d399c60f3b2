"""Training of the default classifier from the warmed-up encoder, on a CPU or a GPU.

`python -m classifiers.train --data DIR --output DIR`. The folders DIR/labels, DIR/corpus and
DIR/lexicons are read; the output folder must hold the tokenizer. Shape suffixes: B windows of a
batch, T positions, H heads.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging as transformers_logging

from classifiers import ClassifierError
from classifiers.checkpoint import check_loadable
from classifiers.data import HEADS, Document, labelled_documents
from classifiers.evaluate import LANGUAGES, evaluation, table, write_metrics
from classifiers.finetune import TEACHER_SHARE
from classifiers.model import Scorer, load, max_tokens_of
from classifiers.plan import Group, epoch_windows, training_documents, training_groups
from classifiers.rows_file import read_documents, write_documents
from classifiers.steps import batches, masked_loss, padded
from classifiers.windows import Frame

__all__ = ["Settings", "Training", "batches", "main", "masked_loss", "new_model", "save", "train"]

WARM: Final = Path(__file__).parent / "weights" / "warm"
_WARMUP_STEPS: Final = 150
_AVERAGE_DECAY: Final = 0.998
_DEV_CAP: Final = 80
# The choice of the epoch needs no more than the first and the last window of a document.
_CHOICE_WINDOWS: Final = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is a function of, besides its data, the base and the tokenizer."""

    seed: int
    epochs: int
    layers: int
    rate: float
    weak: int
    windows: float
    max_tokens: int
    threads: int
    without: tuple[str, ...] = ()
    run: int = 0
    batch_tokens: int = 4_096
    dropout: float = 0.0
    teachers: tuple[str, ...] = ()
    hidden: float = 0.0

    @property
    def order_seed(self) -> int:
        """Return the seed of the windows, their order and the dropout: another one in each run."""
        return self.seed + 1_000_003 * self.run


def new_model(base: Path, layer_count: int, dropout: float = 0.0) -> PreTrainedModel:
    """Return the first layers of a warmed-up encoder with one untrained sigmoid output a head.

    Raises ClassifierError where the folder has fewer layers, or none at all.
    """
    check_loadable(base)
    config = AutoConfig.from_pretrained(base, trust_remote_code=False)
    if not 1 <= layer_count <= config.num_hidden_layers:
        raise ClassifierError(
            f"--layers {layer_count}: {base} has {config.num_hidden_layers}; take 1 to as many"
        )
    config.num_hidden_layers = layer_count
    config.hidden_dropout_prob = dropout
    config.problem_type = "multi_label_classification"
    config.id2label = dict(enumerate(HEADS))
    config.label2id = {name: at for at, name in enumerate(HEADS)}
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # that the outputs are new is no news here
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        base, config=config, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
    )
    return model


def _has_fast_bf16(device: torch.device) -> bool:
    """Say whether bf16 is faster than fp32: on a CPU without its instructions it is 7 to 17 times
    slower.
    """
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()


def special_ids(tokenizer: Tokenizer, folder: Path) -> tuple[int, int, int]:
    """Return the ids of CLS, SEP and PAD as tokenizer_config.json names them."""
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    found = [tokenizer.token_to_id(settings[f"{name}_token"]) for name in ("cls", "sep", "pad")]
    cls_id, sep_id, pad_id = found
    if cls_id is None or sep_id is None or pad_id is None:
        raise ClassifierError(f"{folder}/tokenizer_config.json names tokens the tokenizer lacks")
    return cls_id, sep_id, pad_id


def mask_id(tokenizer: Tokenizer, folder: Path) -> int:
    """Return the id of the mask token that tokenizer_config.json names."""
    name = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))["mask_token"]
    found = tokenizer.token_to_id(name)
    if found is None:
        raise ClassifierError(f"{folder}/tokenizer_config.json names a mask token it lacks")
    return found


def _teacher(name: str, device: torch.device) -> torch.nn.Module:
    """Return a teacher; ClassifierError where its heads are not `HEADS`, in their order."""
    scorer = load(name, device=device.type, cascade=False)
    if tuple(scorer.labels) != HEADS:
        raise ClassifierError(
            f"--teacher {name}: its heads are {', '.join(scorer.labels)}, not {', '.join(HEADS)}"
        )
    return scorer.model.eval()


def _dev_sample(documents: Sequence[Document]) -> list[Document]:
    """Return at most `_DEV_CAP` dev documents of each (head, language, label), first come."""
    taken: Counter[tuple[int, str, float]] = Counter()
    sample = []
    for doc in documents:
        keys = [(at, doc.lang, x) for at, x in enumerate(doc.labels) if x == x]
        if any(taken[key] < _DEV_CAP for key in keys):
            sample.append(doc)
            taken.update(keys)
    return sample


def mean_auc(result: dict[str, Any]) -> float:
    """Return the plain mean of the AUCs of all heads and languages of an evaluation."""
    values = [groups[x]["auc"] for groups in result.values() for x in LANGUAGES if x in groups]
    return float(np.mean(values))


class Training:
    """The state of one run: the model, the running average of its weights, the optimizer."""

    def __init__(self, folder: Path, base: Path, settings: Settings) -> None:
        self.settings = settings
        self.tokenizer_path = folder / "tokenizer.json"
        if self.tokenizer_path.read_bytes() != (base / "tokenizer.json").read_bytes():
            raise ClassifierError(
                f"{self.tokenizer_path} is not the tokenizer that {base} was trained with; "
                "copy tokenizer.json and tokenizer_config.json from there"
            )
        tokenizer = Tokenizer.from_file(str(self.tokenizer_path))
        self._special = special_ids(tokenizer, folder)
        self._mask_id = mask_id(tokenizer, folder)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._is_bf16 = _has_fast_bf16(self._device)
        torch.manual_seed(settings.seed)
        self.model = new_model(base, settings.layers, settings.dropout).to(self._device)
        self._teachers = [_teacher(name, self._device) for name in settings.teachers]
        torch.manual_seed(settings.order_seed)
        self.average = copy.deepcopy(self.model)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=settings.rate,
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        )
        self.step_count = 0

    def step(
        self, windows: Sequence[np.ndarray], labels: np.ndarray, *, all_steps: int
    ) -> torch.Tensor:
        """Take one step (warm-up, then linearly to zero); return the loss, left on the device."""
        rate = min(1.0, (self.step_count + 1) / _WARMUP_STEPS) * (1 - self.step_count / all_steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate * rate
        cls_id, sep_id, pad_id = self._special
        ids_BT, mask_BT = padded(windows, Frame((cls_id,), (sep_id,)), pad_id)
        ids_BT, mask_BT = self._partly_hidden(ids_BT.to(self._device)), mask_BT.to(self._device)
        labels_BH = torch.from_numpy(labels).to(self._device)
        # The loss is computed in fp32.
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._is_bf16):
            logits_BH = self.model(input_ids=ids_BT, attention_mask=mask_BT).logits
            labels_BH = self._taught(labels_BH, ids_BT, mask_BT)
        loss = masked_loss(logits_BH.float(), labels_BH)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step_count += 1
        decay = min(_AVERAGE_DECAY, (1 + self.step_count) / (10 + self.step_count))
        with torch.no_grad():
            get_ema_multi_avg_fn(decay)(
                list(self.average.parameters()), list(self.model.parameters()), self.step_count
            )
        return loss.detach()

    def _partly_hidden(self, ids_BT: torch.Tensor) -> torch.Tensor:
        """Return the ids with a share of the text's own tokens in place of which the mask stands.

        A model that cannot rely on any single word learns more of them; the warm-up has known the
        mask token already.
        """
        if self.settings.hidden == 0:
            return ids_BT
        is_hidden_BT = torch.rand(ids_BT.shape, device=ids_BT.device) < self.settings.hidden
        for special in self._special:
            is_hidden_BT &= ids_BT != special
        return ids_BT.masked_fill(is_hidden_BT, self._mask_id)

    def _taught(
        self, labels_BH: torch.Tensor, ids_BT: torch.Tensor, mask_BT: torch.Tensor
    ) -> torch.Tensor:
        """Return the labels mixed by halves with the teachers' mean, which stands for unknown ones.

        Hinton et al. 2015, at temperature 1.
        """
        if not self._teachers:
            return labels_BH
        with torch.no_grad():
            told_BH = torch.stack(
                [
                    teacher(input_ids=ids_BT, attention_mask=mask_BT).logits.float().sigmoid()
                    for teacher in self._teachers
                ]
            ).mean(dim=0)
        mixed_BH = (1 - TEACHER_SHARE) * labels_BH + TEACHER_SHARE * told_BH
        return torch.where(torch.isnan(labels_BH), told_BH, mixed_BH)

    def score(self, dev: Sequence[Document]) -> float:
        """Return the mean AUC of the averaged weights on dev documents and print the table."""
        scorer = Scorer(
            self.average,
            tokenizer_path=self.tokenizer_path,
            max_tokens=max_tokens_of(self.average.config, self.tokenizer_path.parent),
            max_windows=_CHOICE_WINDOWS,
        )
        result = evaluation(scorer, dev)
        print(table(result), flush=True)
        return mean_auc(result)


def train(
    groups: Sequence[Group],
    dev: Sequence[Document],
    folder: Path,
    settings: Settings,
    base: Path = WARM,
) -> list[dict[str, Any]]:
    """Train, leave the averaged weights of the epoch best on `dev` in `folder`, return the log."""
    training = Training(folder, base, settings)
    epochs = []
    for epoch in range(settings.epochs):
        seed = settings.order_seed
        windows, labels = epoch_windows(groups, settings.max_tokens - 2, seed, epoch)
        lengths = np.array([len(window) for window in windows])
        rng = np.random.default_rng((seed, epoch, 1))
        plan = list(batches(lengths, rng, settings.batch_tokens, _most_windows(settings)))
        epochs.append((windows, labels, plan))
    all_steps = sum(len(plan) for _, _, plan in epochs)
    log: list[dict[str, Any]] = []
    begin, best = time.monotonic(), -1.0
    for epoch, (windows, labels, plan) in enumerate(epochs):
        training.model.train()
        losses = []
        for rows in plan:
            batch = [windows[row] for row in rows]
            losses.append(training.step(batch, labels[rows], all_steps=all_steps))
            if training.step_count % 100 == 0:
                loss = _finite(float(torch.stack(losses[-100:]).mean()), training)
                print(
                    f"epoch {epoch} step {training.step_count}/{all_steps} "
                    f"loss {loss:.4f} {time.monotonic() - begin:.0f} s",
                    flush=True,
                )
        entry = {
            "loss": round(_finite(float(torch.stack(losses).mean()), training), 4),
            "tokens": sum(len(window) + 2 for window in windows),
            "steps": len(plan),
            "dev_sample_mean_auc": round(training.score(dev), 4),
        }
        log.append(entry)
        print(f"epoch {epoch}: {entry}", flush=True)
        if entry["dev_sample_mean_auc"] > best:
            best = entry["dev_sample_mean_auc"]
            save(training.average, folder)
    return log


def _finite(loss: float, training: Training) -> float:
    if not math.isfinite(loss):
        raise ClassifierError(
            f"step {training.step_count}: the loss is {loss}; lower --rate {training.settings.rate}"
        )
    return loss


def _most_windows(settings: Settings) -> int:
    """Return how many windows a batch may have: as `steps.batches` has by default at 4,096 tokens,
    in proportion.
    """
    return max(1, settings.batch_tokens // 32)


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write config.json and model.safetensors (fp16), each beside its name and then renamed."""
    transformers_logging.disable_progress_bar()
    beside = folder / ".part"
    beside.mkdir(exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(beside)
    for name in ("config.json", "model.safetensors"):
        (beside / name).chmod(0o644)  # safetensors writes files that only their owner can read
        (beside / name).replace(folder / name)
    for left in beside.iterdir():
        left.unlink()
    beside.rmdir()


def _sources(documents: Sequence[Document]) -> dict[str, dict[str, Any]]:
    """Return, per source and licence, how many documents and how many labels of each head."""
    found: dict[str, dict[str, Any]] = {}
    for doc in documents:
        entry = found.setdefault(
            doc.source, {"license": doc.license, "documents": 0, **{name: [0, 0] for name in HEADS}}
        )
        entry["documents"] += 1
        for name, label in zip(HEADS, doc.labels, strict=True):
            if label == label:
                entry[name][int(label)] += 1
    return dict(sorted(found.items()))


def _settings(argv: Sequence[str] | None) -> tuple[Settings, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="classifiers.train", description=main.__doc__)
    parser.add_argument("--data", type=Path, help="holds labels, corpus, lexicons")
    parser.add_argument("--rows", type=Path, help="a file that keeps the rows made of --data; where "
        "it is there already they come from it, and --data is not read")  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, help="holds tokenizer*.json")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--base", type=Path, default=WARM, help="the encoder to start from")
    parser.add_argument("--layers", type=int, default=3, help="how many of its layers, from below")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    parser.add_argument("--weak", type=int, default=4000, help="composed documents of each kind")
    parser.add_argument("--windows", type=float, default=1.0, help="share of the planned windows")
    parser.add_argument("--max-tokens", type=int, default=512, help="of a window, with CLS and SEP")
    parser.add_argument("--without", nargs="*", default=[], help="sources not to train on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--run", type=int, default=0, help="another order, the same rows and start")
    parser.add_argument("--batch-tokens", type=int, default=4_096)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--hidden", type=float, default=0.0, help="share of tokens masked")
    parser.add_argument(
        "--teacher", nargs="*", default=[], help="folders of trained six-head models"
    )
    args = parser.parse_args(argv)
    settings = Settings(
        seed=args.seed,
        epochs=args.epochs,
        layers=args.layers,
        rate=args.rate,
        weak=args.weak,
        windows=args.windows,
        max_tokens=args.max_tokens,
        threads=args.threads,
        without=tuple(args.without),
        run=args.run,
        batch_tokens=args.batch_tokens,
        dropout=args.dropout,
        teachers=tuple(args.teacher),
        hidden=args.hidden,
    )
    return settings, args


def _documents(
    args: argparse.Namespace, settings: Settings
) -> tuple[list[Document], list[Document]]:
    """Return the rows to train on and the dev rows, from --rows where that is a file."""
    made_of = {"seed": settings.seed, "weak": settings.weak, "without": list(settings.without)}
    if args.rows is not None and args.rows.is_file():
        parts = read_documents(args.rows, made_of)
        return parts["train"], parts["dev"]
    if args.data is None:
        raise ClassifierError("--data: name the folder that holds labels, corpus and lexicons")
    documents = training_documents(args.data, settings.seed, settings.weak, settings.without)
    dev = labelled_documents(args.data, "dev", cross=False)
    if args.rows is not None:
        write_documents(args.rows, {"train": documents, "dev": dev}, made_of)
    return documents, dev


def main(argv: Sequence[str] | None = None) -> int:
    """Train the classifier on the folder's labels and write fp16 weights, config and metrics."""
    settings, args = _settings(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(settings.threads)
    begin = time.monotonic()
    try:
        documents, dev = _documents(args, settings)
        tokenizer = Tokenizer.from_file(str(args.output / "tokenizer.json"))
        groups = training_groups(documents, tokenizer, settings.windows)
        print(f"{len(documents)} documents after {time.monotonic() - begin:.0f} s", flush=True)
        log = train(groups, _dev_sample(dev), args.output, settings, args.base)
        result = evaluation(load(args.output), dev)
    except ClassifierError as error:
        print(f"classifiers.train: {error}")
        return 1
    training = {
        **asdict(settings),
        "epochs": log,
        "windows_per_epoch": {group.name: group.draw_count for group in groups},
        "sources": _sources(documents),
    }
    write_metrics(args.output, {"training": training, "dev": result})
    print(table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
