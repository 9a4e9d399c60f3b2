"""The folder of a token set: begun, gone on with, and ended with its manifests.

`.work/plan.json` says what tokens a folder was begun for, and goes last; manifest.json, without
which nothing in the folder is taken for whole, comes before that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import xxhash
import zstandard

from skypile.errors import UsageError
from skypile.io.sinks import ZSTD_LEVEL
from skypile.io.store import TEMPORARY, Store
from skypile.phases.tokenize import TOKENIZER, TokenContext
from skypile.phases.work import Entry
from skypile.pretrain.token_file import Part, TokenManifest, token_dtype
from skypile.verify.manifest import Manifest

__all__ = ["MANIFEST", "WORK", "begin", "check_ours", "end", "write_manifests"]

MANIFEST = "manifest.json"
WORK = ".work"
PLAN = "plan.json"
LOCK = ".skypile.lock"
KNOWN = {MANIFEST, "train", "validation", TOKENIZER, WORK, LOCK}
CHUNK_BYTES = 1 << 20
ASKED = {
    "corpus": "another corpus",
    "tokenizer": "another tokenizer (--tokenizer, --vocab-size, --tokenizer-bytes)",
    "frame": "other --bos or --eos",
    "validation": "another --validation-frac or --seed",
}


def check_ours(output: Store) -> None:
    """Raise UsageError where the folder holds something else than tokens."""
    strange = [name for name in output.names() if not (name in KNOWN or name.startswith(MANIFEST))]
    if strange:
        raise UsageError(
            f"{output.root}: holds {strange[0]}, which no tokenize wrote; give another --output"
        )


def begin(output: Store, work: Store, asked: Mapping[str, Any], *, overwrite: bool) -> None:
    """Make the folder ready for the tokens that `asked` describes, or go on with them.

    Raises UsageError where it holds other tokens, unless `overwrite`. What a killed run left
    half-written is removed.
    """
    there = output.names()
    plan = work.read_json(PLAN)
    goes_on = plan == asked and not (overwrite and MANIFEST in there)
    if not goes_on and not overwrite:
        _refuse(output, plan, asked, there)
    if not goes_on:
        # The manifest goes first: without it nothing there is taken for whole.
        for name in (MANIFEST, "train", "validation", TOKENIZER, WORK):
            output.remove(name)
        work.write_json(PLAN, asked)
    for name in output.walk():
        if name.endswith(TEMPORARY):
            output.remove(name)


def _refuse(output: Store, plan: Any, asked: Mapping[str, Any], there: Sequence[str]) -> None:
    if MANIFEST in there:
        raise UsageError(
            f"{output.root}: holds tokens; give another --output, or --overwrite"
        )  # fmt: skip
    rest = sorted(set(there) & {"train", "validation", TOKENIZER})
    if not rest:
        return
    if isinstance(plan, dict):
        told = [words for name, words in ASKED.items() if plan.get(name) != asked[name]]
        raise UsageError(
            f"{output.root}: was begun with {' and '.join(told)}; give another --output, or "
            "--overwrite to begin anew"
        )
    raise UsageError(
        f"{output.root}: holds {rest[0]} of tokens that were not finished; give another --output, "
        "or --overwrite"
    )


def write_manifests(
    context: TokenContext, corpus: Manifest, entries: Sequence[Entry], validation: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Write texts held out, a manifest in each stream's folder, and that of the whole, last.

    `entries` are those of all shards, in their order. Returns what the last says of each stream.
    """
    frame = context.frame
    streams: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    texts: dict[str, list[str]] = {}
    for entry in entries:
        for part in entry.data["parts"]:
            key = (part["split"], part["domain"], part["subset"])
            streams.setdefault(key, []).append(part)
        for path, file in entry.data["texts"].items():
            texts.setdefault(path, []).append(file)
    for path, files in sorted(texts.items()):
        _write_texts(context, f"{path}.jsonl.zst", files)
    found = [_stream(context, parts) for _, parts in sorted(streams.items())]
    data = {
        "format_version": 1,
        "corpus": {
            "path": context.corpus.root, "digest": corpus.digest,
            "recipe": corpus.recipe.fingerprint,
        },
        "tokenizer": {
            "sha256": frame.sha256, "vocab_size": frame.vocab_size,
            "bos": frame.bos, "eos": frame.eos,
        },
        "validation": validation,
        "streams": found,
    }  # fmt: skip
    context.output.write(MANIFEST, orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    return found


def _stream(context: TokenContext, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Write a stream's manifest; return what the set's says of it."""
    frame, first = context.frame, parts[0]
    documents, tokens = (sum(part[name] for part in parts) for name in ("documents", "tokens"))
    listed = [
        Part(name=part["name"], token_count=part["tokens"], document_count=part["documents"],
             xxh3=part["xxh3"])
        for part in parts
    ]  # fmt: skip
    manifest = TokenManifest(
        dtype=token_dtype(frame.vocab_size), vocabulary_count=frame.vocab_size, token_count=tokens,
        document_count=documents, tokenizer_sha256=frame.sha256, parts=tuple(listed),
    )  # fmt: skip
    context.output.write_json(f"{first['path']}/{MANIFEST}", manifest.model_dump())
    every = xxhash.xxh3_128_hexdigest("".join(one.xxh3 for one in listed).encode())
    return {
        "split": first["split"], "domain": first["domain"], "subset": first["subset"],
        "path": first["path"], "documents": documents, "tokens": tokens, "parts": len(listed),
        "xxh3": every,
    }  # fmt: skip


def _write_texts(context: TokenContext, name: str, files: Sequence[str]) -> None:
    """Write the texts of shards as one file of one frame, which every reader of zstd reads."""
    with context.output.create(name) as stream:
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
        with compressor.stream_writer(stream, closefd=False) as writer:
            for file in files:
                with context.work.open(file) as source:
                    for chunk in zstandard.ZstdDecompressor().read_to_iter(source, CHUNK_BYTES):
                        writer.write(chunk)


def end(output: Store, work: Store) -> None:
    """Remove the work of finished tokens, the plan last."""
    work.remove("tokenize")
    work.remove(PLAN)
    output.remove(WORK)
