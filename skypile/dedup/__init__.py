"""Duplicate detection over packed arrays, as pure functions; Beam only carries their bytes.

In memory, `skypile.dedup.find.find_duplicates` does it all. Partitioned, five steps give the same
drops, and only int keys and bytes cross a shuffle (formats: `skypile.dedup.formats`):

1. Each unit's `SignatureSet`: ``exact.pack_exact_keys(signatures)`` -> group by key ->
   ``exact.copies_of_group(chunks)``; all results -> ``exact.merged_copies(chunks)``.
   Exact copies go first, so that a page with a million copies is one document in every band.
2. Each unit: ``bands.pack_band_keys(signatures, skip=copies["address"])`` -> group by key ->
   ``bands.pairs_of_group(chunks)`` -> candidate pairs.
3. Candidate pairs: ``bands.pack_pair_keys(pairs)`` (key = a unit of the pair) -> group by key ->
   ``verify.edges_of_group(chunks, index, fetch, threshold=...)``. `index` is a `SignatureIndex`
   over the memory-mapped sets, `fetch` reads texts by address. A pair that shares several bands
   is verified once.
4. One worker: ``cluster.cluster(index, copies, cluster.merged_edges(chunks))`` -> `Drops`, saved.
5. Each unit: ``Drops.load(path).for_unit(unit)``.

The result depends on the set of signatures only, not on units' sizes, order or partitions.
"""
