"""Documents taken out of a finished corpus, by id or URL, without building it again.

What is forgotten becomes an empty row: `rejected: forgotten`, with its record (file and number) and
its domain, and nothing else of it. So each record that was read still has one outcome, and nobody
can tell from the corpus what stood there. Shards that hold such documents are written anew under
the next free number, each with its index; manifest.json then names these in place of the old ones,
and these go. The manifest is replaced as a whole, so a corpus is the old one or the new one at any
moment. A run that was killed leaves files that the manifest does not name; the next one removes
them.
"""

from __future__ import annotations

from skypile.errors import UsageError
from skypile.forget.change import Change
from skypile.forget.find import FORGOTTEN, Forgotten, Wanted, find_wanted
from skypile.io.store import Store
from skypile.phases.begin import FOLDERS, SHARD, held
from skypile.verify.manifest import Manifest, read_manifest

__all__ = ["FORGOTTEN", "Forgotten", "Wanted", "forget"]


def forget(root: str, wanted: Wanted, *, dry_run: bool = False) -> Forgotten:
    """Take the documents out of the corpus in `root`; with `dry_run` only say which there are.

    `copies` takes whole families: what they are duplicates of, and all duplicates of that. Raises
    UsageError where `root` is no folder, or holds a work folder with texts or another run,
    VerifyError where it is no finished corpus or a file of it cannot be read.
    """
    store = Store(root.rstrip("/") or "/")
    manifest = read_manifest(store)
    if dry_run:
        return find_wanted(store, manifest, wanted)[0]
    with held(store, "folder", lambda _: True):
        if store.names(".work"):
            raise UsageError(
                f"{root}: its folder .work holds texts as well (--keep-work): remove it, then run "
                "this again"
            )
        swept = _swept(store, manifest)
        told, hits = find_wanted(store, manifest, wanted)
        told.swept = swept
        if hits:
            Change(store, manifest, hits).make()
    return told


def _swept(store: Store, manifest: Manifest) -> list[str]:
    """Remove shards and index files that the manifest does not name; return their names."""
    named = {file.path for file in (*manifest.files, *manifest.index_files)}
    there = [name for folder in FOLDERS for name in store.walk(folder)]
    stray = [name for name in there if SHARD.fullmatch(name) and name not in named]
    for name in stray:
        store.remove(name)
    return stray
