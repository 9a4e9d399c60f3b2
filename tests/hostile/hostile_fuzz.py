"""Read damaged Parquet files; a process of its own, since what reads them is not only Python.

    python tests/hostile/hostile_fuzz.py FIRST_SEED COUNT

Prints each seed before it is read, so that the last one names the file that ended the process.
"""

from __future__ import annotations

import datetime
import io
import random
import resource
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

MEMORY_BYTES = 4 << 30  # of addresses: sizes that lie end in an error, not in swapping
WORDS = ["", "a", "text of a row", "中文 🙂", "long " * 60]


def table(rng: random.Random) -> pa.Table:
    rows = rng.choice([1, 3, 40])
    words = [rng.choice([*WORDS, None]) for _ in range(rows)]
    columns: dict[str, Any] = {
        "text": pa.array(words, pa.string()),
        "id": [f"id {number}" for number in range(rows)],
        "n": pa.array(range(rows), rng.choice([pa.int8(), pa.int64(), pa.float64()])),
        "tags": [rng.choices(WORDS, k=rng.randrange(3)) for _ in range(rows)],
        "pairs": [{"k": rng.choice(WORDS), "v": rng.choice([None, 1])} for _ in range(rows)],
        "when": [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)] * rows,
        "raw": [rng.randbytes(rng.randrange(5)) for _ in range(rows)],
    }
    names = ["text", *rng.sample(sorted(set(columns) - {"text"}), rng.randrange(len(columns)))]
    return pa.table({name: columns[name] for name in names})


def parquet(rng: random.Random) -> bytes:
    stream = io.BytesIO()
    found = table(rng)
    dictionary = rng.choice([True, False])
    encodings = {}
    if not dictionary and rng.randrange(2):
        found = found.select(["text"])  # other types have other encodings
        encodings["text"] = rng.choice(["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
    pq.write_table(
        found, stream,
        compression=rng.choice(["none", "zstd", "snappy", "gzip", "lz4", "brotli"]),
        use_dictionary=dictionary,
        column_encoding=encodings or None,
        data_page_version=rng.choice(["1.0", "2.0"]),
        data_page_size=rng.choice([20, 1 << 20]),
        row_group_size=rng.choice([7, 1000]),
        write_page_checksum=rng.randrange(2) == 1,
        write_page_index=rng.randrange(2) == 1,
        store_schema=rng.randrange(2) == 1,
    )  # fmt: skip
    return stream.getvalue()


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Return `data` with bytes changed: anywhere, in the footer, or in the pages."""
    raw = bytearray(data)
    footer = len(raw) - 8 - struct.unpack("<I", raw[-8:-4])[0]
    low, high = rng.choice(
        [(0, len(raw)), (footer, len(raw) - 8), (footer, len(raw) - 8), (4, footer)]
    )
    for _ in range(rng.choice([1, 1, 1, 2, 4, 30])):
        place = rng.randrange(low, high)
        kind = rng.randrange(6) if place < len(raw) else 5
        if kind == 0:
            raw[place] = rng.randrange(256)
        elif kind == 1:
            raw[place] ^= 1 << rng.randrange(8)
        elif kind == 2:
            raw[place : place + 5] = rng.choice(
                [b"\xff\xff\xff\xff\x0f", b"\xfe\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x10"]
            )
        elif kind == 3:
            # The same length, so that places named in the footer stay what they were.
            size = rng.randrange(1, 20)
            other = rng.randrange(low, high)
            raw[place : place + size] = raw[other : other + size]
        elif kind == 4:
            raw[place : place + 2] = rng.choice([b"\0\0", b"\xff\x7f", b"\x19\x1c"])
        else:
            del raw[place : place + rng.randrange(1, 9)]
    return bytes(raw)


def read(path: Path, rng: random.Random) -> int:
    """Return how many records came out, which are as many as the reader counted."""
    target = rng.choice([100, 1 << 20])
    options = ReadOptions(max_document_bytes=rng.choice([100, 1 << 20]), keep_lines=True)
    count = 0
    for unit in plan_units([str(path)], target_bytes=target).units:
        reader, rows = open_unit(unit, options), 0
        for batch in reader:
            batch.validate(full=True)
            original = reader.original
            assert original is None or original.num_rows == batch.num_rows
            rows += batch.num_rows
        assert rows == reader.read, (rows, reader.read)
        count += rows
    return count


def main() -> None:
    first, runs = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + runs):
            print(seed, flush=True)
            rng = random.Random(seed)
            path = Path(folder) / "a.parquet"
            path.write_bytes(damaged(rng, parquet(rng)))
            read(path, rng)


if __name__ == "__main__":
    main()
