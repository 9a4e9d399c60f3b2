"""The steps of ``skypile ablate``, each done once: a finished one is found again by what it left.

The folder has settings.json, judged/STREAM.jsonl.zst, configs/seed-N/config.yaml, and for each
recipe RECIPE/{corpus, tokens, seed-N (a run), nats-seed-N.json}.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import zstandard

from skypile.cli import build
from skypile.cli.evaluate import scored, texts_of
from skypile.cli.tokenize import write_token_set
from skypile.errors import InputError, UsageError
from skypile.io.files import write_atomic
from skypile.io.store import Store
from skypile.phases.tokenize import TOKENIZER, frame_of, kept_batches, text_hashes
from skypile.pretrain.compare import LEAST_DOCUMENTS, Scores
from skypile.pretrain.held_out import HeldOut, Kept, held_out, judged
from skypile.stages.decontaminate import Decontaminate
from skypile.tokens import load_encoder
from skypile.verify.manifest import MANIFEST, Manifest, read_manifest

if TYPE_CHECKING:
    from skypile.pretrain.run_config import RunConfig
    from skypile.pretrain.token_set import TokenSet

__all__ = [
    "Copies", "Judged", "built", "holding_out", "judged_texts", "nats_of", "scores_of", "token_set",
    "trained", "write_json",
]  # fmt: skip

# Texts are judged by how they begin: else a few books would be most of it, and judging would
# take longer than training.
JUDGED_CHARS = 1000
# A document is a copy of a judged text where so much of either is in the other, by 13-grams.
COPY_FRAC = 0.5
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Judged:
    """The texts that models are judged on, by stream; text i is a version of `documents[i]`.

    `kept_by` has the recipes that keep a document; none where it is no input's.
    """

    folder: Path
    texts: dict[str, list[str]]
    documents: dict[str, npt.NDArray[np.int64]]
    kept_by: dict[str, list[tuple[str, ...]]]


def write_json(path: Path, data: object) -> None:
    """Write `data` beside and rename it."""
    with write_atomic(str(path)) as stream:
        stream.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


def built(folder: Path, recipe: str, args: argparse.Namespace) -> tuple[Store, Manifest]:
    """Return the corpus that a recipe makes of the input: all that it keeps, nothing mixed out."""
    corpus = folder / "corpus"
    if not (corpus / MANIFEST).exists():
        parser = argparse.ArgumentParser(allow_abbrev=False)
        build.add_arguments(parser)
        given = [f"--input={one}" for one in args.input]
        given += ["--recipe", recipe, "--output", str(corpus), "--mixture", "none"]
        given += ["--surplus", "none", "--no-index", "--text-field", args.text_field]
        for name in ("workers", "limit"):
            if getattr(args, name) is not None:
                given += [f"--{name}", str(getattr(args, name))]
        given += [f"--{name.replace('_', '-')}" for name in ("no_models", "quiet")
                  if getattr(args, name)]  # fmt: skip
        # Its result is a path; that of this command is a table.
        with redirect_stdout(io.StringIO()):
            build.run(parser.parse_args(given), [])
    store = Store(str(corpus))
    return store, read_manifest(store)


def _documents(store: Store, manifest: Manifest) -> Iterator[tuple[str, pa.RecordBatch]]:
    for shard in manifest.shards:
        for batch in kept_batches(store, shard.path, shard.documents):
            yield shard.domain, batch


def _kept(store: Store, manifest: Manifest) -> Kept:
    records: list[str] = []
    hashes: list[U64] = [np.empty(0, np.uint64)]
    streams: list[str] = []
    for domain, batch in _documents(store, manifest):
        records += batch.column("record").to_pylist()
        hashes.append(text_hashes(batch.column("text"), 0))
        subsets: list[str | None] = [None] * batch.num_rows
        if "subset" in batch.schema.names:
            subsets = batch.column("subset").to_pylist()
        streams += [domain if one in (None, "main") else f"{domain}-{one}" for one in subsets]
    return Kept(tuple(records), np.concatenate(hashes), tuple(streams))


def holding_out(corpora: Mapping[str, tuple[Store, Manifest]], frac: float) -> HeldOut:
    """Return which documents no recipe trains on."""
    return held_out({name: _kept(*corpus) for name, corpus in corpora.items()}, frac)


def judged_texts(
    folder: Path, corpora: Mapping[str, tuple[Store, Manifest]], held: HeldOut, *,
    most: int, domains: Mapping[str, Path],
) -> Judged:  # fmt: skip
    """Return the texts to judge by: of `domains` where there are some, else what is held out."""
    if not folder.exists():
        beside = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        rows = _given(domains, most) if domains else _held(corpora, held, most)
        for name, found in rows.items():
            lines = b"".join(orjson.dumps(row) + b"\n" for row in found)
            path = beside / f"{name}.jsonl.zst"
            path.write_bytes(zstandard.ZstdCompressor().compress(lines))
        beside.replace(folder)
    return _read_judged(folder)


def _given(domains: Mapping[str, Path], most: int) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name, path in domains.items():
        texts = [text for _, text in zip(range(most), texts_of(path), strict=False)]
        if len(texts) < LEAST_DOCUMENTS:
            raise InputError(
                f"--domains {path}: has {len(texts)} documents; give {LEAST_DOCUMENTS} or more"
            )
        found[name] = [
            {"document": number, "id": f"{path.name}#{number}", "kept_by": [],
             "text": text[:JUDGED_CHARS]}
            for number, text in enumerate(texts)
        ]  # fmt: skip
    return found


def _held(
    corpora: Mapping[str, tuple[Store, Manifest]], held: HeldOut, most: int
) -> dict[str, list[dict[str, Any]]]:
    chosen = judged(held, most=most, least=LEAST_DOCUMENTS)
    if not chosen:
        raise InputError(
            f"of {len(held.documents)} documents held out, no domain has {LEAST_DOCUMENTS}; give "
            "more --input, a larger --validation-frac, or --domains"
        )
    wanted = {text for found in chosen.values() for one in found for text in one.hashes}
    texts: dict[int, str] = {}
    for corpus in corpora.values():
        for _, batch in _documents(*corpus):
            hashes = text_hashes(batch.column("text"), 0).tolist()
            rows = [row for row, one in enumerate(hashes) if one in wanted]
            column = batch.column("text").take(pa.array(rows, pa.int64())).to_pylist()
            texts |= dict(zip((hashes[row] for row in rows), column, strict=True))
    found: dict[str, list[dict[str, Any]]] = {}
    for name, documents in chosen.items():
        found[name] = [
            {"document": number, "id": one.record, "kept_by": one.kept_by, "text": text}
            for number, one in enumerate(documents)
            for text in dict.fromkeys(texts[each][:JUDGED_CHARS] for each in one.hashes)
        ]
    return found


def _read_judged(folder: Path) -> Judged:
    texts, documents, kept_by = {}, {}, {}
    for path in sorted(folder.glob("*.jsonl.zst")):
        name = path.name.removesuffix(".jsonl.zst")
        packed = zstandard.ZstdDecompressor().decompress(path.read_bytes())
        rows = [orjson.loads(line) for line in packed.splitlines()]
        texts[name] = [row["text"] for row in rows]
        documents[name] = np.array([row["document"] for row in rows], np.int64)
        by = {row["document"]: tuple(row["kept_by"]) for row in rows}
        kept_by[name] = [by[number] for number in range(len(by))]
    return Judged(folder, texts, documents, kept_by)


class Copies:
    """Finds documents that are copies of judged texts, exact or near."""

    def __init__(self, found: Judged) -> None:
        # An n-gram of many judged texts counts all the same.
        self._stage = Decontaminate(
            sets={"judged": (str(found.folder),)}, fields=("text",), max_items=1000
        )
        texts = [text for each in found.texts.values() for text in each]
        self._hashes = text_hashes(pa.array(texts, pa.string()), 0)

    def masks(self, texts: pa.Array) -> npt.NDArray[np.bool_]:
        """Tell which texts are copies."""
        batch = pa.record_batch({"text": texts})
        columns = self._stage(batch)
        shares = [
            np.asarray(columns[f"decontaminate_{name}"]) >= COPY_FRAC
            for name in ("item_frac", "frac")
        ]
        same = np.isin(text_hashes(texts, 0), self._hashes)
        found: npt.NDArray[np.bool_] = shares[0] | shares[1] | same
        return found


def token_set(
    folder: Path, corpus: tuple[Store, Manifest], held: HeldOut, found: Judged,
    args: argparse.Namespace,
) -> TokenSet:  # fmt: skip
    """Return the tokens of what a recipe kept; what is held out, and copies of it, apart."""
    from skypile.pretrain.token_set import open_token_set

    output = folder / "tokens"
    if (output / MANIFEST).exists():
        return open_token_set(output)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    shutil.copyfile(args.tokenizer, output / TOKENIZER)
    frame = frame_of(output / TOKENIZER, args.bos, args.eos)
    copies = Copies(found)
    counts = {"frac": args.validation_frac, "held_out": 0, "copies": 0}

    def split(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, npt.NDArray[np.bool_]]:
        column = batch.column("text")
        mine = held.masks(batch.column("record").to_pylist(), text_hashes(column, 0).tolist())
        copied = copies.masks(column) & ~mine
        counts["held_out"] += int(mine.sum())
        counts["copies"] += int(copied.sum())
        return batch.filter(pa.array(~copied)), mine[~copied]

    write_token_set(*corpus, output, frame, split, validation=counts)
    return open_token_set(output)


def trained(
    folder: Path, tokens: Path, config: RunConfig, args: argparse.Namespace,
    seen: Callable[[int, int, str], None],
) -> Path:  # fmt: skip
    """Train the model of one recipe and seed to the end, or go on with it; return its run."""
    from skypile.pretrain.run_folder import CONFIG_FILE, write_config
    from skypile.pretrain.session import Asked, opened

    run = folder / f"seed-{config.seed}"
    configs = folder.parent / "configs" / run.name
    configs.mkdir(parents=True, exist_ok=True)
    write_config(configs, config)
    is_resumed = (run / CONFIG_FILE).is_file()
    if not is_resumed:
        # What was killed before it had its config has trained nothing.
        shutil.rmtree(run, ignore_errors=True)
    asked = Asked(
        tokens, run, str(configs / CONFIG_FILE), device=args.device, threads=args.threads,
        is_resumed=is_resumed,
    )  # fmt: skip
    with opened(asked) as trainer:
        whole = trainer.plan.step_count
        trainer.run(lambda step, note: seen(step, whole, note))
    return run


def nats_of(
    path: Path, run: Callable[[], Path], found: Judged, args: argparse.Namespace
) -> dict[str, list[float]]:
    """Return by stream the nats of each judged text under a run's model, trained if need be."""
    if not path.exists():
        from skypile.pretrain.nats import loaded
        from skypile.pretrain.ranks import device_named

        judge = loaded(str(run()), device_named(args.device))
        encoder = load_encoder(judge.tokenizer)
        nats = {
            name: scored(name, texts, judge, (encoder, encoder)).nats.tolist()
            for name, texts in found.texts.items()
        }
        write_json(path, nats)
    read: dict[str, list[float]] = orjson.loads(path.read_bytes())
    if {name: len(one) for name, one in read.items()} != (
        {name: len(one) for name, one in found.texts.items()}
    ):  # fmt: skip
        raise UsageError(f"{path}: is of other texts than {found.folder}; remove it")
    return read


def scores_of(
    nats: Sequence[Sequence[Mapping[str, Sequence[float]]]], found: Judged
) -> dict[str, Scores]:
    """Return scores by stream from nats by recipe and seed; versions of a document together."""
    scores = {}
    for name, texts in found.texts.items():
        owners, count = found.documents[name], len(found.kept_by[name])
        sizes = np.array([len(text.encode()) for text in texts], np.float64)
        table = [
            [np.bincount(owners, weights=one[name], minlength=count) for one in seeds]
            for seeds in nats
        ]
        bytes_count = np.bincount(owners, weights=sizes, minlength=count).astype(np.float64)
        scores[name] = Scores(np.array(table, np.float64), bytes_count)
    return scores
