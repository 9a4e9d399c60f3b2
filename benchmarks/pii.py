"""Say how well and how fast the stage Pii finds personal data.

    python benchmarks/pii.py [--show 1]           # precision and recall by kind, written texts
    python benchmarks/pii.py --made dev|unseen    # the same for texts made from templates
    python benchmarks/pii.py --corpus DIR [--show 5]   # speed and finds in JSON Lines of a folder
    python benchmarks/pii.py --write              # tests/data/pii.jsonl from pii_marked.txt

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
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard
from pii_texts import Labelled, Span, filled_texts
from pii_values import check_digit, luhn_digit

from skypile.kernels.buffers import utf8_view
from skypile.kernels.pii import candidates
from skypile.stages.pii import KINDS, Pii, personal_data

DATA = Path(__file__).parents[1] / "tests" / "data"
MARK = re.compile(r"\[\[([a-z_0-9]+):([^\]]+)\]\]")
BATCH_BYTES = 4_000_000


def checked(kind: str, value: str) -> str:
    """Return `value` with the check digit that its ``?`` stands for."""
    digits = re.sub("[^0-9]", "", value)
    digit = check_digit(digits) if kind == "resident_id" else luhn_digit(digits)
    return value.replace("?", digit)


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


def write() -> None:
    """Write tests/data/pii.jsonl."""
    blocks = (DATA / "pii_marked.txt").read_text("utf-8").split("\n---\n")[1:]
    with (DATA / "pii.jsonl").open("w", encoding="utf-8") as file:
        for block in blocks:
            text, spans = unmarked(block.rstrip("\n"))
            file.write(json.dumps({"text": text, "spans": spans}, ensure_ascii=False) + "\n")


def labelled() -> list[Labelled]:
    """Return the written examples."""
    rows = map(json.loads, (DATA / "pii.jsonl").read_text("utf-8").splitlines())
    return [Labelled(row["text"], [tuple(span) for span in row["spans"]], []) for row in rows]


def made(name: str, *, times: int = 12, seed: int = 0) -> list[Labelled]:
    """Return the texts made from tests/data/pii_templates_NAME.txt."""
    return [each for each, _ in filled_texts(name, times=times, seed=seed)]


def found(texts: list[str]) -> list[set[Span]]:
    """Return what the stage finds in each text, in characters."""
    told: list[set[Span]] = [set() for _ in texts]
    data = [text.encode() for text in texts]
    for each in personal_data(pa.array(texts, pa.string())):
        start, stop = (len(data[each.row][:at].decode()) for at in (each.start, each.stop))
        told[each.row].add((start, stop, each.kind))
    return told


@dataclass(slots=True)
class Tally:
    """Right and wrong finds, missed ones, and what was to be left alone, for one kind."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    unwanted: int = 0

    @property
    def precision(self) -> float:
        """The part of the finds that is right."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """The part of what was labelled that is found."""
        return self.right / max(self.right + self.missed, 1)


def accuracy(examples: list[Labelled], *, show: bool = False) -> dict[str, Tally]:
    """Return how right the stage is on the examples, by kind."""
    tallies: dict[str, Tally] = {kind: Tally() for kind in KINDS}
    for each, told in zip(examples, found([each.text for each in examples]), strict=True):
        wanted = set(each.wanted)
        for span in told | wanted:
            tally = tallies[span[2]]
            tally.right += span in told and span in wanted
            tally.wrong += span not in wanted
            tally.missed += span not in told
            if show and (span not in told or span not in wanted):
                start, end, kind = span
                around = each.text[max(0, start - 24) : end + 12].replace("\n", "⏎")
                name = "wrong" if span in told else "missed"
                print(f"{name} {kind} {each.text[start:end]!r} in {around!r}")
        for _, _, kind in each.unwanted:
            tallies[kind].unwanted += 1
    return tallies


def print_accuracy(examples: list[Labelled], *, show: bool) -> None:
    """Print the table of precision and recall."""
    tallies = accuracy(examples, show=show)
    print(f"{len(examples):,} texts.\n")
    print("| kind | labelled | look-alikes | right | wrong | missed | precision | recall |")
    print("|---|" + "---|" * 7)
    for kind, tally in tallies.items():
        counts = (
            tally.right + tally.missed,
            tally.unwanted,
            tally.right,
            tally.wrong,
            tally.missed,
        )
        cells = " | ".join(map(str, counts))
        print(f"| {kind} | {cells} | {tally.precision:.3f} | {tally.recall:.3f} |")


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
    parser.add_argument("--made", metavar="NAME")
    parser.add_argument("--times", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    if args.write:
        write()
    elif args.corpus:
        print_corpus(args.corpus, args.show)
    else:
        examples = made(args.made, times=args.times, seed=args.seed) if args.made else labelled()
        print_accuracy(examples, show=bool(args.show))


if __name__ == "__main__":
    main()
