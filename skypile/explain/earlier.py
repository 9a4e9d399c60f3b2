"""Where a document of an earlier corpus is, of which one of this corpus is a duplicate."""

from __future__ import annotations

from skypile.dedup.earlier import AGAINST
from skypile.errors import SkyPileError
from skypile.explain.lookup import find
from skypile.io.store import Store
from skypile.schema import KEPT
from skypile.verify.manifest import AgainstData, Manifest, read_manifest

__all__ = ["earlier_fate"]


def earlier_fate(manifest: Manifest, name: str) -> str:
    """Return what became of the earlier document that `duplicate_of` calls `name`.

    Reads the earlier corpus, if it is still where it was.
    """
    corpus, record = _owner(manifest, name.removeprefix(AGAINST))
    if corpus is None:
        return "it is a document of an earlier corpus, which the manifest does not name"
    where = f"{record} of the earlier corpus {corpus.path}"
    try:
        store = Store(corpus.path)
        earlier = read_manifest(store)
        found = [one for one in find(store, earlier, record) if one.value("record") == record]
    except SkyPileError as error:
        return f"it is {where}, which cannot be looked at now: {error}"
    if not found:
        return f"it was {where}, and is no longer there"
    changed = "" if earlier.digest == corpus.digest else ", which has changed since"
    one = found[0]
    if one.value("outcome") == KEPT:
        return f"it is {where}{changed}: kept, in {one.path}"
    why = f" ({one.value('reason')})" if one.value("reason") else ""
    return f"it was {where}{changed}: now {one.value('outcome')}{why}, in {one.path}"


def _owner(manifest: Manifest, name: str) -> tuple[AgainstData | None, str]:
    """Return the corpus that `name` is of, and the record in it."""
    for corpus in sorted(manifest.against, key=lambda each: -len(each.label)):
        label = f"{corpus.label}/" if corpus.label else ""
        if name.startswith(label):
            return corpus, name.removeprefix(label)
    return None, name
