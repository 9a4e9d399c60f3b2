"""Memory and time of the partitioned steps of deduplication on synthetic signatures.

    python benchmarks/dedup_scale.py --documents 1000000 [--folder DIR]

One document in ten belongs to one family (each differs from the base in 0.5 % of its values), one
in twenty has one exact copy and is it or has it, and 20,000 documents agree in one band and in
nothing else; the rest are alone. Next to no estimate is near the threshold, so no text is read. The
steps are those of a build (`skypile.dedup`), a group at a time, with files in between as a build
has them; what a runner of Beam holds besides is not in these figures. Prints Markdown: CPU seconds
and the peak of anonymous memory of each step (the kernel can drop mapped signatures at any time).
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from skypile.dedup import bands, exact, verify
from skypile.dedup.cluster import Drops, cluster, merged_edges
from skypile.dedup.formats import PARTITIONS, U64, Records
from skypile.dedup.signatures import SignatureIndex, SignatureSet

UNIT = 100_000
COLLIDING = 20_000
KEYS_AT_ONCE = 32  # of the pass over bands: two bands


def anonymous_mib() -> float:
    """Return the anonymous resident memory of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no RssAnon")


@contextmanager
def told(name: str) -> Iterator[None]:
    """Print what the block takes."""
    peak, done = [anonymous_mib()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak.append(max(peak[-1], anonymous_mib()))

    thread = threading.Thread(target=watch)
    thread.start()
    begun = time.process_time()
    yield
    cpu = time.process_time() - begun
    done.set()
    thread.join()
    print(f"| {name} | {cpu:.1f} | {max(peak):,.0f} |", flush=True)


def signatures(unit: int, first: int, number: int, rng: np.random.Generator) -> SignatureSet:
    """Return the signatures of documents `first` to `first + number`."""
    document = np.arange(first, first + number)
    minhash = rng.integers(0, 2**32, (number, 128), np.uint32)
    base = np.random.default_rng(0).integers(0, 2**32, 128, np.uint32)
    family = np.flatnonzero(document % 10 == 0)
    same = rng.random((family.size, 128)) >= 0.005
    minhash[family] = np.where(same, base, minhash[family])
    colliding = np.flatnonzero((document % 10 == 1) & (document < 10 * COLLIDING))
    minhash[colliding, :8] = base[:8] ^ 1
    exact_hash = rng.integers(0, 2**64, (number, 2), np.uint64)
    copies = np.flatnonzero(document % 20 == 3)
    exact_hash[copies, 0] = exact_hash[copies, 1] = document[copies] // 40
    return SignatureSet(
        addresses=np.uint64(unit << 32) | np.arange(number, dtype=np.uint64),
        exact=exact_hash,
        minhash=minhash,
        shingle_count=np.full(number, 300, np.int32),
        length=np.full(number, 2000, np.int64),
        preferences=rng.integers(0, 2**40, (number, 1), np.uint64),
    )


class Groups:
    """Bytes by key, appended to a file for each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, key: int, data: bytes) -> None:
        """Append `data` to what `key` has."""
        with (self.folder / f"{key:06d}.bin").open("ab") as file:
            file.write(data)

    def each(self) -> Iterator[bytes]:
        """Yield what each key has."""
        for path in sorted(self.folder.iterdir()):
            yield path.read_bytes()


def one_text(asked: U64) -> list[bytes]:
    """Return the same text for each of the few pairs whose estimate is near the threshold."""
    return [b"one text"] * asked.size


def copies_of(folder: Path, load: Callable[[], Iterator[SignatureSet]]) -> Records:
    """Return all exact copies."""
    groups = Groups(folder / "exact")
    for each in load():
        for key, data in exact.pack_exact_keys(each):
            groups.add(key, data)
    return exact.merged_copies(exact.copies_of_group([data]) for data in groups.each())


def pairs_of(folder: Path, load: Callable[[], Iterator[SignatureSet]], skip: U64) -> Groups:
    """Return the candidates by the unit of their left document."""
    found = Groups(folder / "pairs")
    for first in range(0, bands.BANDS * PARTITIONS, KEYS_AT_ONCE):
        groups = Groups(folder / f"bands{first}")
        for each in load():
            end = first + KEYS_AT_ONCE
            for key, data in bands.pack_band_keys(each, skip=skip, first_key=first, end_key=end):
                groups.add(key, data)
        for data in groups.each():
            for unit, pairs in bands.pack_pair_keys(bands.pairs_of_group([data])):
                found.add(unit, pairs)
    return found


def steps(folder: Path, documents: int) -> Drops:
    """Write signatures, find what is dropped, and tell what each step takes."""
    paths = [folder / f"unit{at:05d}.arrow" for at in range(-(-documents // UNIT))]
    with told("write signatures"):
        for at, path in enumerate(paths):
            number = min(UNIT, documents - at * UNIT)
            signatures(at, at * UNIT, number, np.random.default_rng(at + 1)).save(path)

    def load() -> Iterator[SignatureSet]:
        return (SignatureSet.load(path) for path in paths)

    with told("exact copies"):
        copies = copies_of(folder, load)
    with told("candidates"):
        pairs = pairs_of(folder, load, copies["address"])
    with told("verification"):
        index = SignatureIndex(load())
        edges = Groups(folder / "edges")
        for number, data in enumerate(pairs.each()):
            edges.add(number, verify.edges_of_group([data], index, one_text))
    with told("clusters"):
        return cluster(index, copies, merged_edges(edges.each()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        print(f"{args.documents:,} documents; at the start {anonymous_mib():.0f} MiB\n")
        print("| step | CPU seconds | peak of anonymous memory, MiB |\n|---|---|---|")
        drops = steps(Path(name), args.documents)
        near = int(np.count_nonzero(drops.reason))
        size = sum(path.stat().st_size for path in Path(name).glob("unit*.arrow"))
    print(
        f"\n{len(drops) - near:,} exact and {near:,} near duplicates; signatures take "
        f"{size / args.documents:.0f} bytes a document on disk"
    )


if __name__ == "__main__":
    main()
