"""One entry loads any architecture, renames labels, and says what a checkpoint lacks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint, write_tokenizer
from tokenizers import Tokenizer
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertModel,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

import classifiers
from classifiers import ClassifierError

_SHAPE = {
    "vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 24, "initializer_range": 0.4, "num_labels": 2,
    "problem_type": "multi_label_classification",
}  # fmt: skip
# All have windows of 20 tokens; RoBERTa and its kin count positions from the padding id plus one.
_CONFIGS = {
    "bert": BertConfig(**_SHAPE, max_position_embeddings=20, pad_token_id=0),
    "electra": ElectraConfig(
        **_SHAPE, embedding_size=8, max_position_embeddings=20, pad_token_id=0
    ),
    "roberta": RobertaConfig(**_SHAPE, max_position_embeddings=22, pad_token_id=1),
    "xlm-roberta": XLMRobertaConfig(**_SHAPE, max_position_embeddings=24, pad_token_id=3),
    "modernbert": ModernBertConfig(
        **_SHAPE, max_position_embeddings=20, pad_token_id=0, cls_token_id=1, sep_token_id=2,
        bos_token_id=1, eos_token_id=2,
    ),
}  # fmt: skip
_TEXTS = ("the bridge of the town", "casino", "", "赌场bonus点击 now " * 4)


@pytest.mark.parametrize("name", _CONFIGS)
def test_every_family_scores_as_plain_transformers_does(name: str, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "m", _CONFIGS[name])
    scorer = classifiers.load(folder, device="cpu", labels={"LABEL_1": "porn"})
    assert (scorer.labels, scorer.max_tokens) == (("LABEL_0", "porn"), 20)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in _TEXTS]
    offsets = np.cumsum([0, *map(len, ids)])
    found = scorer.score_ids(np.concatenate(ids).astype(np.uint32), offsets)

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    plain = AutoTokenizer.from_pretrained(folder)
    for text, row in zip(_TEXTS[:3], found, strict=False):
        with torch.inference_mode():
            inputs = plain(text, return_tensors="pt")
            logits = model(inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
        np.testing.assert_allclose(row, logits.sigmoid()[0].numpy(), atol=1e-5)
    # Two windows of 18 tokens and the special ones: the mean of one label, the maximum of porn.
    with torch.inference_mode():
        windows = torch.tensor(
            [[*_framed(tokenizer, part)] for part in (ids[3][:18], ids[3][-18:])]
        )
        scores = model(windows).logits.sigmoid().numpy()
    np.testing.assert_allclose(found[3], [scores[:, 0].mean(), scores[:, 1].max()], atol=1e-5)


def _framed(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    first, last = (tokenizer.token_to_id(name) for name in ("<s>", "</s>"))
    return [first, *ids, last]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "m", _CONFIGS["bert"])


def test_an_unknown_label_is_named_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ClassifierError, match=r"no label 'LABEL1'; did you mean 'LABEL_1'\?"):
        classifiers.load(folder, device="cpu", labels={"LABEL1": "porn"})
    with pytest.raises(ClassifierError, match="two labels would have the same name"):
        classifiers.load(folder, device="cpu", labels={"LABEL_1": "LABEL_0"})


def test_a_checkpoint_that_was_never_trained_to_classify_is_refused(folder: Path) -> None:
    BertModel(_CONFIGS["bert"]).save_pretrained(folder)
    with pytest.raises(ClassifierError, match=r"no weights for classifier.*train-classifier DATA"):
        classifiers.load(folder, device="cpu")


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ClassifierError, match=r"only pytorch_model\.bin; needed is"):
        classifiers.load(folder, device="cpu")


def test_code_of_a_checkpoints_own_never_runs(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('ran')\n")
    with pytest.raises(ClassifierError, match=r"no architecture 'own'.*never run"):
        classifiers.load(folder, device="cpu")


def test_a_tokenizer_of_another_checkpoint_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    config = BertConfig(**_SHAPE | {"vocab_size": 30}, max_position_embeddings=20)
    model = AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(folder)
    write_tokenizer(folder, pad=0)
    with pytest.raises(ClassifierError, match=r"has ids up to \d+, and the model vectors for 30"):
        classifiers.load(folder, device="cpu")
