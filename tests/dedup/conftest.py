"""Texts of known similarity, and their signatures by the real stage."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from skypile.dedup.documents import open_signatures
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet

DEFAULT = Dedup()
Signed = tuple[SignatureSet, Callable[[np.ndarray], list[bytes]]]

# Everyday characters and words, enough that unrelated texts share next to no shingle.
HAN = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所"
    "民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那"
)
VOCABULARY = (
    "river harvest signal copper winter ledger method garden station answer window theory "
    "market bridge paper engine island record season letter border market silver teacher "
    "forest motion planet kitchen border shelter castle thunder ribbon valley canvas ladder "
    "pepper rocket hollow meadow anchor candle basket mirror tunnel velvet walnut cradle "
)
WORDS = VOCABULARY.split()


def chinese(rng: random.Random, chars: int) -> str:
    """Compose sentences of 8 to 20 characters."""
    parts: list[str] = []
    while sum(map(len, parts)) < chars:
        parts.append("".join(rng.choices(HAN, k=rng.randint(8, 20))) + rng.choice("，。，。；"))
    return "".join(parts)


def english(rng: random.Random, words: int) -> str:
    """Compose a text of `words` words."""
    return " ".join(rng.choices(WORDS, k=words))


def edited(rng: random.Random, text: str, frac: float) -> str:
    """Replace `frac` of the characters of a Chinese text by others."""
    chars = list(text)
    for at in rng.sample(range(len(chars)), round(len(chars) * frac)):
        chars[at] = rng.choice([other for other in HAN if other != chars[at]])
    return "".join(chars)


def reworded(rng: random.Random, text: str, count: int) -> str:
    """Replace `count` words of an English text by new ones."""
    words = text.split(" ")
    for at in rng.sample(range(len(words)), count):
        words[at] = f"new{at}"
    return " ".join(words)


@pytest.fixture
def compose():
    """The functions above, by name."""
    return {each.__name__: each for each in (chinese, english, edited, reworded)}


@pytest.fixture(scope="session")
def sign() -> Callable[..., Signed]:
    """Return the signatures of texts, and what fetches these texts by address."""

    def signed(
        texts: Sequence[str],
        units: Sequence[int] | None = None,
        sources: Sequence[str] = (),
        settings: Dedup = DEFAULT,
        **columns: Sequence[object],
    ) -> Signed:
        numbers = np.zeros(len(texts), np.int64) if units is None else np.array(units, np.int64)
        rows = np.arange(len(texts), dtype=np.uint64)
        addresses = numbers.astype(np.uint64) << np.uint64(32) | rows
        fields = {
            "text": pa.array(texts, pa.string()),
            "row": pa.array(rows, pa.uint32()),
            "source": pa.array(sources or [""] * len(texts), pa.string()),
            "outcome": pa.nulls(len(texts), pa.string()),
            **{name: pa.array(values) for name, values in columns.items()},
        }
        batch = pa.RecordBatch.from_pydict(fields)
        batch = pa.RecordBatch.from_pydict({**fields, **settings.signature(batch)})
        found = open_signatures(batch, settings)
        order = np.argsort(addresses)
        kept = {name: values[order] for name, values in found.columns.items()}
        signatures = SignatureSet(**kept | {"addresses": addresses[order]})
        by_address = dict(zip(addresses.tolist(), texts, strict=True))
        return signatures, lambda asked: [by_address[each].encode() for each in asked.tolist()]

    return signed
