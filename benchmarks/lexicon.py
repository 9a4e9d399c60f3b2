"""Speed of lexicons and of lists of URLs, and what the default lexicon finds.

    python benchmarks/lexicon.py speed --data SHARED_DATA [--terms 1000000] [--mb 8] [--rounds 5]
    python benchmarks/lexicon.py urls [--domains 4600000] [--urls 400000]
    python benchmarks/lexicon.py rates --data SHARED_DATA [--show 10]

`speed`: half of the terms are Chinese (3 to 8 characters), half Latin (1 to 3 words), made by seed:
one in ten is a run of the corpus, the others are its characters or words drawn at random. Peers
(pyahocorasick, ahocorasick_rs, daachorse, where installed) seek the same terms in the same texts:
the Chinese ones in Chinese text without white space, full-width forms and capitals, the Latin ones
in lower-case text of single spaces, hits kept that stand between borders of words. That all find
the same number of terms on the first megabyte is asserted before anything is timed. MB of UTF-8
per CPU-second, best of the rounds, which take turns. `rates` is what docs/lexicons.md says of hits
by register. Prints Markdown.
"""

from __future__ import annotations

import argparse
import collections
import io
import random
import re
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import zstandard

from skypile.kernels import urls
from skypile.kernels.buffers import utf8_view
from skypile.kernels.hash_table import hash_table
from skypile.kernels.lexicon import Terms, compile_terms, lexicon_counts, term_keys
from skypile.kernels.term_tokens import BLANKS
from skypile.stages.lexicon import Lexicon

Scan = Callable[[Sequence[str]], int]
FILES = {"zh": ("zh_tech_lctt", "zh_news"), "en": ("en_books", "en_prose_nltk")}


# Full-width forms, which our kernel takes for ASCII, and what it reads as white space.
NARROW: dict[int, int | None] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
NARROW |= dict.fromkeys(map(ord, BLANKS))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw)
        for line in io.TextIOWrapper(stream, "utf-8", newline="\n"):
            yield orjson.loads(line)


def plain(text: str, lang: str) -> str:
    """Return the text in a form in which terms of ours and substrings are the same."""
    if lang == "zh":
        return text.translate(NARROW).lower()
    return " ".join(re.findall(r"[a-z0-9]+|[^\w\s]", text.lower()))


def corpus(folder: Path, lang: str, size: int) -> list[str]:
    """Return texts of a language of about `size` bytes, half from each file."""
    found = []
    for name in FILES[lang]:
        left = size // 2
        for row in rows(folder / "corpus" / f"{name}.jsonl.zst"):
            text = plain(row["text"], lang)
            found.append(text)
            left -= len(text.encode())
            if left < 0:
                break
    return found


def made_terms(texts: Sequence[str], lang: str, count: int) -> list[str]:
    """Return terms made by seed of the tokens of `texts`."""
    rng = random.Random(20261126)
    whole = " ".join(texts)
    tokens = re.findall("[\u4e00-\u9fff]" if lang == "zh" else r"[a-z0-9]+", whole)
    kinds, least, most, joint = sorted(set(tokens)), 1, 3, " "
    if lang == "zh":
        least, most, joint = 3, 8, ""
    found: set[str] = set()
    while len(found) < count:
        size = rng.randint(least, most)
        if rng.random() < 0.1 and size > 1:
            at = rng.randrange(len(tokens) - size)
            found.add(joint.join(tokens[at : at + size]))
        elif size > 1:
            found.add(joint.join(rng.choices(kinds, k=size)))
        else:
            found.add(rng.choice(kinds) + rng.choice(kinds)[:4])
    return sorted(found)


def compiled(terms: Sequence[str]) -> Terms:
    """Return the terms for our kernel, of one category."""
    data, offsets = utf8_view(pa.array(terms, pa.large_string()))
    keys, sizes = term_keys(data, offsets[:-1].copy(), offsets[1:].copy())
    return compile_terms(keys, sizes, np.ones(len(terms), np.uint64))


def ours(terms: Terms) -> Scan:
    """Return the scan of the kernel."""

    def scan(texts: Sequence[str]) -> int:
        data, offsets = utf8_view(pa.array(texts, pa.large_string()))
        counts = lexicon_counts(data, offsets, terms, 1, listing=False)[0]
        return int(counts[:, 0, 0].sum())

    return scan


def whole_words(text: str, start: int, stop: int) -> bool:
    """Tell whether text[start:stop] has borders of words at both ends (ASCII)."""
    before, behind = text[start - 1 : start], text[stop : stop + 1]
    return not (before.isalnum() and text[start].isascii() and text[start].isalnum()) and not (
        behind.isalnum() and text[stop - 1].isascii() and text[stop - 1].isalnum()
    )


def longest(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """Return the number of spans taken from the left, the longest at each place, none over another.

    As in the kernel, only spans between borders of words count.
    """
    found, end = 0, 0
    for start, stop in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= end and whole_words(text, start, stop):
            found, end = found + 1, stop
    return found


def peers(terms: Sequence[str]) -> Iterator[tuple[str, Callable[[], Callable[[str], Any]]]]:
    """Yield names of installed peers and what builds a function: text -> matches, overlapping."""
    try:
        import ahocorasick  # type: ignore[import-not-found]

        def automaton() -> Callable[[str], Any]:
            made = ahocorasick.Automaton()
            for term in terms:
                made.add_word(term, len(term))
            made.make_automaton()
            return lambda text: [(end + 1 - size, end + 1) for end, size in made.iter(text)]

        yield "pyahocorasick", automaton
    except ImportError:
        pass
    try:
        import ahocorasick_rs  # type: ignore[import-not-found]

        def rust() -> Callable[[str], Any]:
            made = ahocorasick_rs.AhoCorasick(
                terms, implementation=ahocorasick_rs.Implementation.ContiguousNFA
            )
            return lambda text: [(start, stop) for _, start, stop in
                                 made.find_matches_as_indexes(text, overlapping=True)]  # fmt: skip

        yield "ahocorasick_rs", rust
    except ImportError:
        pass
    try:
        import daachorse  # type: ignore[import-not-found]

        def double_array() -> Callable[[str], Any]:
            made = daachorse.CharwiseDoubleArrayAhoCorasick(terms)
            return lambda text: [(start, stop) for start, stop, _ in made.find_overlapping(text)]

        yield "daachorse", double_array
    except ImportError:
        pass


def resident_mb() -> float:
    """Return the memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def timed(build: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `build` returns, its CPU-seconds, and by how many MB the process grew."""
    before, start = resident_mb(), time.process_time()
    made = build()
    return made, time.process_time() - start, resident_mb() - before


def speed(args: argparse.Namespace) -> None:
    """Print the table of speeds."""
    texts = {lang: corpus(args.data, lang, 24_000_000) for lang in FILES}
    terms = {lang: made_terms(texts[lang], lang, args.terms) for lang in FILES}
    both = [*terms["zh"], *terms["en"]]
    compiled(both[:10])
    ours(compiled(both[:10]))(["warm up"])
    made, seconds, memory = timed(lambda: compiled(both))
    built = [("skypile", seconds, sum(array.nbytes for array in made) / 1e6)]
    finders: dict[str, Callable[[str], Any]] = {}
    for name, build in peers(both):
        finders[name], seconds, memory = timed(build)
        built.append((name, seconds, memory))
    print(f"{len(both):,} terms\n\n| | build CPU s | MB |\n|---|---|---|")
    for name, seconds, memory in built:
        print(f"| {name} | {seconds:.1f} | {memory:.0f} |")
    print("\n| | hits/kB | " + " | ".join(name for name, _, _ in built) + " |")
    print("|---|---|" + "---|" * len(built))
    for lang in FILES:
        print_speed(lang, texts[lang], ours(made), finders, args)


def print_speed(
    lang: str, texts: Sequence[str], scan: Scan, finders: dict[str, Callable[[str], Any]],
    args: argparse.Namespace,
) -> None:  # fmt: skip
    """Assert that all find the same in the first MB, and print the speeds of one language."""
    some, few = upto(texts, args.mb * 1_000_000), upto(texts, 1_000_000)
    size, small = sum(len(text.encode()) for text in some), sum(len(t.encode()) for t in few)
    wanted = [scan([text]) for text in few]
    for name, find in finders.items():
        told = [longest(text, find(text)) for text in few]
        assert told == wanted, (name, sum(told), sum(wanted))
    best = dict.fromkeys(["skypile", *finders], float("inf"))
    found = 0
    for _ in range(args.rounds):
        start = time.process_time()
        found = scan(some)
        best["skypile"] = min(best["skypile"], (time.process_time() - start) / size)
        for name, find in finders.items():
            start = time.process_time()
            for text in few:
                find(text)
            best[name] = min(best[name], (time.process_time() - start) / small)
    cells = " | ".join(f"{1e-6 / seconds:.1f} MB/s" for seconds in best.values())
    print(f"| {lang} | {found / size * 1000:.1f} | {cells} |", flush=True)


def upto(texts: Sequence[str], size: int) -> list[str]:
    """Return texts of about `size` bytes, from all over."""
    found = []
    for text in random.Random(1).sample(texts, len(texts)):
        found.append(text)
        size -= len(text.encode())
        if size < 0:
            break
    return found


def look_up(args: argparse.Namespace) -> None:
    """Print how many URLs are looked up in a second, beside a Python set."""
    rng = random.Random(20261126)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-"

    def name() -> str:
        size = rng.randint(4, 14)
        return "".join(rng.choices(letters[:36], k=size)) + rng.choice(
            (".com", ".net", ".cn", ".ru")
        )

    names = [name() for _ in range(args.domains)]
    found = []
    for _ in range(args.urls):
        host = rng.choice(names) if rng.random() < 0.1 else name()
        host = rng.choice(("", "www.", "m.", "a.b.")) + host
        found.append(f"https://{host}/{rng.randrange(10**6)}/page.html")
    text = "\n".join(names).encode()
    data = np.frombuffer(text + bytes(72), np.uint8).copy()
    start = time.process_time()
    lines = urls.plain_lines(data, len(text))
    keys, _ = urls.entry_keys(data, lines[:, 0].copy(), lines[:, 1].copy())
    table = hash_table(keys[:, 0].copy(), np.ones(len(keys), np.uint64))
    build = time.process_time() - start
    array = utf8_view(pa.array(found, pa.large_string()))
    ones, best, peer = 0, float("inf"), float("inf")
    known = set(names)
    for _ in range(args.rounds):
        start = time.process_time()
        ones = int(urls.url_counts(*array, table, 1)[0].sum())
        best = min(best, time.process_time() - start)
        start = time.process_time()
        twos = sum(in_set(url, known) for url in found)
        peer = min(peer, time.process_time() - start)
        assert ones == twos
    print(f"{args.domains:,} domains: compiled in {build:.1f} CPU s, {table.nbytes / 1e6:.0f} MB")
    print(f"{args.urls / best:,.0f} URLs/s, a Python set {args.urls / peer:,.0f}; {ones:,} listed")


def in_set(url: str, known: set[str]) -> int:
    """Return 1 where the host of `url` or a domain above it is known."""
    host = url.split("/", 3)[2]
    while host:
        if host in known:
            return 1
        host = host.partition(".")[2]
    return 0


def rates(args: argparse.Namespace) -> None:
    """Print how often the default lexicon hits by register and label, and which terms do."""
    stage = Lexicon()
    names = [name[8:-5] for name in stage.writes if name.endswith("_frac")]
    print(
        f"Rows with a hit; share/different hits at p99; p99.9; above {args.share} or {args.kinds}\n"
    )
    print(f"| register | rows | {' | '.join(names)} |")
    print("|---|---|" + "---|" * len(names))
    for register, texts in registers(args.data).items():
        array = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.large_string())})
        columns = stage(array)
        cells = []
        for name in names:
            share = columns[f"lexicon_{name}_frac"].to_numpy()
            kinds = columns[f"lexicon_{name}_distinct_count"].to_numpy()
            limits = [
                f"{np.quantile(share, q):.4f}/{np.quantile(kinds, q):.0f}" for q in (0.99, 0.999)
            ]
            caught = np.mean((share > args.share) | (kinds > args.kinds))
            cells.append(f"{np.mean(kinds > 0):.1%}; {'; '.join(limits)}; {caught:.2%}")
        print(f"| {register} | {len(texts):,} | " + " | ".join(cells) + " |", flush=True)
        if args.show:
            show(stage, texts, args.show)


def show(stage: Lexicon, texts: Sequence[str], count: int) -> None:
    """Print the terms that hit most often, by documents."""
    terms, categories = stage._terms()
    data, offsets = utf8_view(pa.array(texts, pa.large_string()))
    hits = lexicon_counts(data, offsets, terms, len(categories), listing=True)[2]
    seen = {(row, at, bytes(data[start:stop]).decode().lower()) for row, start, stop, at in hits}
    for at, name in enumerate(categories):
        told = collections.Counter(term for _, mine, term in seen if mine == at)
        print(f"<!-- {name}: {' '.join(f'{term}:{n}' for term, n in told.most_common(count))} -->")


def registers(folder: Path) -> dict[str, list[str]]:
    """Return texts by register of the corpus, and by label where there are labels."""
    found: dict[str, list[str]] = {}
    for path in sorted((folder / "corpus").glob("*.jsonl.zst")):
        for row in rows(path):
            casia = row["source"].startswith("CASIA")
            found.setdefault("casia" if casia else path.name[:-10], []).append(row["text"])
    for task in ("porn", "politics", "quality"):
        # Of dev, which no term was chosen by.
        for row in rows(folder / "labels" / task / "dev.jsonl.zst"):
            fine = f" {row['label_fine']}" if task == "quality" and row.get("label_fine") else ""
            found.setdefault(f"{task} {row['lang']}/{row['label']}{fine}", []).append(row["text"])
    return found


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "urls", "rates"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--terms", type=int, default=1_000_000)
    parser.add_argument("--mb", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--domains", type=int, default=4_600_000)
    parser.add_argument("--urls", type=int, default=400_000)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.02)
    parser.add_argument("--kinds", type=int, default=3)
    args = parser.parse_args()
    {"speed": speed, "urls": look_up, "rates": rates}[args.what](args)


if __name__ == "__main__":
    main()
