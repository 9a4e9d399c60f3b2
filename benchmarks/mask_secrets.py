"""Say how well and how fast the stage Secrets finds secrets.

    python benchmarks/mask_secrets.py                 # precision and recall by kind, texts of SEEN
    python benchmarks/mask_secrets.py --unseen        # the same on texts that no rule was mended by
    python benchmarks/mask_secrets.py --corpus FILE… [--show]   # speed and all finds in real code

FILE: JSON Lines packed by zstd, or a folder of source files. Speed is in MB of UTF-8 text per
CPU-second, in batches of 4 MB, compiled beforehand. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))

from pii import batches
from secret_texts import examples

from skypile.kernels.buffers import utf8_view
from skypile.kernels.secrets import secret_candidates
from skypile.prog_langs import language_of
from skypile.stages.secrets import KINDS, Secrets, secrets

BATCH_BYTES = 4_000_000
Span = tuple[int, int, str]


def found(text: str) -> set[Span]:
    """Return what the stage finds in one text, in characters."""
    data = text.encode()
    return {
        (len(data[: each.start].decode()), len(data[: each.stop].decode()), each.kind)
        for each in secrets(pa.array([text]))
    }


def accuracy(*, seen: bool, seed: int = 0, show: bool = False) -> dict[str, tuple[int, int, int]]:
    """Return kind -> (right, wrong, missed)."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for text, spans in examples(seen=seen, seed=seed):
        wanted, told = set(spans), found(text)
        right.update(kind for _, _, kind in told & wanted)
        wrong.update(kind for _, _, kind in told - wanted)
        missed.update(kind for _, _, kind in wanted - told)
        for name, off in (("wrong", told - wanted), ("missed", wanted - told)):
            for start, end, kind in sorted(off) if show else ():
                around = text[max(0, start - 40) : end + 12].replace("\n", "⏎")
                print(f"{name} {kind} {text[start:end]!r} in {around!r}")
    return {kind: (right[kind], wrong[kind], missed[kind]) for kind in KINDS}


def print_accuracy(*, seen: bool, seed: int) -> None:
    """Print the table of precision and recall."""
    counts = accuracy(seen=seen, seed=seed, show=True)
    print("| kind | labelled | right | wrong | missed | precision | recall |\n|---|" + "---|" * 6)
    for kind, (right, wrong, missed) in counts.items():
        precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
        cells = (right + missed, right, wrong, missed)
        print(f"| {kind} | {' | '.join(map(str, cells))} | {precision:.3f} | {recall:.3f} |")


def texts_of(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the texts of a file of JSON Lines, or of the source files in a folder, in batches."""
    if path.is_file():
        yield from batches(path)
        return
    texts: list[str] = []
    size = 0
    for file in sorted(path.rglob("*")):
        if language_of(file.name) is None or file.is_symlink() or not file.is_file():
            continue
        try:
            texts.append(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        size += len(texts[-1])
        if size > BATCH_BYTES:
            yield pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})
            texts, size = [], 0
    yield pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})


def print_corpus(paths: list[Path], *, show: bool) -> None:
    """Print speed and numbers of finds by path, and every find."""
    stage = Secrets()
    stage(pa.RecordBatch.from_pydict({"text": ["warm up"]}))
    print("| path | MB | scan MB/s | stage MB/s | candidates | finds |\n|---|" + "---|" * 5)
    for path in paths:
        size, near, scan, whole = 0, 0, 0.0, 0.0
        counts, lines = Counter[str](), list[str]()
        for batch in texts_of(path):
            texts = batch.column("text")
            data, offsets = utf8_view(texts)
            size += int(offsets[-1])
            start = time.process_time()
            near += len(secret_candidates(data, offsets)[0])
            scan += time.process_time() - start
            start = time.process_time()
            stage(batch)
            whole += time.process_time() - start
            for each in secrets(texts):
                counts[each.kind] += 1
                text = texts[each.row].as_buffer().to_pybytes()
                around = text[max(0, each.start - 60) : each.stop + 16].decode(errors="ignore")
                lines.append(f"{each.kind}: {each.value[:60]!r} in {around[:180]!r}")
        speeds = f"{size / scan / 1e6:.0f} | {size / whole / 1e6:.0f}"
        told = ", ".join(f"{kind} {n}" for kind, n in counts.most_common()) or "none"
        print(f"| {path.name} | {size / 1e6:.1f} | {speeds} | {near:,} | {told} |", flush=True)
        for line in lines if show else ():
            print(line)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, nargs="+")
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    if args.corpus:
        print_corpus(args.corpus, show=args.show)
    else:
        print_accuracy(seen=not args.unseen, seed=args.seed)


if __name__ == "__main__":
    main()
