"""The output layer of a sequence classifier: replaced for other heads, calibrated in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from classifiers import ClassifierError
from classifiers.measures import Platt

__all__ = ["fold", "output_layer", "with_heads"]


def output_layer(model: Any) -> tuple[nn.Module, str, nn.Linear]:
    """Return the module that holds the output layer, its name there, and the layer.

    It is the last linear layer with as many outputs as the model has labels. Raises ClassifierError
    where there is none, or it has no bias.
    """
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.out_features == model.config.num_labels
    ]
    if not found or found[-1][1].bias is None:
        raise ClassifierError(
            f"{type(model).__name__}: has no output layer with a bias, as encoders have; choose "
            "a BERT, RoBERTa, XLM-R, ELECTRA or ModernBERT as --base"
        )
    path, layer = found[-1]
    parent, _, name = path.rpartition(".")
    return model.get_submodule(parent), name, layer


def with_heads(model: Any, heads: Sequence[str]) -> Any:
    """Give a model one sigmoid output for each of `heads`; return it.

    Outputs that it already has under one of these names keep their weights, others start at random
    as its configuration has it (torch's own generator).
    """
    config = model.config
    parent, name, old = output_layer(model)
    new = nn.Linear(old.in_features, len(heads))
    nn.init.normal_(new.weight, std=float(getattr(config, "initializer_range", None) or 0.02))
    nn.init.zeros_(new.bias)
    if config.problem_type == "multi_label_classification":
        own = [str(config.id2label[at]) for at in range(config.num_labels)]
        with torch.no_grad():
            for at, head in enumerate(heads):
                if head in own:
                    new.weight[at] = old.weight[own.index(head)]
                    new.bias[at] = old.bias[own.index(head)]
    setattr(parent, name, new)
    config.id2label = dict(enumerate(heads))
    config.label2id = {head: at for at, head in enumerate(heads)}
    config.problem_type = "multi_label_classification"
    model.num_labels = len(heads)
    return model


def fold(model: Any, calibrations: Sequence[Platt]) -> None:
    """Make the outputs those that the calibrations (one for each head) make of them.

    A slope and an offset of a logit are a slope and an offset of the output layer's weights, so the
    checkpoint is calibrated for whoever loads it.
    """
    layer = output_layer(model)[2]
    slope = torch.tensor([one.slope for one in calibrations]).to(layer.weight)
    offset = torch.tensor([one.offset for one in calibrations]).to(layer.weight)
    with torch.no_grad():
        layer.weight.mul_(slope[:, None])
        layer.bias.mul_(slope).add_(offset)
