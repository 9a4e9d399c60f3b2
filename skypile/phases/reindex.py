"""A finished corpus gets an index: its texts are signed again, its manifest names the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.dedup.index import Drawn, IndexWriter, index_name, signed_rows
from skypile.dedup.settings import Dedup
from skypile.errors import RunError, SkyPileError, VerifyError
from skypile.io.store import TEMPORARY, Store
from skypile.phases.audit import manifest_digest
from skypile.phases.begin import SHARD, held
from skypile.verify.earlier import check_index
from skypile.verify.manifest import MANIFEST, Manifest, Shard, read_manifest

__all__ = ["Reindexed", "reindex"]

FOLDER = "index"


@dataclass
class Reindexed:
    """What was done: files written, files that were whole already, documents signed, bytes."""

    written: list[str] = field(default_factory=list)
    whole: int = 0
    documents: int = 0
    bytes: int = 0


def reindex(root: str, scheme: str | None = None) -> Reindexed:
    """Give the corpus in `root` an index, or the files of it that it lacks.

    Signatures are drawn by `scheme`, that of its recipe where it is None. Files that are there,
    whole and drawn alike, stay. The manifest is replaced as a whole in the end; until then it names
    what it named before. Raises UsageError where `root` is no folder or another run holds it,
    VerifyError where it is no finished corpus or a shard cannot be read.
    """
    store = Store(root.rstrip("/") or "/")
    read_manifest(store)
    with held(store, "folder", lambda _: True):
        manifest = read_manifest(store)
        settings = Dedup.model_validate({"scheme": scheme or _scheme(manifest)})
        done = Reindexed()
        files = {shard.path: _index_of(store, shard, settings, done) for shard in manifest.shards}
        if done.written:
            data = store.read_json(MANIFEST)
            for entry in data["shards"]:
                entry["index"] = files[entry["path"]]
            data["digest"] = manifest_digest(data)
            store.write_json(MANIFEST, data)
        _sweep(store, {file["path"] for file in files.values()})
    return done


def _scheme(manifest: Manifest) -> str:
    dedup = manifest.recipe.definition.get("dedup") or {}
    return str(dedup.get("scheme", Dedup().scheme))


def _index_of(store: Store, shard: Shard, settings: Dedup, done: Reindexed) -> dict[str, Any]:
    """Return the entry of the shard's index, which is written unless it stands whole."""
    if shard.index is not None:
        try:
            check_index(store, shard, Drawn.by(settings))
        except SkyPileError:
            pass
        else:
            done.whole += 1
            return shard.index.model_dump()
    name = index_name(shard.path)
    try:
        with store.open(shard.path) as stream, pq.ParquetFile(stream) as parquet:
            if parquet.metadata.num_rows != shard.documents:
                raise RunError(
                    f"holds {parquet.metadata.num_rows:,} documents, the manifest says "
                    f"{shard.documents:,}"
                )
            with store.create(name) as out:
                writer = IndexWriter(out, Drawn.by(settings))
                for group in range(parquet.num_row_groups):
                    texts = parquet.read_row_group(group, columns=["text"]).column("text")
                    writer.add(signed_rows(texts.combine_chunks(), settings))
                writer.close()
    except (RunError, OSError, ValueError, pa.ArrowException) as error:
        raise VerifyError(
            f"{shard.path}: cannot be read: {error}; skypile verify tells what else is off"
        ) from error
    done.written.append(name)
    done.documents += shard.documents
    size = store.size(name) or 0
    done.bytes += size
    return {"path": name, "bytes": size, "sha256": store.sha256(name)}


def _sweep(store: Store, named: set[str]) -> None:
    """Remove what killed runs left in the folder of the index."""
    for name in store.walk(FOLDER):
        if SHARD.fullmatch(name) and (name not in named or name.endswith(TEMPORARY)):
            store.remove(name)
