"""The card of a warmed-up encoder: what it is, what it was trained on, how well it predicts."""

from __future__ import annotations

from dataclasses import asdict

from classifiers.pretraining import Progress, Settings
from classifiers.rows import Corpus

__all__ = ["card"]

_CARD = """\
---
language: [en, zh]
library_name: transformers
pipeline_tag: fill-mask
---

# A small bilingual encoder, warmed up

A masked language model trained from random weights, to be fine-tuned as a classifier:
`AutoModelForSequenceClassification.from_pretrained` takes the trunk and adds a new head. It scores
nothing by itself.{unfinished}

- Architecture: {architecture}, {sizes}; {vocabulary_size:,} entries of byte-level BPE; fp16.
- Training: {tokens:,} tokens ({epochs:.1f} times the training text) in {steps:,} steps of
  {batch_tokens:,} tokens, {seconds:,.0f} s; seed {seed}, AdamW (0.9, 0.98), weight decay 0.01 on
  matrices, peak rate {rate:g}, warm-up, stable, linear decay to zero; dropout {dropout:g}; bf16
  arithmetic over fp32 weights. The schedule followed {pace}.
- Task: {masked:.0%} of the tokens hidden, a word of Latin letters or a character as a whole: 80 %
  of them by the mask token, 10 % by a random one, 10 % left; other ones in each epoch.
- Rows of {positions} tokens: texts end to end, with SEP and CLS between two. Tokens attend across
  that border.

## Held-out text

0.5 % of the texts, chosen by a hash of the text, are not trained on. Other texts of the same
sources are, and so may be another part of the same book.

| group | hidden tokens | loss (nats) | accuracy |
|---|---|---|---|
{held_out}

## Training text

English, Chinese (modern, classical, mixed with English) and code. Only rows under MIT, Apache-2.0,
BSD, CC-BY, CC-BY-SA or CC0 or in the public domain; none with a non-commercial or no-derivatives
clause, none for research only, none under GPL, MPL or EPL or of unclear terms
(`classifiers.rows.may_warm_up_on` decides). No labelled data. A text that stands in several rows
counts once.

| source | licence | texts | MB |
|---|---|---|---|
{sources}
"""


def card(settings: Settings, rows: Corpus, progress: Progress, vocabulary_size: int) -> str:
    """Return the card as Markdown, in the same order for the same run."""
    sizes = asdict(settings.shape)
    held_out = [
        f"| {group} | {scores.tokens} | {scores.loss:.4f} | {scores.accuracy:.4f} |"
        for group, scores in progress.held_out.items()
    ]
    sources = [
        f"| {name} | {source.license} | {source.documents} | {source.text_bytes / 1e6:.1f} |"
        for name, source in rows.sources.items()
    ]
    return _CARD.format(
        unfinished=""
        if progress.is_finished
        else "\n\n**This run was cut off before its learning rate had come down.**",
        architecture=settings.architecture,
        sizes=", ".join(f"{name} {size}" for name, size in sizes.items()),
        vocabulary_size=vocabulary_size,
        tokens=progress.tokens,
        epochs=progress.epochs,
        steps=progress.steps,
        batch_tokens=progress.tokens // progress.steps,
        seconds=progress.seconds,
        seed=settings.seed,
        rate=settings.rate,
        dropout=settings.dropout,
        pace="the clock, so that a second run differs" if settings.steps is None else "the steps",
        masked=settings.masked_frac,
        positions=settings.shape.positions,
        held_out="\n".join(held_out) or "| none | 0 | | |",
        sources="\n".join(sources),
    )
