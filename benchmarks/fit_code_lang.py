"""Fit the model that tells programming languages by content, and judge it on other projects.

    python benchmarks/fit_code_lang.py PROJECTS CORPUS [--write]

PROJECTS is a folder of folders, one for each project; CORPUS the code file of the shared data. The
label of a file is its language by name; names that several languages share are left out. Of each
language with two projects or more one is held out whole (not the largest; the choice goes by a hash
of both names), and no text of it is seen in fitting. Texts are whole files and runs of 15 lines
from within, without licence headers. Prints Markdown: recall and precision by language, with and
without abstaining. `--write` fits on all projects and writes the weights into the package.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import torch
import zstandard

from skypile.kernels.buffers import utf8_view
from skypile.kernels.code_words import BUCKET_BITS, code_words
from skypile.prog_langs import language_of
from skypile.stages.code_lang import MIN_MARGIN, WEIGHTS, scores_of
from skypile.stages.code_signs import language_told
from skypile.stages.license_headers import header_lines, without_header

# Only permissive licences; each project counts under its own name.
LEFT_OUT = ("fpc", "iverilog", "bash-completion", "ruby-github-linguist", "pygments", "vala")
MERGED = {"gradle": "groovy", "cython": "python", "cuda": "cpp", "systemverilog": "verilog",
          "less": "scss", "rst": "text", "markdown": "text", "coq": "verilog"}  # fmt: skip
# What has names that other languages have as well, or so few files that nothing can be said.
UNSURE_ENDINGS = ("h", "inc", "cls", "fs", "pp", "t", "m", "pl", "pro", "st", "ml4", "def", "txt")
SURE = {("swi-prolog", "pl"): "prolog", ("libsvm", "m"): "matlab",
        ("octave-matgeom", "m"): "matlab", ("octave-jsonlab", "m"): "matlab",
        ("libmojolicious-perl", "t"): "perl", ("libmoose-perl", "t"): "perl",
        ("npm-react-native-0.73.6", "m"): "objective-c", ("protobuf", "m"): "objective-c",
        # Pages of a manual, and a language that is not among these.
        ("curl", "d"): "", ("coq-ext-lib", "v"): ""}  # fmt: skip
_NAMES = """
    assembly c c-sharp clojure cmake common-lisp cpp css d dart dockerfile elixir erlang fortran
    glsl go groovy haskell html java javascript json kotlin lua makefile matlab nim objective-c
    ocaml perl php prolog protobuf python r ruby rust scala scheme scss shell solidity sql svelte
    swift tcl tex text thrift typescript verilog vue xml yaml
"""
LANGUAGES = _NAMES.split()
PER_PROJECT, PER_LANGUAGE = 150, 700
SNIPPET_LINES = 15

Text = tuple[str, str, str]  # text, language, project


def label_of(project: str, name: str) -> str | None:
    """Return the language of a file by its name, None where that is not sure."""
    ending = name.lower().rpartition(".")[2]
    if (project, ending) in SURE:
        return SURE[project, ending] or None
    language = language_of(name)
    if language is None or ending in UNSURE_ENDINGS:
        return None
    language = MERGED.get(language, language)
    return language if language in LANGUAGES else None


def files(folder: Path) -> dict[tuple[str, str], list[str]]:
    """Return (language, project) -> texts of up to PER_PROJECT files, drawn with a seed."""
    paths: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        project = path.relative_to(folder).parts[0]
        if project in LEFT_OUT or path.is_symlink() or not path.is_file():
            continue
        if (language := label_of(project, path.name)) is not None:
            paths[language, project].append(path)
    found: dict[tuple[str, str], list[str]] = {}
    for key, some in paths.items():
        random.Random(str(key)).shuffle(some)
        texts: list[str] = []
        for path in some[: 3 * PER_PROJECT]:
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue
            if 60 <= len(text) < 400_000 and len(texts) < PER_PROJECT:
                texts.append(bare(text))
        found[key] = texts
    return found


def corpus(path: Path) -> dict[tuple[str, str], list[str]]:
    """Return the same of the shared data's code."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    with path.open("rb") as raw:
        lines = zstandard.ZstdDecompressor().stream_reader(raw).read().splitlines()
    for row in map(orjson.loads, lines):
        name = row["url"].rpartition("/")[2].rpartition(":")[2]
        language = label_of(row["source"], name)
        if language and len(found[language, row["source"]]) < PER_PROJECT:
            found[language, row["source"]].append(bare(row["text"]))
    return found


def bare(text: str) -> str:
    """Return `text` without its licence header, which tells the project and no language."""
    return without_header(text, header_lines(text[:8192]))


def held_out(found: dict[tuple[str, str], list[str]]) -> set[tuple[str, str]]:
    """Return the (language, project) that are kept from fitting: never a language's largest."""
    by_language: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (language, project), texts in found.items():
        if len(texts) >= 8:
            by_language[language].append((len(texts), project))

    def place(language: str, project: str) -> bytes:
        return hashlib.sha1(f"{language} {project}".encode()).digest()

    chosen = set()
    for language, sized in by_language.items():
        projects = [project for _, project in sorted(sized)[:-1]]
        if projects:
            chosen.add((language, min(projects, key=lambda project: place(language, project))))
    return chosen


def pieces(text: str, rng: random.Random, count: int) -> list[str]:
    """Return the whole text and `count` runs of lines from within."""
    lines = text.split("\n")
    found = [text]
    for _ in range(count if len(lines) > SNIPPET_LINES else 0):
        first = rng.randrange(len(lines) - SNIPPET_LINES + 1)
        found.append("\n".join(lines[first : first + SNIPPET_LINES]))
    return found


def fit(texts: list[str], labels: np.ndarray, epochs: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (buckets, languages) and biases of a multinomial logistic regression."""
    torch.manual_seed(0)
    buckets, borders = code_words(*utf8_view(pa.array(texts)))
    bag = torch.nn.EmbeddingBag(1 << BUCKET_BITS, len(LANGUAGES), mode="sum")
    torch.nn.init.zeros_(bag.weight)
    bias = torch.zeros(len(LANGUAGES), requires_grad=True)
    optimizer = torch.optim.Adam([bag.weight, bias], lr=0.05)
    counts = Counter(labels.tolist())
    weight = torch.tensor([1 / max(counts[i], 1) ** 0.5 for i in range(len(LANGUAGES))])
    order = np.arange(len(texts))
    rng = np.random.default_rng(0)
    for epoch in range(epochs):
        rng.shuffle(order)
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - epoch / epochs)
        for start in range(0, len(order), 256):
            rows = order[start : start + 256]
            parts = [buckets[borders[row] : borders[row + 1]] for row in rows]
            sizes = np.array([len(part) for part in parts])
            offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(sizes)[:-1]]))
            sums = bag(torch.from_numpy(np.concatenate(parts)), offsets)
            logits = sums / torch.from_numpy(np.sqrt(np.maximum(sizes, 1)))[:, None].float() + bias
            loss = torch.nn.functional.cross_entropy(
                logits, torch.from_numpy(labels[rows]), weight=weight
            )
            loss = loss + 2e-6 * bag.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}", flush=True)
    return bag.weight.detach().numpy(), bias.detach().numpy()


def packed(weights: np.ndarray, bias: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights as int8 with one scale."""
    scale = np.float64(np.quantile(np.abs(weights), 0.9999) / 127)
    whole = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    return {"weights": whole, "bias": bias.astype(np.float32), "scale": np.asarray(scale),
            "languages": np.array(LANGUAGES)}  # fmt: skip


def judge(model: dict[str, np.ndarray], texts: list[Text], name: str) -> None:
    """Print how often the model is right, by language."""
    scores = scores_of(pa.array([text for text, _, _ in texts]), model)
    best = scores.argmax(axis=1)
    top = np.sort(scores, axis=1)
    margin = top[:, -1] - top[:, -2]
    truth = np.array([LANGUAGES.index(language) for _, language, _ in texts])
    sure = margin >= MIN_MARGIN
    told = [language_told(text) for text, _, _ in texts]
    for row, language in enumerate(told):
        if language is not None and (language := MERGED.get(language, language)) in LANGUAGES:
            best[row], sure[row], margin[row] = LANGUAGES.index(language), True, 99.0
    print(f"\n{sum(one is not None for one in told)} of {len(texts)} tell their language")
    right = best == truth
    print(f"\n{name}: {len(texts):,} texts, {right.mean():.4f} right;", end=" ")
    print(f"{sure.mean():.3f} answered, of these {right[sure].mean():.4f} right")
    for limit in (0.5, 1.0, 1.5, 2.0, 3.0):
        some = margin >= limit
        print(f"  margin {limit}: {some.mean():.3f} answered, {right[some].mean():.4f} right")
    print(
        "| language | project | texts | right | abstained | taken for |\n|---|---|---|---|---|---|"
    )
    for index in sorted(set(truth.tolist())):
        rows = truth == index
        wrong = Counter(LANGUAGES[i] for i in best[rows & sure & (best != truth)])
        right = int((rows & sure & (best == truth)).sum())
        others = ", ".join(f"{other} {n}" for other, n in wrong.most_common(4))
        project = sorted({p for _, language, p in texts if language == LANGUAGES[index]})
        print(f"| {LANGUAGES[index]} | {' '.join(project)} | {rows.sum()} | {right} "
              f"| {int((rows & ~sure).sum())} | {others} |")  # fmt: skip


def main() -> None:
    """Fit, judge, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = {**files(args.projects), **corpus(args.corpus)}
    apart = held_out(found)
    rng = random.Random(0)
    train: list[Text] = []
    whole: list[Text] = []
    parts: list[Text] = []
    used: Counter[str] = Counter()
    for (language, project), texts in sorted(found.items()):
        for text in texts:
            if (language, project) in apart and not args.write:
                one, *others = pieces(text, rng, 1)
                whole.append((one, language, project))
                parts += [(other, language, project) for other in others]
            elif used[language] < PER_LANGUAGE:
                used[language] += 1
                train += [(one, language, project) for one in pieces(text, rng, 2)]
    print(f"{len(train):,} texts of {len(used)} languages; held out: {sorted(apart)}")
    labels = np.array([LANGUAGES.index(language) for _, language, _ in train])
    model = packed(*fit([text for text, _, _ in train], labels))
    if args.write:
        np.savez_compressed(WEIGHTS, allow_pickle=False, **model)
        print(f"{WEIGHTS}: {WEIGHTS.stat().st_size:,} bytes")
        return
    judge(model, whole, "whole files of other projects")
    judge(model, parts, f"runs of {SNIPPET_LINES} lines of other projects")


if __name__ == "__main__":
    main()
