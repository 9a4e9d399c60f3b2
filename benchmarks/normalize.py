"""Say how fast the stage Normalize is, what it repairs, and what it leaves alone.

    python benchmarks/normalize.py speed DIR [--peer PYTHON]    # by file of JSON Lines in DIR
    python benchmarks/normalize.py recall DIR [--peer PYTHON]   # texts of DIR broken in each way
    python benchmarks/normalize.py changes DIR [--show]         # all that is changed in DIR

PYTHON is an interpreter with ftfy. Speed is in MB of UTF-8 text per CPU-second, the best of three
passes in turn, in batches of 500 documents, compiled beforehand. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from skypile.kernels import normal_scan
from skypile.stages.normalize import COUNTED, Normalize

ROWS, MAX_BYTES, PEER_BYTES = 500, 30_000_000, 1_000_000
LINE_ENDS = re.compile("\r\n|[\x0b\x0c\r\x85\u2028\u2029]")
CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u206a-\u206f\ufff9-\ufffc\ufdd0-\ufdef]"
)
# What the common way looks for in every text: one pattern, besides unicodedata.is_normalized.
ODD = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060\u2066-\u206f\ufe00-\ufe0f"
    "\ufeff\ufff9-\ufffd\ufdd0-\ufdef]|[\xc2-\xf4][\x80-\xbf\u0152-\u02dc\u2013-\u2122]|[鈥锛銆鐨鏄鍦]"
)
PEER = """
import json, sys, time
import ftfy
texts = json.load(sys.stdin)
begun = time.process_time()
fixed = [ftfy.fix_text(text, unescape_html=False, uncurl_quotes=False, fix_latin_ligatures=False,
         fix_character_width=False) for text in texts]
json.dump([time.process_time() - begun, fixed], sys.stdout)
"""


def texts_of(path: Path, limit: int = MAX_BYTES) -> list[str]:
    """Return the texts of one file, up to `limit` bytes of them."""
    found, size = [], 0
    with path.open("rb") as file:
        for line in zstandard.ZstdDecompressor().stream_reader(file).read().splitlines():
            found.append(orjson.loads(line)["text"])
            size += len(found[-1])
            if size > limit:
                break
    return found


def batches(texts: list[str]) -> list[pa.RecordBatch]:
    """Return the texts as batches without programming languages."""
    parts = [texts[at : at + ROWS] for at in range(0, len(texts), ROWS)]
    return [
        pa.RecordBatch.from_pydict(
            {"text": pa.array(part, pa.string()), "prog_lang": pa.nulls(len(part), pa.string())}
        )
        for part in parts
    ]


def peer(python: str, texts: list[str]) -> tuple[float, list[str]]:
    """Return CPU-seconds and texts of ftfy."""
    told = subprocess.run(
        [python, "-c", PEER], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    seconds, fixed = json.loads(told.stdout)
    return seconds, fixed


def best(work: dict[str, partial[None]]) -> dict[str, float]:
    """Return the least CPU-seconds of three for each, in turn."""
    least = dict.fromkeys(work, float("inf"))
    for _ in range(3):
        for name, function in work.items():
            begun = time.process_time()
            function()
            least[name] = min(least[name], time.process_time() - begun)
    return least


def clean(text: str) -> bool:
    """Tell whether the common way finds nothing in `text`."""
    return unicodedata.is_normalized("NFC", text) and not ODD.search(text)


def clean_all(texts: list[str]) -> None:
    """Look at all texts the common way."""
    for text in texts:
        clean(text)


def scan_all(parts: list[pa.RecordBatch]) -> None:
    """Scan all batches."""
    for batch in parts:
        normal_scan.scan(batch.column("text"))


def run_all(parts: list[pa.RecordBatch]) -> None:
    """Normalise all batches."""
    stage = Normalize()
    for batch in parts:
        stage(batch)


def check_equal(texts: list[str]) -> None:
    """Hold the stage to plain Python where the definitions are the same."""
    stage = Normalize(mojibake=False, directions=False, zero_width=False)
    for batch in batches(texts):
        for text, shown in zip(batch.column("text").to_pylist(), stage(batch)["text"], strict=True):
            plain = CONTROLS.sub("", LINE_ENDS.sub("\n", text))
            assert shown.as_py() == unicodedata.normalize("NFC", plain), text[:100]


def speed(folder: Path, python: str) -> None:
    """Print MB/s by file: documents as they are, and those to which nothing is done."""
    run_all(batches(["warm\r\nup", "Ã©t鈥檚 e\u0301\u200b"]))
    print(
        "| file | MB | scan | stage | stage, clean documents | is_normalized and a pattern | ftfy |"
    )
    print("|---|---|---|---|---|---|---|")
    for path in sorted(folder.glob("*.jsonl.zst")):
        texts = texts_of(path)
        check_equal(texts[:2000])
        every = batches(texts)
        needs = [need for batch in every for need in normal_scan.scan(batch.column("text"))[0]]
        alone = [text for text, need in zip(texts, needs, strict=True) if not need]
        some = batches(alone)
        sizes = {
            name: sum(batch.column("text").nbytes for batch in parts) / 1e6
            for name, parts in (("every", every), ("some", some))
        }
        spent = best({
            "scan": partial(scan_all, every), "stage": partial(run_all, every),
            "clean": partial(run_all, some), "common": partial(clean_all, texts),
        })  # fmt: skip
        cells = [sizes["every"] / spent["scan"], sizes["every"] / spent["stage"],
                 sizes["some"] / spent["clean"], sizes["every"] / spent["common"]]  # fmt: skip
        if python:
            sample = texts_of(path, PEER_BYTES)
            seconds, _ = peer(python, sample)
            cells.append(sum(len(text.encode()) for text in sample) / 1e6 / seconds)
        shown = " | ".join(f"{cell:,.0f}" if cell > 10 else f"{cell:.1f}" for cell in cells)
        print(f"| {path.name[:-10]} | {sizes['every']:.0f} | {shown} |", flush=True)


def latin(text: str, lost: str = "") -> str:
    """Return UTF-8 as Windows-1252 shows it; bytes that it lacks as controls, or as `lost`."""
    shown = [bytes((byte,)).decode("cp1252", "ignore") or lost or chr(byte) for byte in range(256)]
    return "".join(shown[byte] for byte in text.encode())


BREAKS: dict[str, Callable[[str], str]] = {
    "UTF-8 as Latin-1": lambda text: text.encode().decode("latin-1"),
    "UTF-8 as Windows-1252": latin,
    "the same, five bytes lost": lambda text: latin(text, "\ufffd"),
    "UTF-8 as Windows-1252, twice": lambda text: latin(latin(text)),
    "UTF-8 as GB 18030": lambda text: text.encode().decode("gb18030", "replace"),
    "UTF-8 as GBK": lambda text: text.encode().decode("gbk", "replace"),
    "UTF-8 as GBK, unreadable dropped": lambda text: text.encode().decode("gbk", "ignore"),
    "UTF-8 as GB 18030, twice": lambda text: (
        text.encode().decode("gb18030", "replace").encode().decode("gb18030", "replace")
    ),
    "Windows-1252 as Latin-1": lambda text: text.encode("cp1252", "replace").decode("latin-1"),
    "every other line as Windows-1252": lambda text: "\n".join(
        latin(line) if at % 2 else line for at, line in enumerate(text.split("\n"))
    ),
    "every other line as GB 18030": lambda text: "\n".join(
        line.encode().decode("gb18030", "replace") if at % 2 else line
        for at, line in enumerate(text.split("\n"))
    ),
}


def articles(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield samples of normalised documents by language: those with something to break."""
    for name, language, least in (
        ("en_tech_lctt", "en", 3), ("zh_tech_lctt", "zh", 200), ("zh_hant", "zh-Hant", 200),
        ("zh_classical", "lzh", 200), ("other_langs", "fr", 50), ("other_langs", "de", 50),
        ("other_langs", "pl", 50), ("other_langs", "vi", 50), ("other_langs", "ru", 50),
        ("other_langs", "ja", 50),
    ):  # fmt: skip
        with (folder / f"{name}.jsonl.zst").open("rb") as file:
            lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines()
        rows = [orjson.loads(line) for line in lines]
        hint = language if name == "other_langs" else None
        texts = [row["text"][:3000] for row in rows if hint is None or row["lang_hint"] == hint]
        texts = [text for text in texts if sum(char > "\x7f" for char in text) >= least]
        normal = [text for batch in batches(texts[:: max(1, len(texts) // 60)][:60])
                  for text in Normalize()(batch)["text"].to_pylist()]  # fmt: skip
        yield language, normal


def restored(text: str, broken: str, shown: str) -> tuple[int, int]:
    """Return how many characters beyond ASCII a break cost, and how many of these are back."""
    whole, left, back = (
        Counter(char for char in each if char > "\x7f") for each in (text, broken, shown)
    )
    lost = whole - left
    return lost.total(), lost.total() - (lost - back).total()


def recall(folder: Path, python: str) -> None:
    """Print the share of broken characters that come back, by language and way of breaking."""
    samples = dict(articles(folder))
    peers = " (ftfy)" if python else ""
    print(f"Share of the broken characters that come back{peers}.\n")
    print("| | " + " | ".join(samples) + " |\n|---|" + "---|" * len(samples))
    for name, breaks in BREAKS.items():
        cells = []
        for texts in samples.values():
            broken = [breaks(text) for text in texts]
            columns = [Normalize()(batch)["text"] for batch in batches(broken)]
            shown = [text.as_py() for column in columns for text in column]
            results = [shown, *([peer(python, broken)[1]] if python else [])]
            shares = []
            for result in results:
                pairs = [restored(*each) for each in zip(texts, broken, result, strict=True)]
                total = sum(cost for cost, _ in pairs)
                shares.append(sum(back for _, back in pairs) / total if total else float("nan"))
            other = f" ({shares[1]:.1%})" if python else ""
            cells.append(f"{shares[0]:.1%}{other}")
        print(f"| {name} | {' | '.join(cells)} |".replace("nan%", "-"), flush=True)


def changes(folder: Path, *, show: bool) -> None:
    """Print what is changed in each file, in documents and in things; show each repair."""
    names = (*COUNTED, "replacement_count", "mojibake_lost_chars", "normalize_removed_chars")
    print("Documents (and things) by column.\n")
    for path in sorted(folder.glob("*.jsonl.zst")):
        documents, things, changed = Counter[str](), Counter[str](), 0
        texts = texts_of(path, 1 << 40)
        for batch in batches(texts):
            found = Normalize()(batch)
            for name in names:
                counts = found[name].to_pylist()
                things[name] += sum(counts)
                documents[name] += sum(count > 0 for count in counts)
            rows = zip(batch.column("text"), found["text"], strict=True)
            for row, (old, new) in enumerate(rows):
                changed += old != new
                if show and found["mojibake_repaired_chars"][row].as_py():
                    shown(old.as_py(), new.as_py())
        told = ", ".join(f"{name} {documents[name]:,} ({things[name]:,})" for name in names
                         if things[name])  # fmt: skip
        print(f"- {path.name[:-10]}: {changed:,} of {len(texts):,} changed. {told}", flush=True)


def shown(old: str, new: str) -> None:
    """Print the first line that was repaired, from where it differs."""
    before = LINE_ENDS.sub("\n", old).split("\n")
    for one, other in zip(before, new.split("\n"), strict=False):
        if one != other and ODD.sub("", one) != other:
            at = next((k for k, pair in enumerate(zip(one, other, strict=False))
                       if pair[0] != pair[1]), 0)  # fmt: skip
            print(f"    {one[max(0, at - 20) : at + 20]!r} -> {other[max(0, at - 20) : at + 20]!r}")
            return


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "recall", "changes"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer", default="")
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if options.what == "speed":
        speed(options.folder, options.peer)
    elif options.what == "recall":
        recall(options.folder, options.peer)
    else:
        changes(options.folder, show=options.show)


if __name__ == "__main__":
    main()
