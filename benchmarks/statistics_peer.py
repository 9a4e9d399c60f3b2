"""Compute datatrove's statistics of documents; started by statistics_speed.py in its environment.

Reads from standard input one line with a JSON list of texts and their language, then a line `words`
or `own` for each pass: datatrove's filters run on words at white space, or on those of its own
tokeniser, all thresholds set so that no filter ends early. Answers with CPU-seconds for `words` and
`own`, and for `facts` with the statistics that skypile defines alike.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Document: Any = importlib.import_module("datatrove.data").Document
FILTERS: Any = importlib.import_module("datatrove.pipeline.filters")
NAMES = ("gopher_quality_filter", "gopher_repetition_filter", "fineweb_quality_filter")
MODULES: list[Any] = [importlib.import_module(f"{FILTERS.__name__}.{name}") for name in NAMES]
OWN = [module.split_into_words for module in MODULES]
NEVER = 1e9


def filters(language: str, *, sentences: bool) -> list[Any]:
    """Return the filters, none of which rejects anything before its last rule."""
    found: list[Any] = [
        FILTERS.GopherQualityFilter(
            min_doc_words=-1, max_doc_words=NEVER, min_avg_word_length=-1,
            max_avg_word_length=NEVER, max_symbol_word_ratio=NEVER, max_bullet_lines_ratio=NEVER,
            max_ellipsis_lines_ratio=NEVER, max_non_alpha_words_ratio=-1, min_stop_words=-1,
            language=language,
        ),
        FILTERS.GopherRepetitionFilter(
            NEVER, NEVER, NEVER, NEVER, tuple((n, NEVER) for n in (2, 3, 4)),
            tuple((n, NEVER) for n in range(5, 11)), language=language,
        ),
        FILTERS.FineWebQualityFilter(
            line_punct_thr=-1, short_line_thr=NEVER, char_duplicates_ratio=NEVER,
            new_line_ratio=NEVER, language=language,
        ),
    ]  # fmt: skip
    if sentences:
        # It rewrites the text, so it comes last.
        found.append(
            FILTERS.C4QualityFilter(
                remove_citations=False, filter_no_terminal_punct=False, min_num_sentences=-1,
                min_words_per_line=-1, max_word_length=-1, filter_lorem_ipsum=False,
                filter_javascript=False, filter_curly_bracket=False, filter_policy=False,
                language=language,
            )
        )  # fmt: skip
    return found


def facts(text: str) -> dict[str, float]:
    """Return what datatrove's filters compute and skypile defines alike, on words at white space.

    The expressions are those within the filters, where they have no function of their own.
    """
    words = text.split()
    lines = [line for line in text.split("\n") if line.strip() != ""]
    stripped = [line.strip() for line in lines]
    dup_lines, dup_chars = MODULES[1].find_duplicates(stripped)
    return {
        "words_count": len(words),
        "word_mean_chars": sum(len(word) for word in words) / max(len(words), 1),
        "hash_word_frac": text.count("#") / max(len(words), 1),
        "newline_word_ratio": text.count("\n") / max(len(words), 1),
        "line_upto_30_frac": sum(len(line) <= 30 for line in stripped) / max(len(lines), 1),
        "dup_line_frac": dup_lines / max(len(lines), 1),
        "dup_line_char_frac": dup_chars / max(sum(map(len, stripped)), 1),
    }


def run(texts: list[str], language: str, split: Callable[[str, str], list[str]] | None) -> float:
    """Return the CPU-seconds of one pass."""
    for module, own in zip(MODULES, OWN, strict=True):
        module.split_into_words = split or own
    every = filters(language, sentences=split is None)
    start = time.process_time()
    for number, text in enumerate(texts):
        document = Document(text=text, id=str(number))
        for each in every:
            each.filter(document)
    return time.process_time() - start


def main() -> None:
    """Answer each line of standard input with a line of JSON."""
    print(json.dumps(version("datatrove")), flush=True)
    texts, language = json.loads(sys.stdin.readline())
    for line in sys.stdin:
        if line.strip() == "facts":
            answer: object = [facts(text) for text in texts]
        elif line.strip() == "words":
            answer = run(texts, language, lambda text, _: text.split())
        else:
            answer = run(texts, language, None)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
