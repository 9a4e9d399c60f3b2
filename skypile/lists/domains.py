"""Lists of domains and URLs: read from the formats that people have, compiled for the kernel."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import skypile
from skypile.errors import RecipeError
from skypile.kernels import urls
from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.hash_table import hash_table
from skypile.lists.files import content, file_hash, list_error
from skypile.lists.store import Compiled, compiled

__all__ = ["UrlFile", "UrlSet", "ascii_url", "entries", "url_files", "url_set", "urls_hash"]

# Files of a category of UT1 (and of squidGuard) that are read; `expressions` are not.
_UT1_FILES = ("domains", "urls")
_NAMES = re.compile(r"(?!.*\.\.)[\w.-]+")
# Names that hosts files give to the machine itself.
_OWN_NAMES = re.compile(
    r"localhost(\.localdomain)?|local|broadcasthost|ip6-\w+|0\.0\.0\.0|127\.0\.0\.1|::1?"
)
_COSMETIC = re.compile(r"#[@?$%]*#")
# Options under which a rule still holds for pages as a whole.
_OPTIONS = re.compile(
    r"(?:important|all|document|doc|popup)(?:,(?:important|all|document|doc|popup))*"
)
_STOPS = re.compile("[\u3002\uff0e\uff61]")
_URL = re.compile(r"((?:[a-z][a-z0-9+.-]*:)?[/\\]{2})?([^/\\?#]*)(.*)", re.I | re.S)
_WHITE = "".join(map(chr, range(0x21)))
# Signs that normalisation may bring in (U+2100 holds a slash) and that no host has.
_FORBIDDEN = re.compile(r"[\x00-,/:-@\[-^`{-\x7f]")
_STORED_BYTES = 1 << 20


@dataclass(frozen=True)
class UrlFile:
    """A file of domains and URLs of one category, or ("") of allowed ones."""

    path: Path
    category: str


class UrlSet(NamedTuple):
    """The table of keys.urls, and the names of the categories by number."""

    table: npt.NDArray[np.uint64]
    categories: tuple[str, ...]


def url_files(path: Path, category: str) -> Iterator[UrlFile]:
    """Yield the files of a list: itself, or `domains` and `urls` of a folder of UT1."""
    if not path.is_dir():
        yield UrlFile(path, category)
        return
    found = [path / name for name in _UT1_FILES if (path / name).is_file()]
    if not found:
        raise RecipeError(f"{path}: this folder has neither a file `domains` nor `urls`")
    yield from (UrlFile(each, category) for each in found)


def urls_hash(files: Sequence[UrlFile]) -> str:
    """Return the SHA-256 of all that a table of URLs depends on but the code."""
    state = hashlib.sha256()
    for file in files:
        state.update(f"{file.category}\t{file_hash(file.path)}\n".encode())
    return state.hexdigest()


@lru_cache(maxsize=16)
def url_set(files: tuple[UrlFile, ...]) -> UrlSet:
    """Return the domains and URLs of `files`, compiled, from the store where they are large.

    Raises RecipeError, naming file and line, for a line that is neither.
    """
    size = sum(file.path.stat().st_size for file in files if file.path.exists())
    if size < _STORED_BYTES:
        made = _build(files)
    else:
        state = hashlib.sha256(f"{skypile.__version__}\t{urls_hash(files)}".encode())
        state.update(Path(urls.__file__).read_bytes() + Path(__file__).read_bytes())
        made = compiled(state.hexdigest()[:32], lambda: _build(files))
    return UrlSet(made.arrays["table"], tuple(made.about["categories"]))


def _build(files: Sequence[UrlFile]) -> Compiled:
    categories = sorted({file.category for file in files if file.category})
    if not 0 < len(categories) <= urls.MAX_CATEGORIES:
        raise RecipeError(f"lists of URLs need 1 to {urls.MAX_CATEGORIES} categories")
    keys, values = [], []
    for file in files:
        bit = 1 << categories.index(file.category) if file.category else 0
        for found, allowed in _read(file):
            mine = urls.ALLOWED if allowed or not bit else np.uint64(bit)
            paths = found[:, 1] != 0
            keys += [found[:, 0], found[paths, 1]]
            own = np.where(paths, urls.PATHS, mine)
            values += [own, np.full(int(paths.sum()), mine, np.uint64)]
    table = hash_table(np.concatenate(keys), np.concatenate(values))
    return Compiled({"table": table}, {"categories": categories})


def _read(file: UrlFile) -> Iterator[tuple[npt.NDArray[np.uint64], bool]]:
    """Yield keys of a file's entries, and whether they are allowed."""
    text = content(file.path)
    data = np.zeros(len(text) + PADDING_BYTES, np.uint8)
    data[: len(text)] = np.frombuffer(text, np.uint8)
    lines = urls.plain_lines(data, len(text))
    plain = lines[lines[:, 2] == 1]
    keys, outcomes = urls.entry_keys(data, plain[:, 0].copy(), plain[:, 1].copy())
    again = plain[outcomes != urls.GOOD]
    yield keys[outcomes == urls.GOOD], False
    blocked: list[tuple[str, int]] = []
    allowed: list[tuple[str, int]] = []
    for start, stop, _, line in (*lines[lines[:, 2] == 0].tolist(), *again.tolist()):
        for entry, is_allowed in entries(text[start:stop].decode()):
            (allowed if is_allowed else blocked).append((entry, line))
    filters = text.startswith(b"[Adblock") or b"||" in text
    for some, is_allowed in ((blocked, False), (allowed, True)):
        if some:
            yield _keys(file, some, filters=filters), is_allowed


def _keys(
    file: UrlFile, found: Sequence[tuple[str, int]], *, filters: bool
) -> npt.NDArray[np.uint64]:
    """Return the keys of entries; what is none is an error, but for filters on parts of URLs."""
    raw = [ascii_url(entry).encode() for entry, _ in found]
    stops = np.cumsum([len(each) for each in raw], dtype=np.int64)
    starts = np.r_[np.int64(0), stops[:-1]]
    data = np.frombuffer(b"".join(raw) + bytes(PADDING_BYTES), np.uint8).copy()
    keys, outcomes = urls.entry_keys(data, starts, stops)
    bad = np.flatnonzero(outcomes)
    if bad.size and filters:
        good: npt.NDArray[np.uint64] = keys[outcomes == urls.GOOD]
        return good
    if bad.size:
        entry, line = found[int(bad[0])]
        raise list_error(file.path, line, f"{entry!r} is neither a domain nor a URL")
    return keys


def entries(line: str) -> list[tuple[str, bool]]:
    """Return the domains and URLs (without scheme) that a line lists, and whether it allows them.

    Lines of hosts files, plain domains (`.domain` and `*.domain` too) and URLs, and of the filters
    of Adblock those that speak of whole domains or of the beginning of a URL. Comments, and filters
    that do not, list nothing.
    """
    line = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
    if not line or line[0] == "!" or line.startswith("[Adblock") or _COSMETIC.search(line):
        return []
    fields = line.split()
    if len(fields) > 1 and _is_address(fields[0]):
        return [(name, False) for name in fields[1:] if not _OWN_NAMES.fullmatch(name.lower())]
    allowed = line.startswith("@@")
    filtered = line.removeprefix("@@")
    if filtered.startswith("|") or allowed:
        return _filter(filtered, allowed=allowed)
    if re.fullmatch(r"/.*/(\$.*)?", line):
        return []
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://", "", line, flags=re.I)
    bare = re.sub(r"^(\*?\.)", "", bare)
    if _is_address(bare):
        bare = f"[{bare}]" if ":" in bare else bare
    return [(bare, False)]


def _filter(line: str, *, allowed: bool) -> list[tuple[str, bool]]:
    body, _, options = line.partition("$")
    body = re.sub(r"^(\|\||\|?https?://)", "", body).removeprefix("*.")
    body = re.sub(r"\^?\|?$", "", body)
    if (options and not _OPTIONS.fullmatch(options)) or not body or re.search(r"[*^|]", body):
        return []
    return [(f"//{body}", allowed)]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def ascii_url(url: str) -> str:
    """Return `url` with its host in ASCII (RFC 3492), as it is where that cannot be."""
    url = url.strip(_WHITE)
    match = _URL.fullmatch(url)
    assert match is not None
    before, authority, rest = match.groups()
    user, at, place = authority.rpartition("@")
    place = re.sub(r"(?:%[0-9a-fA-F]{2})+", _decoded, place)
    if place.isascii():
        return url
    host, colon, port = place.partition(":")
    host = _STOPS.sub(".", unicodedata.normalize("NFKC", _STOPS.sub(".", host).lower()).lower())
    if _FORBIDDEN.search(host):
        return url
    labels = [label if label.isascii() else _puny(label) for label in host.split(".")]
    return f"{before or ''}{user}{at}{'.'.join(labels)}{colon}{port}{rest}"


def _decoded(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return match[0]


def _puny(label: str) -> str:
    return "xn--" + label.encode("punycode").decode()
