"""One run of the default classifier's training: its settings, its model and its steps.

Shape suffixes: B windows of a batch, T positions, H heads.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging as transformers_logging

from classifiers import ClassifierError
from classifiers.checkpoint import check_loadable
from classifiers.data import HEADS
from classifiers.finetune import TEACHER_SHARE
from classifiers.model import load
from classifiers.steps import masked_loss, padded
from classifiers.windows import Frame

__all__ = ["Settings", "Training", "mask_id", "new_model", "special_ids"]

_WARMUP_STEPS: Final = 150
_AVERAGE_DECAY: Final = 0.998


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
            get_ema_multi_avg_fn(decay)(  # type: ignore[no-untyped-call]
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
