"""Speed of stage decontaminate, and what it finds in real text.

    python benchmarks/decontaminate.py speed --data SHARED_DATA [--items 100000] [--mb 8]
        [--rounds 5] [--peer PYTHON]
    python benchmarks/decontaminate.py planted --data SHARED_DATA [--items 2000]
    python benchmarks/decontaminate.py shared --data SHARED_DATA [--items 20000] [--show 10]

`speed`: made items (by seed: 15 to 40 words or 15 to 60 characters of the corpus's own, drawn at
random), one document in a hundred with one of them. `--peer` names a Python with datatrove, whose
NGramsDecontFilter reads the same texts with the same n, in its own words (spaCy, jieba) and in
words at white space or characters; that both flag the same documents, on texts of letters alone, is
asserted before anything is timed. MB of UTF-8 per CPU-second, best of the rounds, which take turns.

`planted`: every item stands in one document of the corpus, in another case, with other signs and
line ends; the others have none. That all are found, none in others, and that no n-gram of one is
left by `mode: passage`, is asserted.

`shared`: sentences of one source as items, documents of other sources as text: what real text has
in common, by n. Prints Markdown.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from skypile.kernels.buffers import utf8_view
from skypile.stages.decontaminate import Decontaminate

FILES = {"en": ("en_books", "en_prose_nltk"), "zh": ("zh_tech_lctt", "zh_news")}
PLANTED = ("en_docs", "en_tech_lctt", "zh_docs", "zh_news", "zh_classical", "code")
TOKENS = {"en": r"[a-z]+", "zh": "[\u4e00-\u9fff]"}
SIZES = {"en": (15, 40), "zh": (15, 60)}
SEED = 20261126


def rows(data: Path, name: str) -> Iterator[str]:
    """Yield the texts of a file of the corpus."""
    with (data / "corpus" / f"{name}.jsonl.zst").open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw)
        for line in io.TextIOWrapper(stream, "utf-8", newline="\n"):
            yield orjson.loads(line)["text"]


def texts_of(data: Path, lang: str, size: int) -> list[str]:
    """Return texts of about `size` bytes, half from each file."""
    found = []
    for name in FILES[lang]:
        left = size // 2
        for text in rows(data, name):
            found.append(text)
            left -= len(text.encode())
            if left < 0:
                break
    return found


def made(texts: Sequence[str], lang: str, count: int) -> list[str]:
    """Return items of tokens of the texts, drawn at random."""
    rng = random.Random(SEED)
    tokens = re.findall(TOKENS[lang], " ".join(texts).lower())
    joint = " " if lang == "en" else ""
    return [joint.join(rng.choices(tokens, k=rng.randint(*SIZES[lang]))) for _ in range(count)]


def plain(text: str, lang: str) -> str:
    """Return the text as both programs read it alike: letters alone."""
    return (" " if lang == "en" else "").join(re.findall(TOKENS[lang], text.lower()))


def stage_of(items: Sequence[str], folder: Path, **options: Any) -> Decontaminate:
    """Return the stage for the items, compiled: nothing of an earlier run is used."""
    os.environ["XDG_CACHE_HOME"] = str(folder)
    path = folder / f"{len(items)}.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps({"question": item}) for item in items))
    stage = Decontaminate(sets={"made": (str(path),)}, **options)
    stage.load()
    return stage


def batch_of(texts: Sequence[str]) -> pa.RecordBatch:
    """Return the texts as a batch."""
    return pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})


# --- speed -------------------------------------------------------------------------------------


class Peer:
    """datatrove in a process of its own environment."""

    def __init__(self, python: str, items: Sequence[str], lang: str, n: int) -> None:
        script = Path(__file__).with_name("decontaminate_peer.py")
        self._process = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ask({"items": list(items), "lang": lang, "n": n})

    def ask(self, question: object) -> Any:
        """Return the answer to a question of decontaminate_peer.py."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return how long this process worked."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def speed(args: argparse.Namespace) -> None:
    """Print MB/s by language."""
    print("| | documents | MB | compile s | ours MB/s | peer, words or characters | peer, own |")
    print("|---|---|---|---|---|---|---|")
    for lang in FILES:
        with tempfile.TemporaryDirectory() as folder:
            print(_speed(args, lang, Path(folder)))


def _speed(args: argparse.Namespace, lang: str, folder: Path) -> str:
    texts = texts_of(args.data, lang, args.mb << 20)
    items = made(texts, lang, args.items)
    joint = "\n"
    texts = [t if at % 100 else f"{t}{joint}{items[at // 100]}" for at, t in enumerate(texts)]
    stage_of(items[:100], folder)  # loads the kernels
    begin = time.process_time()
    stage = stage_of(items, folder)
    compiling = time.process_time() - begin
    batch = batch_of(texts)
    hits = np.asarray(stage(batch)["decontaminate_item_count"])
    assert np.flatnonzero(hits).tolist() == list(range(0, len(texts), 100))
    size = sum(len(text.encode()) for text in texts) / 1e6
    peer = Peer(args.peer, items, lang, 13) if args.peer else None
    part = texts[: max(100, len(texts) // args.peer_part)]
    part_size = sum(len(text.encode()) for text in part) / 1e6
    if peer:
        small = [plain(text, lang) for text in part]
        ours = np.asarray(stage(batch_of(small))["decontaminate_item_count"]) > 0
        assert peer.ask({"texts": small, "words": True})["flagged"] == ours.tolist()
    best = [float("inf")] * 3
    for _ in range(args.rounds):
        best[0] = min(best[0], cpu_seconds(lambda: stage(batch)))
        if peer:
            for at, words in ((1, True), (2, False)):
                best[at] = min(best[at], peer.ask({"texts": part, "words": words})["seconds"])
    if peer:
        peer.close()
    theirs = [
        f"{part_size / each:.2f} ({each / part_size * size / best[0]:,.0f}x)" for each in best[1:]
    ]
    return (
        f"| {lang} | {len(texts):,} | {size:.0f} | {compiling:.1f} | {size / best[0]:.0f} | "
        f"{' | '.join(theirs if peer else ('-', '-'))} |"
    )


# --- what is found -----------------------------------------------------------------------------


def disguised(item: str, rng: random.Random) -> str:
    """Return an item in another case, with other signs and line ends."""
    if " " in item:
        words = [rng.choice((str.lower, str.upper, str.title))(word) for word in item.split()]
        return "".join(word + rng.choice((" ", ", ", "\n", "  ", ". ", " - ")) for word in words)
    return "".join(char + rng.choice(("", "", "", "，", " ", "\n", "。")) for char in item)


def planted(args: argparse.Namespace) -> None:
    """Print what is found of items that stand in documents, and what is not."""
    rng = random.Random(SEED)
    documents = [text for name in PLANTED for text in rows(args.data, name) if text]
    items = [
        item for lang in FILES
        for item in made(texts_of(args.data, lang, 4 << 20), lang, args.items // 2)
    ]  # fmt: skip
    places = rng.sample(range(len(documents)), len(items))
    owner = dict(zip(places, range(len(items)), strict=True))
    texts = []
    for at, text in enumerate(documents):
        if at in owner:
            cut = rng.randrange(len(text) + 1)
            text = f"{text[:cut]}\n{disguised(items[owner[at]], rng)}\n{text[cut:]}"
        texts.append(text)
    with tempfile.TemporaryDirectory() as folder:
        stage = stage_of(items, Path(folder), mode="passage")
        found = stage.found(pa.array(texts, pa.large_string()))
        index = stage.benchmarks().index
        pairs = {(int(row), int(index.text_items[text])) for row, text, _ in found.hits}
        assert pairs == set(owner.items()), "an item was missed, or found where it is not"
        columns = stage(batch_of(texts))
        left = stage.found(columns["text"])
        assert not left.hits.size
        gone = np.asarray(columns["decontaminate_removed_chars"])[places]
    print(
        f"{len(items):,} items in {len(texts):,} documents: each found in its document, none in "
        f"the {len(texts) - len(items):,} others. Passages take {np.median(gone):,.0f} characters "
        "at the median; none of them is left."
    )


def sentences(data: Path, name: str, count: int) -> list[str]:
    """Return sentences of at least 13 words or characters of a file, each once."""
    found: dict[str, None] = {}
    for text in rows(data, name):
        for part in re.split(r"(?<=[.?!。？！])\s*|\n\n", text):
            words = len(re.findall(r"[a-z]+|[\u4e00-\u9fff]", part.lower()))
            if 16 <= words <= 60:
                found[" ".join(part.split())] = None
    chosen = sorted(found)
    random.Random(SEED).shuffle(chosen)
    return chosen[:count]


PAIRS = {
    "en": ("en_prose_nltk", ("en_docs", "en_stem", "en_tech_lctt", "en_books")),
    "zh": ("zh_stem", ("zh_docs", "zh_news", "zh_tech_goldminer", "zh_tech_lctt")),
}


def shared(args: argparse.Namespace) -> None:
    """Print what documents share with sentences of other sources."""
    print("| items of | documents of | n | documents | hit | share | hit with half of an item |")
    print("|---|---|---|---|---|---|---|")
    shown: list[str] = []
    for lang, (source, others) in PAIRS.items():
        items = sentences(args.data, source, args.items)
        for n in (8, 13, 20, 30):
            with tempfile.TemporaryDirectory() as folder:
                stage = stage_of(
                    items, Path(folder), ngram_words=n, ngram_chars=n, short_words=min(8, n),
                    short_chars=min(10, n),
                )  # fmt: skip
                for name in others:
                    texts = [text for text in rows(args.data, name) if text]
                    columns = stage(batch_of(texts))
                    hit = np.asarray(columns["decontaminate_item_count"]) > 0
                    half = np.asarray(columns["decontaminate_item_frac"]) >= 0.5
                    print(
                        f"| {source} | {name} | {n} | {len(texts):,} | {hit.sum():,} | "
                        f"{hit.mean():.2%} | {half.sum():,} |"
                    )
                    if n == 13:
                        shown += _shown(stage, texts, f"{lang} {name}", args.show)
    print("", *shown, sep="\n")


def _shown(stage: Decontaminate, texts: Sequence[str], name: str, count: int) -> list[str]:
    data, _ = utf8_view(pa.array(texts, pa.large_string()))
    spans = stage.found(pa.array(texts, pa.large_string())).spans
    found = sorted({" ".join(data[a:b].tobytes().decode().split()) for _, a, b in spans}, key=len)
    random.Random(SEED).shuffle(found)
    return [f"- {name}: {one[:120]}" for one in found[:count]]


def main() -> None:
    """Run the part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("speed", "planted", "shared"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--items", type=int)
    parser.add_argument("--mb", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer")
    parser.add_argument(
        "--peer-part", type=int, default=8, help="of so many documents it reads one"
    )
    parser.add_argument("--show", type=int, default=10)
    args = parser.parse_args()
    args.items = args.items or {"speed": 100_000, "planted": 2_000, "shared": 20_000}[args.part]
    {"speed": speed, "planted": planted, "shared": shared}[args.part](args)


if __name__ == "__main__":
    main()
