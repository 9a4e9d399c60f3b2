"""Labelled documents of files, as what ``skypile train-classifier`` trains on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from classifiers.labelled import KNOWN_HEADS, Labelled
from skypile.cli.curated import Counts, read_pieces
from skypile.curate import annotate
from skypile.dedup.documents import open_signatures
from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import U64
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet
from skypile.errors import InputError, UsageError
from skypile.io.files import open_input
from skypile.io.sources import ReadOptions
from skypile.io.store import is_remote
from skypile.io.units import STDIN, Unit
from skypile.progress import Count, Progress
from skypile.schema import empty_outcomes, set_columns
from skypile.stages.counts import Counts as CountsStage
from skypile.stages.language import Language
from skypile.urls import hosts

__all__ = ["Documents", "file_hashes", "labelled", "read_documents", "texts_of"]

LANGUAGE_FIELDS = ("language", "lang")
LICENSE_FIELDS = ("license", "licence")
CHUNK_BYTES = 1 << 20


@dataclass
class Documents:
    """Documents that could be read, and their other fields; `fields` as the records have them."""

    texts: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    signatures: list[SignatureSet] = field(default_factory=list)
    unreadable: int = 0
    first_error: str = ""

    def __len__(self) -> int:
        return len(self.texts)


def read_documents(
    units: Sequence[Unit], options: ReadOptions, progress: Progress, settings: Dedup
) -> Documents:
    """Return the documents of `units` with their signatures; those without text are counted only.

    Raises InputError, with what is wrong with the first, where not one could be read.
    """
    found = Documents()
    with progress:
        for piece in read_pieces(units, options, Counts(), rewrites=False):
            _note_errors(found, piece.batch)
            batch = piece.batch.filter(pc.is_null(piece.batch.column("outcome")))
            _add(found, batch, settings)
            progress.update(Count(what="records", documents=len(found)))
    if not found.texts and found.unreadable:
        raise InputError(
            f"none of {found.unreadable:,} records has a text in the field "
            f"{options.text_field!r}; the first, {found.first_error}; name it by --text-field"
        )
    return found


def _note_errors(found: Documents, batch: pa.RecordBatch) -> None:
    errors = batch.filter(pc.is_valid(batch.column("outcome")))
    if errors.num_rows and not found.first_error:
        row = errors.select(["record", "reason", "message"]).slice(0, 1).to_pylist()[0]
        found.first_error = f"{row['record']}: {row['reason']}: {row['message']}"
    found.unreadable += errors.num_rows


def _add(found: Documents, batch: pa.RecordBatch, settings: Dedup) -> None:
    start = len(found)
    rows = pa.array(np.arange(start, start + batch.num_rows), pa.uint32())
    signed = annotate(set_columns(batch, {"row": rows}), [settings.signature])
    found.signatures.append(open_signatures(signed, settings, ranked=False))
    found.texts += batch.column("text").to_pylist()
    found.records += batch.column("record").to_pylist()
    found.urls += batch.column("url").fill_null("").to_pylist()
    found.sources += batch.column("source").fill_null("").to_pylist()
    found.fields += [orjson.loads(meta or b"{}") for meta in batch.column("meta").to_pylist()]


def texts_of(units: Sequence[Unit], options: ReadOptions, progress: Progress) -> Iterator[str]:
    """Yield the texts of unlabelled documents that could be read and are not white."""
    with progress:
        documents = 0
        for piece in read_pieces(units, options, Counts(), rewrites=False):
            batch = piece.batch.filter(pc.is_null(piece.batch.column("outcome")))
            yield from (text for text in batch.column("text").to_pylist() if text.strip())
            documents += batch.num_rows
            progress.update(Count(what="records", documents=documents))


def labelled(
    documents: Documents, heads: Mapping[str, str], group_field: str | None, settings: Dedup
) -> tuple[Labelled, str]:
    """Return the rows that have a label, and what they are grouped by, in words.

    `heads` maps heads to fields; empty: all known heads that are fields with labels. A group is
    the site of a row's URL ("site"), its source ("source") or a field's value; by default the site
    where every row has one, else the source. Raises UsageError and InputError for fields that there
    are not, and for values that are no labels.
    """
    if not len(documents):
        raise InputError("the inputs hold no document")
    fields = heads or _known_heads(documents)
    columns = [_labels(documents, head, name) for head, name in fields.items()]
    labels = np.array(columns, dtype=np.float32).reshape(len(fields), len(documents)).T
    has_text = np.array([bool(text.strip()) for text in documents.texts])
    chosen = np.flatnonzero(~np.isnan(labels).all(axis=1) & has_text).tolist()
    groups, group_by = _groups(documents, group_field)
    families = _families(documents, settings)
    languages = _languages(documents, chosen)
    return Labelled(
        texts=tuple(documents.texts[row] for row in chosen),
        heads=tuple(fields),
        labels=labels[chosen],
        languages=languages,
        sources=tuple(documents.sources[row] for row in chosen),
        groups=tuple(groups[row] for row in chosen),
        licenses=tuple(_first(documents.fields[row], LICENSE_FIELDS) for row in chosen),
        families=families[chosen],
    ), group_by


def _value(fields: Mapping[str, Any], name: str) -> Any:
    """Return a field's value; `a.b` is the field b of the object a, where no field is called so."""
    if name in fields or "." not in name:
        return fields.get(name)
    outer, _, inner = name.partition(".")
    found = fields.get(outer)
    return _value(found, inner) if isinstance(found, dict) else None


def _is_number(value: object) -> bool:
    return isinstance(value, bool | int | float)


def _known_heads(documents: Documents) -> dict[str, str]:
    numeric = {
        name for fields in documents.fields for name, value in fields.items() if _is_number(value)
    }
    found = [head for head in KNOWN_HEADS if head in numeric]
    if not found:
        near = [
            f"did you mean --head {head}={name}?"
            for name in sorted(numeric)
            for head in get_close_matches(name, KNOWN_HEADS, n=1)
        ]
        have = ", ".join(sorted(numeric)[:10]) or "none"
        raise InputError(
            f"no field is called like a known head ({', '.join(KNOWN_HEADS)}); fields with "
            f"booleans or numbers: {have}; "
            + (near[0] if near else "name them by --head NAME=FIELD")
        )
    return {head: head for head in found}


def _labels(documents: Documents, head: str, name: str) -> list[float]:
    values = [_value(fields, name) for fields in documents.fields]
    found = [_label(value) for value in values]
    for row, (value, label) in enumerate(zip(values, found, strict=True)):
        if label is None:
            raise InputError(
                f"{documents.records[row]}: field {name} is {value!r}; a label for head {head} is "
                "true, false, 0, 1, a probability between them, or null"
            )
    if all(value is None for value in values):
        names = sorted({one for fields in documents.fields for one in fields})
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
        raise UsageError(f"--head {head}={name}: no record has a value in such a field; {hint}")
    return [math.nan if label is None else label for label in found]


def _label(value: object) -> float | None:
    """Return a label as a number, NaN for null, None for what is no label."""
    if value is None:
        return math.nan
    if isinstance(value, bool | int | float) and 0 <= value <= 1:
        return float(value)
    return None


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> str:
    found = (fields.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def _groups(documents: Documents, group_field: str | None) -> tuple[list[str], str]:
    sites = hosts(pa.array(documents.urls, pa.string())).to_pylist()
    if group_field is None:
        group_field = "site" if all(sites) else "source"
    if group_field == "source":
        return documents.sources, "source"
    if group_field == "site":
        # Rows without a URL are among themselves by source: they must lie somewhere.
        named = zip(sites, documents.sources, strict=True)
        return [site or f"source {source}" for site, source in named], "site of the URL"
    values = [_value(fields, group_field) for fields in documents.fields]
    missing = next((row for row, value in enumerate(values) if value is None), None)
    if missing is not None:
        raise InputError(
            f"{documents.records[missing]}: has no field {group_field!r} to be grouped by; give "
            "--group-field site, source, or a field that all records have"
        )
    return [str(value) for value in values], f"field {group_field}"


def _families(documents: Documents, settings: Dedup) -> np.ndarray:
    """Return for each document the number of the one that it is a near copy of, or its own."""
    families = np.arange(len(documents), dtype=np.int64)

    def fetch(addresses: U64) -> list[bytes]:
        return [documents.texts[row].encode() for row in addresses.tolist()]

    drops = find_duplicates(
        documents.signatures,
        fetch,
        threshold=settings.threshold,
        bands=settings.bands,
        rows=settings.rows,
    )
    families[drops.address.astype(np.int64)] = drops.kept.astype(np.int64)
    return families


def _languages(documents: Documents, chosen: Sequence[int]) -> tuple[str, ...]:
    """Return the rows' languages as they give them; what gives none is told by stage language."""
    found = [_first(documents.fields[row], LANGUAGE_FIELDS) for row in chosen]
    unknown = [at for at, name in enumerate(found) if not name]
    if unknown:
        texts = pa.array([documents.texts[chosen[at]] for at in unknown], pa.string())
        columns = {
            "text": texts,
            "prog_lang": pa.nulls(len(unknown), pa.string()),
            **empty_outcomes(len(unknown)),
        }
        batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
        told = annotate(batch, [CountsStage(), Language()]).column("language").to_pylist()
        for at, name in zip(unknown, told, strict=True):
            found[at] = name or "und"
    return tuple(found)


def file_hashes(units: Sequence[Unit]) -> dict[str, str | None]:
    """Return name -> SHA-256 of each local file of `units`, None for others."""
    found: dict[str, str | None] = {}
    for unit in units:
        if unit.path == STDIN or is_remote(unit.path) or unit.files:
            found[unit.name] = None
            continue
        digest = hashlib.sha256()
        with open_input(unit.path) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
        found[unit.name] = digest.hexdigest()
    return found
