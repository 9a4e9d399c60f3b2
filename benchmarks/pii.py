"""Say how well and how fast the stage Pii finds personal data.

    python benchmarks/pii.py [--unseen]           # precision and recall by kind, on tests/data
    python benchmarks/pii.py --corpus DIR [--show 5]   # speed and finds in JSON Lines of a folder
    python benchmarks/pii.py --write              # the .jsonl of tests/data from the _marked.txt

Speed is in MB of UTF-8 text per CPU-second, in batches of 4 MB, compiled beforehand. Prints
Markdown. A find counts where kind, begin and end are as labelled.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from skypile.kernels.buffers import utf8_view
from skypile.kernels.pii import candidates
from skypile.stages.pii import KINDS, Pii, personal_data

DATA = Path(__file__).parents[1] / "tests" / "data"
MARK = re.compile(r"\[\[([a-z_0-9]+):([^\]]+)\]\]")
# What rules were mended by, and what they were not.
NAMES = ("pii", "pii_unseen")
BATCH_BYTES = 4_000_000

Span = tuple[int, int, str]


def checked(kind: str, value: str) -> str:
    """Return `value` with the check digit that its ``?`` stands for."""
    if "?" not in value:
        return value
    digits = [int(char) for char in value if char.isdigit()]
    if kind == "resident_id":  # GB 11643, ISO 7064 MOD 11-2
        total = sum(digit * pow(2, 17 - place, 11) for place, digit in enumerate(digits)) % 11
        return value.replace("?", "X" if total == 2 else str((12 - total) % 11))
    sums = [2 * d - 9 * (d > 4) if place % 2 == 0 else d for place, d in enumerate(digits[::-1])]
    return value.replace("?", str(-sum(sums) % 10))


def unmarked(marked: str) -> tuple[str, list[Span]]:
    """Return the text without marks, and (start, end, kind) of each."""
    text, spans, at = "", [], 0
    for match in MARK.finditer(marked):
        text += marked[at : match.start()]
        value = checked(match[1], match[2])
        spans.append((len(text), len(text) + len(value), match[1]))
        text += value
        at = match.end()
    return text + marked[at:], spans


def write(name: str) -> None:
    """Write tests/data/NAME.jsonl."""
    blocks = (DATA / f"{name}_marked.txt").read_text("utf-8").split("\n---\n")[1:]
    with (DATA / f"{name}.jsonl").open("w", encoding="utf-8") as file:
        for block in blocks:
            text, spans = unmarked(block.rstrip("\n"))
            file.write(json.dumps({"text": text, "spans": spans}, ensure_ascii=False) + "\n")


def labelled(name: str) -> Iterator[tuple[str, set[Span]]]:
    """Yield text and spans of each example."""
    for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        yield row["text"], {(start, end, kind) for start, end, kind in row["spans"]}


def found(text: str) -> set[Span]:
    """Return what the stage finds in one text, in characters."""
    data = text.encode()
    return {
        (len(data[: each.start].decode()), len(data[: each.stop].decode()), each.kind)
        for each in personal_data(pa.array([text]))
    }


def accuracy(name: str, *, show: bool = False) -> dict[str, tuple[int, int, int]]:
    """Return kind -> (right, wrong, missed)."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for text, wanted in labelled(name):
        told = found(text)
        right.update(kind for _, _, kind in told & wanted)
        wrong.update(kind for _, _, kind in told - wanted)
        missed.update(kind for _, _, kind in wanted - told)
        for name, spans in (("wrong", told - wanted), ("missed", wanted - told)):
            for start, end, kind in sorted(spans) if show else ():
                around = text[max(0, start - 24) : end + 12].replace("\n", "⏎")
                print(f"{name} {kind} {text[start:end]!r} in {around!r}")
    return {kind: (right[kind], wrong[kind], missed[kind]) for kind in KINDS}


def print_accuracy(name: str) -> None:
    """Print the table of precision and recall."""
    counts = accuracy(name, show=True)
    print("| kind | labelled | right | wrong | missed | precision | recall |\n|---|" + "---|" * 6)
    for kind, (right, wrong, missed) in counts.items():
        precision, recall = right / max(right + wrong, 1), right / max(right + missed, 1)
        cells = (right + missed, right, wrong, missed)
        print(f"| {kind} | {' | '.join(map(str, cells))} | {precision:.3f} | {recall:.3f} |")


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the texts of a file in batches."""
    texts: list[str] = []
    size = 0
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw)
        for line in io.TextIOWrapper(stream, "utf-8", newline="\n"):
            texts.append(orjson.loads(line)["text"])
            size += len(texts[-1])
            if size > BATCH_BYTES:
                yield pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})
                texts, size = [], 0
    yield pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})


def print_corpus(folder: Path, shown: int) -> None:
    """Print speed and finds by file, and `shown` finds of each kind."""
    stage, samples = Pii(), {str(kind): list[str]() for kind in KINDS}
    stage(pa.RecordBatch.from_pydict({"text": ["warm up"]}))
    print("| file | MB | scan MB/s | stage MB/s | candidates | " + " | ".join(KINDS) + " |")
    print("|---|" + "---|" * (4 + len(KINDS)))
    for path in sorted(folder.glob("*.jsonl.zst")):
        size, near, scan, whole, counts = 0, 0, 0.0, 0.0, Counter[str]()
        for batch in batches(path):
            texts = batch.column("text")
            data, offsets = utf8_view(texts)
            size += int(offsets[-1])
            start = time.process_time()
            near += len(candidates(data, offsets)[0])
            scan += time.process_time() - start
            start = time.process_time()
            stage(batch)
            whole += time.process_time() - start
            for each in personal_data(texts):
                counts[each.kind] += 1
                text = texts[each.row].as_buffer().to_pybytes()
                around = text[max(0, each.start - 40) : each.stop + 24].decode(errors="ignore")
                samples[each.kind].append(f"{path.stem[:12]}: {each.value.decode()} in {around!r}")
        speeds = f"{size / scan / 1e6:.0f} | {size / whole / 1e6:.0f}"
        cells = " | ".join(f"{counts[kind]:,}" for kind in KINDS)
        print(
            f"| {path.name[:-10]} | {size / 1e6:.1f} | {speeds} | {near:,} | {cells} |", flush=True
        )
    for kind, lines in samples.items():
        for line in random.Random(0).sample(lines, min(shown, len(lines))):
            print(f"{kind}: {line}")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    if args.write:
        for name in NAMES:
            write(name)
    elif args.corpus:
        print_corpus(args.corpus, args.show)
    else:
        print_accuracy(NAMES[args.unseen])


if __name__ == "__main__":
    main()
