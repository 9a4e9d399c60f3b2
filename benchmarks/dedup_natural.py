"""Recall and precision of deduplication on pages of known similarity, and the shares it finds.

    python benchmarks/dedup_natural.py $SKYPILE_SHARED/data [--threshold 0.8]

Blocks of natural versions of pages come with the exact Jaccard index of all their pairs, by the
data set's own shingles (5 lower-cased words with `\\w+`, or 5 characters without white space,
punctuation included). Ours are others (`skypile.text.shingles`): without punctuation, and other
words than Han as words also in Chinese pages. So precision is shown by both, and by the data set's
without punctuation.

* recall: pairs of that Jaccard or more of which at least one document is dropped;
* precision: dropped documents whose exact Jaccard to the document that they name is at or above
  the threshold.

Then Chinese articles with a share of their Han characters replaced: of how many pairs of article
and copy one is dropped, among all articles and copies; and how many unrelated pairs are taken for
duplicates. Prints Markdown.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard

from skypile.dedup.cluster import Drops
from skypile.dedup.documents import open_signatures
from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import U64
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet
from skypile.dedup.verify import exact_jaccard
from skypile.stages.signature import Signature

BLOCKS = (
    "en_fastapi_versions", "zh_oiwiki_versions", "en_libreoffice_help", "zh_libreoffice_help",
)  # fmt: skip
LEVELS = (0.9, 0.85, 0.8)
HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Block:
    """Texts in order, and the reference's Jaccard of pairs (left < right) of 0.3 or more."""

    name: str
    texts: list[str]
    pairs: dict[tuple[int, int], float]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a packed JSON Lines file."""
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        yield from (json.loads(line) for line in io.TextIOWrapper(reader, "utf-8"))


def load(folder: Path, name: str) -> Block:
    """Return a block of the data set."""
    documents = list(records(folder / f"{name}.docs.jsonl.zst"))
    number = {document["id"]: at for at, document in enumerate(documents)}
    pairs = {}
    for pair in records(folder / f"{name}.pairs.jsonl.zst"):
        left, right = sorted((number[pair["a"]], number[pair["b"]]))
        pairs[left, right] = pair["jaccard"]
    return Block(name, [document["text"] for document in documents], pairs)


def signed(texts: Sequence[str], settings: Dedup) -> tuple[SignatureSet, Callable[[U64], Any]]:
    """Return the signatures of `texts` by the real stage, and what fetches texts by address."""
    batch = pa.RecordBatch.from_pydict(
        {
            "text": pa.array(texts, pa.string()),
            "row": pa.array(range(len(texts)), pa.uint32()),
            "source": pa.nulls(len(texts), pa.string()),
            "outcome": pa.nulls(len(texts), pa.string()),
        }
    )
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    batch = pa.RecordBatch.from_pydict({**columns, **Signature()(batch)})
    found = open_signatures(batch, settings)
    return found, lambda asked: [texts[each].encode() for each in asked.tolist()]


def duplicates(texts: Sequence[str], settings: Dedup) -> Drops:
    """Return what is dropped of `texts`; an address is a place in them."""
    signatures, fetch = signed(texts, settings)
    return find_duplicates(
        signatures, fetch, threshold=settings.threshold, bands=settings.bands, rows=settings.rows
    )


def recall(block: Block, drops: Drops, least: float) -> tuple[int, int]:
    """Return how many pairs of a Jaccard of at least `least` lose a member, and of how many."""
    dropped = set(drops.address.tolist())
    similar = [pair for pair, jaccard in block.pairs.items() if jaccard >= least]
    return sum(bool(dropped & set(pair)) for pair in similar), len(similar)


def bare_jaccard(one: str, two: str, *, chinese: bool) -> float:
    """Return the Jaccard index by the data set's shingles, without punctuation."""

    def shingles(text: str) -> set[object]:
        if chinese:
            chars = re.sub(r"[\W_]+", "", text.lower())
            return {chars[at : at + 5] for at in range(max(1, len(chars) - 4))}
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[at : at + 5]) for at in range(max(1, len(words) - 4))}

    left, right = shingles(one), shingles(two)
    return len(left & right) / len(left | right)


def precision(block: Block, drops: Drops, threshold: float) -> tuple[int, int, int, int]:
    """Return dropped documents similar to what they name by the reference, and all of them.

    By its shingles, by these without punctuation, by ours.
    """
    named = list(zip(drops.address.tolist(), drops.kept.tolist(), strict=True))
    theirs = sum(block.pairs.get((min(p), max(p)), 0.0) >= threshold for p in named)
    chinese = block.name.startswith("zh")
    bare = sum(
        bare_jaccard(block.texts[one], block.texts[two], chinese=chinese) >= threshold
        for one, two in named
    )
    texts = [block.texts[one].encode() for one, _ in named]
    kept = [block.texts[two].encode() for _, two in named]
    ours = int(np.count_nonzero(exact_jaccard(texts, kept) >= threshold))
    return theirs, bare, ours, len(named)


def share(part: int, whole: int) -> str:
    """Return `part` of `whole` as a share and both numbers."""
    return f"{part / whole:.4f} ({part}/{whole})" if whole else "no pair"


def edited(rng: random.Random, text: str, frac: float, letters: Sequence[str]) -> str:
    """Replace `frac` of the Han characters of `text` by others of `letters`."""
    chars = list(text)
    han = [at for at, char in enumerate(chars) if HAN.match(char)]
    for at in rng.sample(han, round(len(han) * frac)):
        chars[at] = rng.choice([other for other in rng.sample(letters, 2) if other != chars[at]])
    return "".join(chars)


def print_blocks(blocks: Sequence[Block], settings: Dedup) -> None:
    """Print recall and precision of each block and of all together."""
    print(
        f"threshold {settings.threshold:g}: {settings.bands} bands of {settings.rows} rows\n\n"
        f"| block | documents | dropped | {' | '.join(f'recall, J >= {j:g}' for j in LEVELS)} | "
        "precision, reference's shingles | without punctuation | our shingles |"
    )
    print("|---|---|---|" + "---|" * (len(LEVELS) + 3))
    whole = np.zeros((len(LEVELS), 2), int)
    right = np.zeros(4, int)
    for block in blocks:
        drops = duplicates(block.texts, settings)
        found = np.array([recall(block, drops, level) for level in LEVELS])
        hit = np.array(precision(block, drops, settings.threshold))
        whole, right = whole + found, right + hit
        print_row(block.name, len(block.texts), found, hit)
    print_row("all", sum(len(block.texts) for block in blocks), whole, right)


def print_row(name: str, documents: int, found: np.ndarray, hit: np.ndarray) -> None:
    """Print one row of the table of blocks."""
    recalls = " | ".join(share(*pair) for pair in found.tolist())
    *similar, every = hit.tolist()
    precisions = " | ".join(share(part, every) for part in similar)
    print(f"| {name} | {documents} | {every} | {recalls} | {precisions} |")


def print_missed(blocks: Sequence[Block], settings: Dedup) -> None:
    """Print how many pairs that the reference puts at the threshold are not, by our shingles."""
    for block in blocks:
        dropped = set(duplicates(block.texts, settings).address.tolist())
        similar = [pair for pair, jaccard in block.pairs.items() if jaccard >= settings.threshold]
        missed = [pair for pair in similar if not dropped & set(pair)]
        left = [block.texts[one].encode() for one, _ in missed]
        right = [block.texts[two].encode() for _, two in missed]
        ours = int(np.count_nonzero(exact_jaccard(left, right) >= settings.threshold))
        print(f"{block.name}: {len(missed)} pairs missed, {ours} of them similar by our shingles")


def print_edited(texts: Sequence[str], settings: Dedup) -> None:
    """Print how many copies with replaced characters are found."""
    letters = sorted({char for text in texts for char in HAN.findall(text)})
    whole = len(texts)
    print("\n| Han characters replaced | articles | found | mean Jaccard | of J >= threshold |")
    print("|---|---|---|---|---|")
    for frac in (0.01, 0.02, 0.03):
        rng = random.Random(1)
        copies = [edited(rng, text, frac, letters) for text in texts]
        drops = duplicates([*texts, *copies], settings)
        found = len({one % whole for one in drops.address.tolist()})
        jaccard = exact_jaccard([t.encode() for t in texts], [t.encode() for t in copies])
        near = int(np.count_nonzero(jaccard >= settings.threshold))
        print(f"| {frac:.0%} | {whole} | {share(found, whole)} | {jaccard.mean():.3f} | {near} |")


def print_unrelated(blocks: Sequence[Block], settings: Dedup) -> None:
    """Print how many pairs below a Jaccard of 0.3 by the reference are taken for duplicates."""
    dropped = pairs = 0
    for block in blocks:
        drops = duplicates(block.texts, settings)
        named = zip(drops.address.tolist(), drops.kept.tolist(), strict=True)
        dropped += sum(block.pairs.get((min(p), max(p)), 0.0) < 0.3 for p in named)
        near = sum(jaccard >= 0.3 for jaccard in block.pairs.values())
        pairs += len(block.texts) * (len(block.texts) - 1) // 2 - near
    print(f"\nPairs with J < 0.3 by the reference: {dropped} of {pairs:,} taken for duplicates")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--threshold", type=float, default=0.8)
    args = parser.parse_args()
    settings = Dedup(threshold=args.threshold)
    begun = time.process_time()
    blocks = [load(args.data / "dedup", name) for name in BLOCKS]
    print_blocks(blocks, settings)
    print()
    print_missed(blocks, settings)
    rows = records(args.data / "corpus" / "zh_news.jsonl.zst")
    texts = [row["text"] for row in rows if row["source"].startswith("THUCNews")]
    print_edited([text for text in texts if len(HAN.findall(text)) >= 200], settings)
    print_unrelated(blocks, settings)
    print(f"\n{time.process_time() - begun:.0f} CPU seconds")


if __name__ == "__main__":
    main()
