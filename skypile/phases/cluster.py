"""Phase cluster: verified pairs become drop lists, one for each unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from skypile.dedup.cluster import (
    REASONS,
    Drops,
    alarm_notes,
    cluster,
    large_families,
    merged_edges,
)
from skypile.dedup.formats import COPY, EDGE, U64
from skypile.dedup.same_url import drops_by_page
from skypile.io.units import Unit
from skypile.phases.context import Context
from skypile.phases.earlier import earlier_documents, matched_by_corpus
from skypile.phases.merge import DROP_SCHEMA
from skypile.phases.pair import (
    PairWork,
    all_edges,
    documents_of_one_url,
    passes,
    read_copies,
    repeated_ids,
)
from skypile.phases.pair_work import index_of
from skypile.phases.work import Entry, finished, write_entry

__all__ = ["cluster_units", "clustered", "drop_name", "drops_of_run"]


def drop_name(work: PairWork, number: int) -> str:
    """Return the work name of a unit's drop list."""
    return f"{work.folder}/drops/unit-{number:06d}.arrow"


def clustered(context: Context, work: PairWork) -> Entry | None:
    """Return the entry of all drop lists where they are there."""
    return finished(context.work, f"{work.folder}/drops")


def cluster_units(context: Context, work: PairWork) -> Entry:
    """Decide which copy of each family stays and write every unit's drop list.

    Needs about 60 bytes for each document that has a copy.
    """
    ids = repeated_ids(context, work)
    drops = drops_of_run(context, work)
    units = {task.ref.number: task.ref.unit for task in work.tasks}
    records = _Records(context, work, drops)
    files = []
    for number in units:
        table = _drop_table(drops.for_unit(number), _of_unit(ids, number), records)
        files.append(drop_name(work, number))
        with context.work.create(files[-1]) as out, pa.ipc.new_file(out, DROP_SCHEMA) as writer:
            writer.write_table(table)
    data: dict[str, Any] = {
        **{name: int(np.count_nonzero(drops.reason == n)) for n, name in enumerate(REASONS)},
        "id_replaced": len(ids),
        "alarms": _alarms(context, drops, records),
    }
    if context.against:
        data["matched"] = matched_by_corpus(context.against, len(work.tasks), drops)
    return write_entry(context.work, f"{work.folder}/drops", files, data)


class _Records:
    """The records of documents that stay, by address.

    Those of earlier documents, of which no unit knows the records, are held: about 100 bytes each.
    """

    def __init__(self, context: Context, work: PairWork, drops: Drops) -> None:
        self._units = {task.ref.number: task.ref.unit for task in work.tasks}
        kept = np.unique(drops.kept[drops.kept >= np.uint64(work.first_earlier)])
        before = earlier_documents(context.against, len(work.tasks))
        self._earlier = before.names(kept, "record")

    def name(self, address: int) -> str:
        unit = self._units.get(address >> 32)
        return self._earlier[address] if unit is None else record_name(unit, address & 0xFFFFFFFF)


def _alarms(context: Context, drops: Drops, records: _Records) -> list[str]:
    if context.recipe.dedup is None:
        return []
    alarm = context.recipe.dedup.alarm
    families = [(records.name(kept), size) for kept, size in large_families(drops, alarm)]
    return alarm_notes(families, alarm)


def drops_of_run(context: Context, work: PairWork) -> Drops:
    """Return what is dropped of all units, for whom, once the passes of pair are done."""
    index, dedup = index_of(context, work), context.recipe.dedup
    copies, edges = np.empty(0, COPY), np.empty(0, EDGE)
    if dedup is not None:
        copies = read_copies(context, work)
    if "edges" in passes(context):
        edges = merged_edges(all_edges(context, work))
    if dedup is not None and "url" in dedup.levels:
        same_url = documents_of_one_url(context, work)
        return drops_by_page(index, copies, edges, same_url, earlier=work.earlier(context))
    drops = cluster(index, copies, edges)
    # Copies among earlier documents are nobody's business here.
    return drops.between(0, work.first_earlier - 1) if context.against else drops


def _of_unit(addresses: U64, number: int) -> U64:
    first = np.searchsorted(addresses, np.uint64(number << 32))
    last = np.searchsorted(addresses, np.uint64((number + 1) << 32))
    return addresses[first:last]


def record_name(unit: Unit, row: int) -> str:
    """Return what readers call a unit's record `row`."""
    if unit.format == "files":
        return f"{unit.files[row].name}#0"
    return f"{unit.name}#{unit.first_record + row}"


def _drop_table(drops: Drops, ids: U64, records: _Records) -> pa.Table:
    """Return one row for each record of a unit that is dropped or whose id is replaced."""
    address = np.union1d(drops.address, ids)
    dropped = np.isin(address, drops.address)
    at = pa.array(np.searchsorted(drops.address, address), mask=~dropped)
    kept = [records.name(address) for address in drops.kept.tolist()]
    reasons = pa.array([REASONS[reason] for reason in drops.reason], pa.string())
    columns = [
        pa.array((address & np.uint64(0xFFFFFFFF)).astype(np.uint32)),
        reasons.take(at),
        # No Jaccard index is known of documents of one URL.
        pa.array(drops.jaccard.astype(np.float64), from_pandas=True).take(at),
        pa.array(kept, pa.string()).take(at),
        pa.array(np.isin(address, ids)),
    ]
    return pa.Table.from_arrays(columns, schema=DROP_SCHEMA)
