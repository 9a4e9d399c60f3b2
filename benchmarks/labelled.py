"""What each document of the shared data ought to be: by its source and its place, never by what the
stages say of it.

* Rows of `code.jsonl.zst` are code; they are files of programs, read here without their names.
* Other rows are of their `lang_hint`: `lzh-*` is zh, what is neither en nor zh is `other`. d2l-zh
  keeps the English original of a chapter beside it: pages `*_origin.html` are en.
* A page with code in it is a page, and OpenLogic's TeX is English with markup. No page of
  the corpus is a listing alone: of each at least a twentieth stands outside of its fenced blocks.
* Blocks: fenced blocks of Markdown pages, each a document without a name. Those that name a
  programming language are code. Those without a language, of shells (most are transcripts) and of
  `text` and the like have a table of their own.
* Named: pages of Markdown and TeX once more, as files of a source tree.
* A tree: files of a folder by their names, read without them where they are programs. Markdown,
  reStructuredText and files such as LICENSE and README are prose, of whichever language. Files of
  data languages (JSON, HTML, ...) and plain text of other names are left out.
* Tables of their own have also rows of `mixed` language, and the debian-handbook and
  libreoffice-help in other languages than English, which hold untranslated English.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import orjson
import zstandard

from skypile.prog_langs import language_of
from skypile.stages.code import DATA_LANGUAGES

__all__ = [
    "FENCE",
    "Document",
    "blocks",
    "corpus",
    "is_markdown",
    "named",
    "read",
    "snippets",
    "tree",
]

FENCE = re.compile(r"^([ \t]*)(```+|~~~+)[ \t]*([^\n`]*)\n(.*?)^\1\2[ \t]*$", re.M | re.S)

MARKDOWN_SOURCES = ("OI-wiki/", "xitu/", "LCTT/", "krahets/", "d2l-ai/", "mlschmitt/")
PARTLY_ENGLISH = ("debian:debian-handbook", "debian:libreoffice-help")
PROGRAM_TAGS = """
    asm assembly c c++ cpp crystal csharp css dart elisp elixir go gradle graphql haskell
    html java javascript js json jsx kotlin kt less lua makefile matlab nasm objc oc pas
    pascal php powershell py python r ruby rust scala scss source-js sql svelte swift ts
    tsx typescript vim vue xml yaml yml
"""
PROSE_NAME = re.compile(
    r"(licen[cs]e|copying|copyright|readme|notice|authors|changelog|changes|news|contributing)"
    r"([.-](md|rst|txt|[a-z]{2,10}))?",
    re.I,
)
_MOST_CHARS, _MOST_OF_FOLDER = 400_000, 25


@dataclass(frozen=True)
class Document:
    """One text, what it ought to be, and where it stands."""

    text: str
    expected: str
    source: str
    place: str
    script: str | None = None
    table: str = "goal"
    prog_lang: str | None = None


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with path.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
    return [orjson.loads(line) for line in lines]


def is_markdown(source: str) -> bool:
    """Tell whether the pages of a source are files of Markdown."""
    return source.startswith(MARKDOWN_SOURCES)


def _domain(label: str) -> tuple[str, str | None]:
    """Return the domain and the script of a label such as `lzh-Hant`, `code` or `fr`."""
    language, _, script = label.partition("-")
    if language in ("zh", "lzh"):
        return "zh", script
    return (language, None) if language in ("en", "code") else ("other", None)


def corpus(folder: Path) -> Iterator[tuple[str, list[Document]]]:
    """Yield for each file of the corpus its name and its documents."""
    for path in sorted(folder.glob("*.jsonl.zst")):
        found = []
        for row in read(path):
            source, place, hint = row["source"], row["url"] or row["id"], row["lang_hint"]
            (expected, script), table = _domain(hint), "goal"
            if hint == "mixed":
                expected, script, table = "mixed", None, "mixed"
            elif place.endswith("_origin.html") and source.startswith("d2l-ai/"):
                expected, script = "en", None
            elif source.startswith(PARTLY_ENGLISH) and expected != "en":
                table = "translations"
            found.append(Document(row["text"], expected, source, place, script, table))
        yield path.name.partition(".")[0], found


def snippets(path: Path) -> list[Document]:
    """Return the snippets of lid/dev.jsonl.zst; translations of the handbook apart."""
    found = []
    for number, row in enumerate(read(path)):
        expected, script = _domain(row["label"])
        partly = row["source"] == PARTLY_ENGLISH[0] and expected != "en"
        table = "translations" if partly else "goal"
        found.append(
            Document(row["text"], expected, row["source"], f"{path.name}#{number}", script, table)
        )
    return found


def blocks(pages: list[Document], min_chars: int = 201) -> Iterator[Document]:
    """Yield the fenced blocks of Markdown pages, those of a programming language as code."""
    for page in pages:
        if not is_markdown(page.source):
            continue
        for number, match in enumerate(FENCE.finditer(page.text)):
            tag = re.split(r"[\s{:,=]", match[3].strip().lower().lstrip("{."))[0]
            if len(match[4]) >= min_chars:
                table = "goal" if tag in PROGRAM_TAGS.split() else "blocks"
                place = f"{page.place} block {number} {tag}"
                yield Document(match[4], "code", page.source, place, None, table)


def named(pages: list[Document]) -> Iterator[Document]:
    """Yield pages of Markdown and TeX as files of a source tree."""
    for page in pages:
        tex = page.source.startswith("OpenLogicProject/")
        if page.table == "goal" and (tex or is_markdown(page.source)):
            language = "tex" if tex else "markdown"
            yield Document(page.text, page.expected, page.source, page.place, page.script,
                           "goal", language)  # fmt: skip


def _file(path: PurePath) -> tuple[str, str | None] | None:
    """Return what a file ought to be and its language by name; None where it is neither."""
    language = language_of(path.name)
    prose = language in ("markdown", "rst") or (
        language in (None, "text") and PROSE_NAME.fullmatch(path.name) is not None
    )
    if prose:
        return "prose", language
    if language is None or language in (*DATA_LANGUAGES, "tex"):
        return None
    return "code", language


def tree(folder: Path) -> Iterator[Document]:
    """Yield files of over 200 characters: up to 25 of a language below each folder's folder.

    Programs come without their language, which would decide; prose with it.
    """
    taken: collections.Counter[tuple[str, ...]] = collections.Counter()
    seen = set()
    for path in sorted(folder.rglob("*")):
        kind = _file(path)
        if kind is None or path.is_symlink() or not path.is_file():
            continue
        expected, language = kind
        group = (str(language), *path.relative_to(folder).parts[:-1][:2])
        if taken[group] >= _MOST_OF_FOLDER:
            continue
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if 200 < len(text) < _MOST_CHARS and text not in seen:
            seen.add(text)
            taken[group] += 1
            name = str(path.relative_to(folder))
            yield Document(text, expected, language or "no extension", name, None, "goal",
                           language if expected == "prose" else None)  # fmt: skip
