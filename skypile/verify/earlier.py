"""Earlier corpora, opened and checked before anything is compared with them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from skypile.dedup.earlier import AGAINST, EarlierCorpus, EarlierShard, labels
from skypile.dedup.index import Drawn, index_batches
from skypile.dedup.settings import Dedup
from skypile.errors import InputError, SkyPileError, UsageError
from skypile.io.files import absolute
from skypile.io.store import Store
from skypile.verify.manifest import Shard, read_manifest

__all__ = ["check_index", "open_corpora", "open_corpus"]


def open_corpora(paths: Sequence[str], settings: Dedup, output: str) -> tuple[EarlierCorpus, ...]:
    """Return the corpora in the folders `paths`, ordered by path, ready to be compared with.

    Reads each index once. Raises UsageError where one is `output` or no folder, VerifyError where
    it is no finished corpus, InputError where its index is not there, cannot be read, or holds
    signatures that were drawn otherwise than those of `settings`.
    """
    folders = sorted({absolute(path.rstrip("/") or "/") for path in paths})
    for folder in folders:
        if folder == absolute(output):
            raise UsageError(
                f"--against {folder}: is where this build writes its corpus; give another --output"
            )
    return tuple(
        open_corpus(folder, settings, label)
        for folder, label in zip(folders, labels(folders) if folders else [], strict=True)
    )


def open_corpus(root: str, settings: Dedup, label: str = "") -> EarlierCorpus:
    """Return the corpus in the folder `root`; raises what `open_corpora` does."""
    store = Store(root)
    manifest = read_manifest(store)
    drawn = Drawn.by(settings)
    prefix = AGAINST + (f"{label}/" if label else "")
    shards = []
    for shard in manifest.shards:
        if shard.index is None:
            raise InputError(
                f"{root}: holds no index (it was built with --no-index, or before there was one); "
                f"skypile index {root} gives it one"
            )
        check_index(store, shard, drawn)
        shards.append(_shard(root, prefix, shard))
    return EarlierCorpus(
        root=root,
        prefix=prefix,
        recipe=manifest.recipe.fingerprint,
        digest=manifest.digest,
        shards=tuple(shards),
    )


def _shard(root: str, prefix: str, shard: Shard) -> EarlierShard:
    assert shard.index is not None
    return EarlierShard(
        root=root,
        prefix=prefix,
        path=shard.path,
        documents=shard.documents,
        bytes=shard.bytes,
        sha256=shard.sha256,
        index=shard.index.path,
        index_sha256=shard.index.sha256,
    )


def check_index(store: Store, shard: Shard, drawn: Drawn) -> None:
    """Raise InputError unless the index of `shard` is whole and was drawn as `drawn` says."""
    assert shard.index is not None
    name = shard.index.path
    again = f"skypile index {store.root} draws it anew"
    try:
        if store.sha256(name) != shard.index.sha256:
            raise InputError(f"{name}: is not what the manifest names")
        with pa.memory_map(store.path(name)) if store.is_local else store.open(name) as stream:
            found, batches = index_batches(stream, name)
            rows = sum(batch.num_rows for batch in batches)
    except (SkyPileError, OSError) as error:
        raise InputError(f"{store.root}: its index cannot be used: {error}; {again}") from error
    if rows != shard.documents:
        raise InputError(
            f"{store.root}: {name} has {rows:,} rows for {shard.documents:,} documents; {again}"
        )
    if found.scheme != drawn.scheme:
        raise InputError(
            f"{store.root}: its index holds signatures of scheme {found.scheme}, this run draws "
            f"{drawn.scheme}; skypile index {store.root} --scheme {drawn.scheme} draws them anew"
        )
    if found != drawn:
        raise InputError(
            f"{store.root}: its index holds signatures of {found}, this SkyPile draws {drawn}; "
            f"{again}"
        )
