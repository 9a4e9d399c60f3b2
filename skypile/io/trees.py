"""Folders as inputs: which of their files are documents, which hold documents, which are left out.

In a folder every file whose name says JSON Lines, Parquet or WET holds documents; every text file
(.txt, .text, compressed or not) and every file in a known language is one document. Source and text
files and folders that Git ignores, version control itself, installed packages, corpora that SkyPile
wrote, links to source files and to folders, binary files, WARCs without extracted text and unknown
kinds of files are left out, and counted.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from skypile.io.files import Entry, head_of, list_folder, read_head
from skypile.io.formats import HEAD_BYTES, is_data_name, is_warc_name
from skypile.io.kinds import no_text_warc
from skypile.prog_langs import BINARY_EXTENSIONS, is_text_name, language_of

__all__ = ["Found", "is_binary", "left_out_warc", "walk"]

VERSION_CONTROL = (".git", ".hg", ".svn", ".bzr", ".jj", "CVS", "_darcs")
INSTALLED = ("node_modules", "bower_components", "__pycache__", ".venv", ".tox")
MAX_STARS = 3
MAX_PATTERN_CHARS = 1000
LEFT_OUT_FOLDERS = frozenset((*VERSION_CONTROL, *INSTALLED))


@dataclass
class Found:
    """The files of a folder: data files, source files, and how many were left out for what."""

    data: list[Entry] = field(default_factory=list)
    code: list[Entry] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def walk(root: Entry) -> Found:
    """Return the files below the folder `root`, each by what it is."""
    found = Found()
    for entry, ignored in _files(root, found.skipped):
        if is_data_name(entry.name):
            # Tools that keep data beside Git list it in .gitignore, so that does not count here.
            found.data.append(entry)
        elif ignored:
            found.skipped["ignored_by_git"] += 1
        elif entry.is_link:
            found.skipped["link"] += 1
        elif is_warc_name(entry.name):
            _add_warc(entry, found)
        elif language_of(entry.name) is None and not is_text_name(entry.name):
            found.skipped[_unknown(entry.name)] += 1
        elif is_binary(entry):
            found.skipped["binary"] += 1
        else:
            found.code.append(entry)
    return found


def _add_warc(entry: Entry, found: Found) -> None:
    # Common Crawl's WET files are WARCs, too, and may be named so.
    kind = no_text_warc(head_of(entry, HEAD_BYTES))
    if kind is None:
        found.data.append(entry)
    else:
        found.skipped[left_out_warc(kind)] += 1


def left_out_warc(kind: str) -> str:
    """Return the cause for which a WARC whose first records are of this kind is left out."""
    return f"warc_of_{kind}_records"


def _unknown(name: str) -> str:
    extension = name.rpartition(".")[2].lower()
    return "binary" if extension in BINARY_EXTENSIONS else "unknown_kind"


def is_binary(entry: Entry) -> bool:
    """Tell whether the file has a zero byte among its first 8 KiB, as Git does.

    A file whose name says text never is: as UTF-16 it is a document that cannot be read, with its
    reason, and nothing to be passed over.
    """
    return not is_text_name(entry.name) and b"\0" in head_of(entry, HEAD_BYTES)


@dataclass(frozen=True)
class _Ignore:
    folder: str
    spec: GitIgnoreSpec

    def verdict(self, entry: Entry) -> bool | None:
        """Tell whether the file is ignored, None where no pattern speaks of it."""
        relative = entry.path[len(self.folder) :].lstrip("/")
        return self.spec.check_file(f"{relative}/" if entry.is_folder else relative).include


def _files(root: Entry, skipped: Counter[str]) -> Iterator[tuple[Entry, bool]]:
    # A stack of its own: folders may lie deeper in each other than Python calls may.
    waiting: list[tuple[Entry, list[_Ignore]]] = [(root, [])]
    while waiting:
        folder, rules = waiting.pop()
        entries = list_folder(folder.path)
        if folder is not root and _is_corpus(entries):
            # Its rejected documents would come in again; give its data folder to read a corpus.
            skipped["folder:corpus"] += 1
            continue
        if any(entry.name == ".gitignore" and not entry.is_folder for entry in entries):
            rules = [_Ignore(folder.path, _read_rules(f"{folder.path}/.gitignore")), *rules]
        for entry in entries:
            verdicts = (rule.verdict(entry) for rule in rules)
            ignored = next((verdict for verdict in verdicts if verdict is not None), False)
            if not entry.is_folder:
                yield entry, ignored
            elif entry.name in LEFT_OUT_FOLDERS:
                skipped["folder:" + entry.name] += 1
            elif ignored:
                skipped["folder_ignored_by_git"] += 1
            elif entry.is_link:
                skipped["link"] += 1
            else:
                waiting.append((entry, rules))


def _is_corpus(entries: list[Entry]) -> bool:
    """Tell whether a build has written, or is writing, its corpus into a folder."""
    names = {entry.name: entry for entry in entries}
    manifest = names.get("manifest.json")
    begun = ".skypile.lock" in names
    return begun or (manifest is not None and b'"skypile"' in read_head(manifest.path, HEAD_BYTES))


def _read_rules(path: str) -> GitIgnoreSpec:
    lines = os.fsdecode(read_head(path, 1 << 20)).splitlines()
    patterns: list[GitIgnoreSpecPattern] = []
    for line in lines:
        if _is_endless(line):
            continue
        try:
            patterns.extend(GitIgnoreSpec.from_lines([line]).patterns)
        except (GitIgnorePatternError, re.error):  # Git passes over what means nothing, too
            continue
    return GitIgnoreSpec(patterns)


def _is_endless(pattern: str) -> bool:
    """Tell whether names exist on which matching `pattern` takes minutes, or more than a lifetime.

    With k stars in one part of a path, a name of n characters may take n^k steps.
    """
    parts = pattern.split("/")
    stars = max((part.count("*") for part in parts if part != "**"), default=0)
    return stars > MAX_STARS or parts.count("**") > MAX_STARS or len(pattern) > MAX_PATTERN_CHARS
