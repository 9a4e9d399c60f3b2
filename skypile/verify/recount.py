"""Tokens counted again from the texts of a corpus."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from skypile.errors import UsageError, VerifyError
from skypile.tokens import DEFAULT_TOKENIZER, Encoder, load_encoder
from skypile.verify.manifest import MANIFEST, Manifest

__all__ = ["SAMPLE", "Recounter"]

SAMPLE = 1000  # one document in so many
SHOWN = 5  # differences named for each file


@dataclass(frozen=True)
class Recounter:
    """Counts the tokens of a sample of documents, or of all, and compares."""

    encoder: Encoder | None
    every: bool
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, manifest: Manifest, tokenizer: Path | None, *, every: bool) -> Self:
        """Return a counter with the tokenizer that the manifest names by its SHA-256.

        That is the default one or the file `tokenizer`; where it is neither, nothing is counted
        and a note says so. Raises UsageError where `tokenizer` is another one, VerifyError where
        the manifest is not as SkyPile writes it.
        """
        wanted = _tokenizer_hash(manifest)
        if wanted is None:
            return cls(None, every, ["tokens were not counted again: the recipe counts none"])
        encoder = load_encoder(tokenizer or DEFAULT_TOKENIZER)
        if encoder.fingerprint == wanted:
            return cls(encoder, every)
        if tokenizer is not None:
            raise UsageError(
                f"{tokenizer}: is not the tokenizer of this corpus: its SHA-256 is "
                f"{encoder.fingerprint}, the manifest's {wanted}"
            )
        return cls(
            None,
            every,
            [
                "tokens were not counted again: the corpus has a tokenizer of its own; give its "
                f"file, --tokenizer FILE (SHA-256 {wanted})"
            ],
        )

    def check(self, parquet: pq.ParquetFile, name: str) -> tuple[int, list[str]]:
        """Return how many documents of the file `name` were counted again, and what differs."""
        if self.encoder is None or "text" not in parquet.schema_arrow.names:
            return 0, []
        counted, problems, before = 0, [], 0
        first = xxhash.xxh3_64_intdigest(name.encode()) % max(
            1, min(SAMPLE, parquet.metadata.num_rows)
        )
        for group in range(parquet.num_row_groups):
            rows = parquet.metadata.row_group(group).num_rows
            numbers = np.arange(before, before + rows)
            chosen = numbers if self.every else numbers[numbers % SAMPLE == first]
            if len(chosen):
                table = parquet.read_row_group(group, columns=["record", "text", "tokens"])
                problems += self._differences(table.take(pa.array(chosen - before)), name)
            counted += len(chosen)
            before += rows
        if len(problems) > SHOWN:
            problems = [*problems[:SHOWN], f"{name}: tokens: {len(problems) - SHOWN:,} more differ"]
        return counted, problems

    def _differences(self, table: pa.Table, name: str) -> list[str]:
        assert self.encoder is not None
        counts = self.encoder.count(table.column("text").combine_chunks())
        told = table.column("tokens").to_pylist()
        records = table.column("record").to_pylist()
        return [
            f"{name}: {record}: tokens: the file says {there}, its text has {found}"
            for record, there, found in zip(records, told, counts.tolist(), strict=True)
            if there != found
        ]


def _tokenizer_hash(manifest: Manifest) -> str | None:
    """Return the SHA-256 of the tokenizer that the recipe names, None where it counts nothing."""
    try:
        stages = [
            stage
            for section in ("steps", "score")
            for step in manifest.recipe.definition[section]
            for stage in step["stages"]
        ]
        return next((str(s["tokenizer"]) for s in stages if s["stage"] == "tokens"), None)
    except (KeyError, TypeError) as error:
        raise VerifyError(f"{MANIFEST}: recipe.definition: {error!r}") from error
