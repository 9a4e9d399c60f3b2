"""Items of evaluation sets as texts: read from the files in which such sets are handed out."""

from __future__ import annotations

import csv
import io
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.errors import RecipeError
from skypile.lists.files import content, list_error, list_path, raw_content

__all__ = ["CHOICES", "DEFAULT_FIELDS", "ItemFile", "Items", "item_files", "read_items"]

# Fields that are alternatives to choose from, in the order in which they are labelled A, B, C ...
CHOICES = (
    "choices", "options", "endings", *string.ascii_lowercase[:10],
    *(f"option{n}" for n in range(1, 6)), *(f"sol{n}" for n in range(1, 6)),
)  # fmt: skip
# Names that MMLU, C-Eval, CMMLU, ARC, HellaSwag, PIQA, WinoGrande, GSM8K, MATH, HumanEval, MBPP,
# BBH, BoolQ, TriviaQA and GAOKAO-Bench give to what is asked and what is answered. Passages that a
# question is about (`passage`, `context`, `article`) are not among them: they were published before
# the set was, and who has read one does not know its questions (Brown et al. 2020, section 4: of
# QuAC, SQuAD 2 and DROP the source texts were in the training data, the questions were not).
DEFAULT_FIELDS = (
    "question", "question_stem", "query", "problem", "prompt", "instruction", "input", "goal",
    "ctx", "sentence", "text", "content", *CHOICES, "answer", "best_answer", "solution",
    "canonical_solution", "code", "target", "output", "response", "completion",
)  # fmt: skip
_TABLES = {".csv": ",", ".tsv": "\t"}
_KINDS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".txt")
_PACKED = (".gz", ".zst")


@dataclass(frozen=True)
class ItemFile:
    """A file of items of one set."""

    path: Path
    benchmark: str


@dataclass
class Items:
    """The texts of items.

    `texts` by item: each with whether it is sought as a whole where it is too short for an n-gram.
    `records` (items,): the 0-based number of the record, of the line in plain text. `bare` records
    had no text.
    """

    texts: list[list[tuple[str, bool]]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    bare: int = 0


def item_files(path: str, benchmark: str) -> list[ItemFile]:
    """Return the file `path`, or all files of items below the folder `path`, by name.

    Raises RecipeError where there is none.
    """
    place = list_path(path)
    if not place.is_dir():
        return [ItemFile(place, benchmark)]
    found = sorted(file for file in place.rglob("*") if file.is_file() and _kind(file) in _KINDS)
    if not found:
        raise RecipeError(f"{place}: the folder holds no file of items ({', '.join(_KINDS)})")
    return [ItemFile(file, benchmark) for file in found]


def _kind(path: Path) -> str:
    """Return the extension that tells the format, in front of that of a packed file."""
    if path.suffix.lower() in _PACKED:
        path = path.with_suffix("")
    return path.suffix.lower()


def read_items(file: ItemFile, fields: Sequence[str]) -> Items:
    """Return the items of a file.

    Raises RecipeError, naming the file and the line, for what cannot be read, and where no record
    has one of `fields`, whose case does not matter.
    """
    found = Items()
    ranks = {name.lower(): rank for rank, name in enumerate(fields)}
    seen: dict[str, None] = {}
    known = False
    for number, record in _records(file.path):
        if isinstance(record, str):
            texts, known = [(record, True)] if record.strip() else [], True
        else:
            named = {name.lower(): value for name, value in record.items()}
            seen |= dict.fromkeys(record)
            present = sorted((name for name in named if name in ranks), key=ranks.__getitem__)
            known = known or bool(present)
            texts = _texts(named, present)
        if texts:
            found.texts.append(texts)
            found.records.append(number)
        else:
            found.bare += 1
    if not known and seen:
        raise RecipeError(
            f"{file.path}: no record has one of the fields {', '.join(_told(fields))}; there are "
            f"{', '.join(_told(list(seen)))}; name those that hold the texts (fields)"
        )
    return found


def _told(names: Sequence[str]) -> list[str]:
    return [repr(name) for name in names[:12]] + ["..."] * (len(names) > 12)


def _texts(record: dict[str, object], fields: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the texts of an item: each field but the choices, and all as an examination has them.

    The first one and the whole are sought whole where they are short.
    """
    alone: list[tuple[str, bool]] = []
    printed: list[str] = []
    labels = iter(string.ascii_uppercase)
    for name in fields:
        strings = list(_strings(record[name]))
        if name in CHOICES:
            printed += [f"{next(labels, '')}. {text}" for text in strings]
        else:
            alone += [(text, not alone) for text in strings]
            printed += strings
    if len(printed) > len(alone) or len(printed) > 1:
        alone.append(("\n".join(printed), True))
    return alone


def _strings(value: object) -> Iterator[str]:
    """Yield the strings of a value that are not blank; of an object with `text`, those of it."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        inner = [value["text"]] if "text" in value else value.values()
        for each in inner:
            yield from _strings(each)


# --- files -------------------------------------------------------------------------------------


def _records(path: Path) -> Iterator[tuple[int, str | dict[str, object]]]:
    kind = _kind(path)
    if kind == ".parquet":
        yield from enumerate(_parquet(path))
        return
    text = content(path)
    if kind in (".jsonl", ".ndjson"):
        yield from _json_lines(path, text)
    elif kind == ".json":
        yield from enumerate(_json(path, text))
    elif kind in _TABLES:
        yield from enumerate(_table(path, text.decode(), _TABLES[kind]))
    else:
        lines = text.decode().splitlines()
        yield from ((number, line) for number, line in enumerate(lines) if line.strip())


def _json_lines(path: Path, text: bytes) -> Iterator[tuple[int, str | dict[str, object]]]:
    for number, line in enumerate(text.split(b"\n")):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise list_error(path, number + 1, f"not JSON: {error.msg}") from error
        yield number, _record(path, f"{number + 1}", value)


def _json(path: Path, text: bytes) -> Iterator[str | dict[str, object]]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise list_error(path, error.lineno, f"not JSON: {error.msg}") from error
    if isinstance(value, dict):
        # As in {"version": ..., "data": [...]}.
        lists = [each for each in value.values() if isinstance(each, list)]
        value = lists[0] if len(lists) == 1 else value
    if not isinstance(value, list):
        raise RecipeError(f"{path}: not a list of items, nor an object with one list in it")
    yield from (_record(path, f"item {n}", each) for n, each in enumerate(value))


def _record(path: Path, place: str, value: object) -> str | dict[str, object]:
    if isinstance(value, str | dict):
        return value
    raise list_error(path, place, f"an item is an object or a string, not {type(value).__name__}")


def _table(path: Path, text: str, delimiter: str) -> Iterator[dict[str, object]]:
    csv.field_size_limit(1 << 30)
    try:
        for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield {name: value for name, value in row.items() if name}
    except csv.Error as error:
        raise RecipeError(f"{path}: not a table with a header: {error}") from error


def _parquet(path: Path) -> Iterator[dict[str, object]]:
    try:
        with pq.ParquetFile(pa.BufferReader(raw_content(path))) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RecipeError(f"{path}: not a Parquet file that can be read: {error}") from error
