"""What langdetect says of a text, by its profiles and its rules, ten times as fast.

langdetect 1.0.9 (Apache-2.0; Shuyo 2010) prepares the text; its profiles are read here, in order of
their names rather than that of the folder, which no two machines need share; n-grams are cut as it
cuts them, and drawn by `skypile.kernels.naive_bayes`.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from skypile.kernels.naive_bayes import language_chances

__all__ = ["second_opinion"]

Ints = npt.NDArray[np.int64]

SHOWN_CHARS = 1000
# langdetect names no language below it.
LEAST_CHANCE = 0.1
CODE_BITS = 21
_SPACES = re.compile(" +")
# As langdetect has them: what lies between the capitals and the small letters counts as Latin;
# vowels with two accents (U+1E00 to U+1EFF) count as neither.
_LATIN = re.compile("[A-z]")
_NOT_LATIN = re.compile("[\u0300-\u1dff\u1f00-\U0010ffff]")


class _Profiles(NamedTuple):
    """Languages; `keys` int64 (n-grams,) in order; `table` float64 (n-grams, languages) of shares.

    A key holds the code points of an n-gram, 21 bits each.
    """

    languages: tuple[str, ...]
    keys: Ints
    table: npt.NDArray[np.float64]


@cache
def _normalized(code: int) -> tuple[int, bool]:
    """Return langdetect's stand-in for a character, and whether that is a capital."""
    from langdetect.utils.ngram import NGram

    found: str = NGram.normalize(chr(code))
    return ord(found), found.isupper()


def second_opinion(text: str, seed: int) -> tuple[str | None, float]:
    """Return langdetect's language of the first SHOWN_CHARS characters, and its probability.

    None and 0 where it sees no letters, or too many languages.
    """
    profiles = _profiles()
    grams = _grams(_prepared(text[:SHOWN_CHARS]), profiles.keys)
    if not len(grams):
        return None, 0.0
    chances = language_chances(grams, profiles.table, _twister(seed))
    best = int(np.argmax(chances))
    if chances[best] <= LEAST_CHANCE:
        return None, 0.0
    return profiles.languages[best].partition("-")[0], float(chances[best])


@cache
def _profiles() -> _Profiles:
    import langdetect

    folder = Path(langdetect.__file__).parent / "profiles"
    files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    told = [orjson.loads(path.read_bytes()) for path in files]
    keys, shares = zip(*map(_shares, told), strict=True)
    every, rows = np.unique(np.concatenate(keys), return_inverse=True)
    table = np.zeros((len(every), len(told)))
    languages = np.repeat(np.arange(len(told)), [len(each) for each in keys])
    table[rows, languages] = np.concatenate(shares)
    return _Profiles(tuple(each["name"] for each in told), every, table)


def _shares(profile: dict[str, Any]) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Return the keys of a language's n-grams, and their shares among those of equal length."""
    grams = {gram: count for gram, count in profile["freq"].items() if 1 <= len(gram) <= 3}
    chars = np.array([*grams], "<U3").view(np.uint32).reshape(-1, 3).astype(np.int64)
    lengths = np.count_nonzero(chars, axis=1)
    keys = np.zeros(len(chars), np.int64)
    for place in range(3):
        longer = keys << CODE_BITS | chars[:, place]
        keys = np.where(lengths > place, longer, keys)
    counts = np.array([*grams.values()], np.float64)
    return keys, counts / np.array(profile["n_words"])[lengths - 1]


@cache
def _twister(seed: int) -> npt.NDArray[np.uint32]:
    """Return the state of Python's generator after `seed`."""
    state = random.Random(seed).getstate()[1]  # noqa: S311 -- langdetect's draws, not secrets
    return np.array(state[:-1], np.uint32)


def _prepared(text: str) -> str:
    """Return the text without addresses, and without Latin letters where others prevail."""
    from langdetect.detector import Detector
    from langdetect.utils.ngram import NGram

    text = Detector.MAIL_RE.sub(" ", Detector.URL_RE.sub(" ", text))
    text = _SPACES.sub(" ", NGram.normalize_vi(text))
    if 2 * len(_LATIN.findall(text)) < len(_NOT_LATIN.findall(text)):
        return _LATIN.sub("", text)
    return text


def _grams(text: str, keys: Ints) -> npt.NDArray[np.int32]:
    """Return the rows of the n-grams of one to three characters, at each character in this order.

    A space stands in front; n-grams have none within, are no space alone, and are none where a
    capital follows another one.
    """
    codes, places = np.unique(
        np.frombuffer(f" {text}".encode("utf-32-le"), np.uint32), return_inverse=True
    )
    told = [_normalized(code) for code in codes.tolist()]
    chars = np.array([char for char, _ in told], np.int64)[places]
    capital = np.array([is_capital for _, is_capital in told])[places]
    space = chars == ord(" ")
    last, middle, first = chars[1:], chars[:-1], np.concatenate(([0], chars[:-2]))
    pairs = middle << CODE_BITS | last
    wanted = np.stack((last, pairs, first << 2 * CODE_BITS | pairs), axis=1)
    rows = np.searchsorted(keys, wanted).astype(np.int32)
    known = keys[np.minimum(rows, len(keys) - 1)] == wanted
    known[:, 0] &= ~space[1:]
    known[:, 2] &= ~space[:-1]
    known &= ~(space[1:] & space[:-1] | capital[1:] & capital[:-1])[:, np.newaxis]
    found: npt.NDArray[np.int32] = rows[known]
    return found
