"""Batches for the tests of stages, and the columns that stages write on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from skypile.schema import empty_outcomes, set_columns
from skypile.stage import Stage
from skypile.stages.book import Book
from skypile.stages.chinese import Chinese
from skypile.stages.code import Code
from skypile.stages.code_lang import CodeLang
from skypile.stages.counts import Counts
from skypile.stages.decontaminate import Decontaminate
from skypile.stages.language import Language
from skypile.stages.lexicon import Lexicon
from skypile.stages.license import License
from skypile.stages.lines import BoilerplateLines, C4Lines, RefinedwebLines
from skypile.stages.normalize import Normalize
from skypile.stages.pii import Pii
from skypile.stages.repetition import Repetition
from skypile.stages.secrets import Secrets
from skypile.stages.url_lists import UrlLists

DATA = Path(__file__).parents[1] / "data"
# It reads nothing but `url`, which the other stages do not know.
URL_LISTS = UrlLists(lists={"bad": (str(DATA / "domains.txt"),)})
URLS = (
    "https://example.com/", "http://www.Example.com:8080/a?b=c", "https://notexample.com/",
    "https://sub.example.org/page", "https://example.org", "a.com/x", "https://b.com/?u=a.com",
    "https://例子.example.com/港口", "ftp://user@a.com/", "not a url", "", None,
)  # fmt: skip

# In an order in which each finds what it reads.
STAGES: tuple[Stage, ...] = (
    Counts(),
    Language(),
    Repetition(),
    Code(),
    CodeLang(),
    License(),
    Chinese(),
    Lexicon(),
    Pii(),
    Secrets(),
    Normalize(),
    Book(),
)
# Stages that read nothing but the text, and rewrite it: each is tried on the text as it was.
REWRITING: tuple[Stage, ...] = (
    BoilerplateLines(),
    RefinedwebLines(),
    C4Lines(),
    Decontaminate(
        sets={"exam": (str(DATA / "exam.jsonl"),)}, mode="passage",
        window_chars=20, min_piece_chars=40,
    ),
)  # fmt: skip


def needed(stage: Stage) -> tuple[Stage, ...]:
    """Return the stages that run before `stage`, so that it finds what it reads."""
    return STAGES[: STAGES.index(stage)] if stage in STAGES else ()


def batch_of(
    texts: Sequence[str], prog_langs: Sequence[str | None] | None = None
) -> pa.RecordBatch:
    """Return open documents with these texts."""
    columns = {
        "text": pa.array(texts, pa.string()),
        "prog_lang": pa.array(prog_langs or [None] * len(texts), pa.string()),
        "record": pa.array([f"doc#{row}" for row in range(len(texts))], pa.string()),
    }
    return pa.RecordBatch.from_pydict(columns | empty_outcomes(len(texts)))


def scored(batch: pa.RecordBatch, stages: Sequence[Stage] = STAGES) -> pa.RecordBatch:
    """Return `batch` with the columns of `stages`, held to what they declare."""
    for stage in stages:
        columns = stage(batch)
        assert {name: each.type for name, each in columns.items()} == stage.writes
        assert all(len(each) == batch.num_rows for each in columns.values())
        batch = set_columns(batch, columns)
    return batch


def scores(text: str, prog_lang: str | None = None) -> dict[str, object]:
    """Return all columns of one document."""
    return scored(batch_of([text], [prog_lang])).to_pylist()[0]


def url_scores() -> list[list[object]]:
    """Return each of URLS with what the stage of lists of URLs says of it."""
    batch = pa.RecordBatch.from_pydict({"url": pa.array(URLS, pa.string())})
    rows = pa.RecordBatch.from_pydict(URL_LISTS(batch)).to_pylist()
    return [[url, row] for url, row in zip(URLS, rows, strict=True)]
