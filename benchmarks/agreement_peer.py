"""What datatrove says of texts: run by agreement.py, with the Python that has datatrove.

Reads from stdin JSON Lines {"text"}; writes for each {"columns", "decisions", "c4_text"}. A
decision is null (kept) or the reason that datatrove gives. Arguments: the language (`eng`,
`cmn_Hani`) and how texts are cut into words: `own` by datatrove's tokenizer for the language,
`units` as SkyPile does (runs without spaces; for n-grams CJK characters and what stands between),
and lines and shares as well.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

from skypile.text import is_cjk

FILTERS = "datatrove.pipeline.filters"
Words = Callable[..., list[str]]


def units(text: str, language: str = "") -> list[str]:
    """Return CJK characters and what else stands between spaces and them."""
    del language
    return "".join(f" {char} " if is_cjk(char) else char for char in text).split()


def spaced(text: str, language: str = "") -> list[str]:
    """Return what stands between spaces."""
    del language
    return text.split()


def load(name: str) -> Any:
    """Return a module of datatrove's filters."""
    return importlib.import_module(f"{FILTERS}.{name}")


def quality(text: str, words: list[str]) -> dict[str, float]:
    """Return what GopherQualityFilter computes."""
    peer = load("gopher_quality_filter")
    solid = [word for word in words if any(char not in peer.PUNCTUATION_SET for char in word)]
    lines = text.splitlines()
    return {
        "words_count": len(words),
        "solid_words_count": len(solid),
        "word_mean_chars": sum(map(len, solid)) / max(len(solid), 1),
        "hash_word_frac": text.count("#") / len(words),
        "ellipsis_word_frac": (text.count("...") + text.count("…")) / len(words),
        "bullet_line_frac": sum(s.lstrip().startswith(("•", "-")) for s in lines) / len(lines),
        "ellipsis_line_frac": sum(s.rstrip().endswith(("...", "…")) for s in lines) / len(lines),
        "alpha_word_frac": sum(any(c.isalpha() for c in w) for w in words) / len(words),
        "stop_words_count": len(set(peer.STOP_WORDS) & set(words)),
    }


def repetition(text: str, words: list[str]) -> dict[str, float]:
    """Return what GopherRepetitionFilter computes, by its functions."""
    peer = load("gopher_repetition_filter")
    step = peer.GopherRepetitionFilter()
    found: dict[str, float] = {}
    for name, pieces in (
        ("paragraph", step.paragraph_exp.split(text.strip())),
        ("line", step._line_splitter.split(text)),
    ):
        found |= repeated(name, pieces, len(text))
    for size in (2, 3, 4):
        grams = peer.get_n_grams(words, size)
        found[f"top_{size}gram_frac"] = peer.find_top_duplicate(grams) / len(text) if grams else 0
    for size in (5, 6, 7, 8, 9, 10):
        found[f"dup_{size}gram_frac"] = peer.find_all_duplicate(words, size) / len(text)
    return found


def repeated(name: str, pieces: list[str], chars: int) -> dict[str, float]:
    """Return the shares of pieces that find_duplicates finds, by number and by characters."""
    times, taken = load("gopher_repetition_filter").find_duplicates(pieces)
    return {f"dup_{name}_frac": times / len(pieces), f"dup_{name}_char_frac": taken / chars}


def aligned(text: str, words: list[str]) -> dict[str, float]:
    """Return what datatrove's functions find in pieces that are cut and weighed as SkyPile does.

    Lines and paragraphs without spaces at their ends, blank ones left out; n-grams without spaces
    between their words; shares of the characters of all pieces, of which the most frequent n-gram
    is none if it occurs once.
    """
    peer = load("gopher_repetition_filter")
    parts: list[list[str]] = [[]]
    for line in map(str.strip, text.split("\n")):
        parts = [*parts[:-1], [*parts[-1], line]] if line else [*parts, []]
    paragraphs = ["\n".join(part) for part in parts if part]
    lines = [line for part in parts for line in part]
    chars = sum(map(len, lines))
    found = repeated("line", lines, chars)
    # Characters of a paragraph are those of its lines.
    marks = sum(paragraph.count("\n") for paragraph in paragraphs)
    if marks == 0:
        found |= repeated("paragraph", paragraphs, chars)
    else:
        found["dup_paragraph_frac"] = peer.find_duplicates(paragraphs)[0] / len(paragraphs)
        _, taken = peer.find_duplicates(paragraphs)
        seen: set[str] = set()
        for paragraph in paragraphs:
            taken -= paragraph.count("\n") if paragraph in seen else 0
            seen.add(paragraph)
        found["dup_paragraph_char_frac"] = taken / chars
    whole = len("".join(words))
    for size in (2, 3, 4):
        grams = ["".join(words[at : at + size]) for at in range(len(words) - size + 1)]
        top = peer.find_top_duplicate(grams) / whole if grams else 0
        found[f"top_{size}gram_frac"] = min(top, 1) if len(set(grams)) < len(grams) else 0
    for size in (5, 6, 7, 8, 9, 10):
        found[f"dup_{size}gram_frac"] = peer.find_all_duplicate(words, size) / whole
    web = fineweb("\n".join(lines), ["x"])
    names = ("terminal_line_frac", "line_upto_30_frac", "fineweb_dup_line_char_frac")
    return found | {name: web[name] for name in names}


def fineweb(text: str, words: list[str]) -> dict[str, float]:
    """Return what FineWebQualityFilter computes."""
    peer = load("fineweb_quality_filter")
    lines = [line for line in text.split("\n") if line.strip()]
    stops = tuple(peer.TERMINAL_PUNCTUATION)
    return {
        "terminal_line_frac": sum(line.endswith(stops) for line in lines) / len(lines),
        "line_upto_30_frac": sum(len(line) <= 30 for line in lines) / len(lines),
        "fineweb_dup_line_char_frac": peer.find_duplicates(lines)[1] / len(text.replace("\n", "")),
        "newline_word_ratio": text.count("\n") / len(words),
    }


def chains(language: str) -> dict[str, list[Any]]:
    """Return the filters of each recipe, in datatrove's order, without those on language."""
    repeats = load("gopher_repetition_filter").GopherRepetitionFilter
    good = load("gopher_quality_filter").GopherQualityFilter
    pages = load("c4_filters").C4QualityFilter
    web = load("fineweb_quality_filter").FineWebQualityFilter
    if language == "cmn_Hani":
        return {"fineweb2-zh": _fineweb2(repeats, web, good)}
    return {
        "gopher": [good(), repeats()],
        "c4": [pages()],
        "fineweb": [repeats(), good(), pages(filter_no_terminal_punct=False), web()],
    }


def _fineweb2(repeats: Any, web: Any, good: Any) -> list[Any]:
    """Return the filters of FineWeb-2 with the numbers of its configs/cmn_Hani.yml."""
    return [
        repeats(
            language="cmn_Hani", dup_para_frac=0, dup_line_char_frac=0, dup_para_char_frac=0,
            dup_line_frac=0.287, top_n_grams=((2, 0.256), (3, 0.201), (4, 0.171)),
            dup_n_grams=((5, 0.198), (6, 0.182), (7, 0.167), (8, 0.154), (9, 0.14), (10, 0.127)),
        ),
        web(language="cmn_Hani", short_line_thr=999, char_duplicates_ratio=0.1,
            line_punct_thr=0.106, new_line_ratio=0.178),
        good(language="cmn_Hani", max_avg_word_length=5, min_avg_word_length=1,
             stop_words=list("的年在月是和日了於·為有被人中为他與後也而由"),
             max_non_alpha_words_ratio=0.735, min_stop_words=2),
    ]  # fmt: skip


def decision(text: str, filters: list[Any]) -> tuple[str | None, str]:
    """Return the reason of the first filter that drops the text, or None, and the text it left."""
    document = importlib.import_module("datatrove.data").Document(text=text, id="")
    for one in filters:
        told = one.filter(document)
        if told is not True:
            return (told[1] if isinstance(told, tuple) else "dropped"), document.text
    return None, document.text


def main() -> None:
    """Answer the lines of stdin."""
    language, cut = sys.argv[1:]
    own = importlib.import_module("datatrove.utils.text").split_into_words
    counted: Words = own if cut == "own" else spaced
    grouped: Words = own if cut == "own" else units
    for name, function in (
        ("gopher_quality_filter", counted),
        ("fineweb_quality_filter", counted),
        ("gopher_repetition_filter", grouped),
    ):
        load(name).split_into_words = function
    every = chains(language)
    for line in sys.stdin:
        text = json.loads(line)["text"]
        words = counted(text, language)
        found = {name: decision(text, filters) for name, filters in every.items()}
        columns = quality(text, words) | fineweb(text, words)
        pieces = grouped(text, language)
        columns |= aligned(text, pieces) if cut == "units" else repetition(text, pieces)
        told = {"columns": columns, "decisions": {name: one[0] for name, one in found.items()}}
        if "c4" in found:
            told["c4_text"] = found["c4"][1]
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
