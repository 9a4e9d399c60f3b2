"""Units: the pieces of input that are read, and redone, as a whole; and how inputs become units."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from skypile.errors import InputError, UsageError
from skypile.io import files
from skypile.io.footers import row_group_runs
from skypile.io.formats import (
    HEAD_BYTES,
    Compression,
    Format,
    detect,
    is_data_name,
    is_json_name,
    looks_like_json,
    magic,
)
from skypile.io.languages import language_of
from skypile.io.lines import line_ranges
from skypile.io.names import unique_names
from skypile.io.trees import Found, is_binary, walk

__all__ = ["STDIN", "CodeFile", "Plan", "Unit", "plan_units"]

STDIN = "-"
TARGET_BYTES = 64 << 20
MAX_UNIT_FILES = 20_000  # a unit's list of files stays under some megabytes


class CodeFile(NamedTuple):
    """A source file of a unit: where it lies, its name in records, and what it was when planned."""

    path: str
    name: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of input: a byte range of lines, a run of row groups, a whole file, or source files.

    `start` and `end` are bytes of uncompressed JSON Lines, row groups of Parquet, and 0 and the
    file's size or the number of files otherwise. `first_record` is the number in the file of the
    first record that starts in the unit: a line of JSON Lines, a row of Parquet.
    """

    path: str
    name: str  # the prefix of its records' names; the first file's of a unit of source files
    format: Format
    compression: Compression
    start: int
    end: int
    first_record: int
    size: int
    mtime_ns: int
    files: tuple[CodeFile, ...] = ()

    @property
    def text_bytes(self) -> int:
        """About how many bytes of text are in the unit, to share out work by.

        Text compresses to about a quarter; a unit of row groups counts as one of the usual size.
        """
        if self.format == "parquet":
            return min(TARGET_BYTES, 4 * self.size)
        if self.compression != "none":
            return 4 * self.size
        return self.size if self.format == "code" else self.end - self.start

    def key(self, fingerprint: str) -> str:
        """Return 32 hexadecimal digits for what is read here and done to it (`fingerprint`).

        Holds names, ranges, sizes and times of change, and no absolute path: a corpus that was
        moved as a whole keeps its keys.
        """
        read = [self.name, self.format, self.compression, self.start, self.end, self.first_record]
        names = [[file.name, file.size, file.mtime_ns] for file in self.files]
        known = json.dumps([*read, self.size, self.mtime_ns, names, fingerprint])
        return hashlib.sha256(known.encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """Return the unit as JSON values."""
        values = asdict(self)
        values["path"] = _path_to_json(self.path)
        values["files"] = [[_path_to_json(file.path), *file[1:]] for file in self.files]
        return values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the unit that `to_json` made `values` of."""
        listed = (CodeFile(_path_from_json(path), *rest) for path, *rest in values["files"])
        return cls(**{**values, "path": _path_from_json(values["path"]), "files": tuple(listed)})


def _path_to_json(path: str) -> str | dict[str, str]:
    raw = os.fsencode(path)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"hex": raw.hex()}


def _path_from_json(value: str | dict[str, str]) -> str:
    return value if isinstance(value, str) else os.fsdecode(bytes.fromhex(value["hex"]))


@dataclass(frozen=True)
class Plan:
    """All units of a run, ordered by name and start; and how many files were left out for what."""

    units: tuple[Unit, ...]
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass
class _Inputs:
    """Input files by path, each with the longest fixed prefix that leads to it."""

    data: dict[str, files.Entry] = field(default_factory=dict)
    code: dict[str, files.Entry] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, found: Found, prefix: str) -> int:
        """Take up what was found below `prefix`; return how many files that were."""
        for kind, entries in ((self.data, found.data), (self.code, found.code)):
            for entry in entries:
                kind[entry.path] = entry
                # The shortest prefix gives the longest name, whatever the order of inputs.
                known = self.prefixes.get(entry.path, prefix)
                self.prefixes[entry.path] = min(known, prefix, key=len)
        self.skipped += found.skipped
        return len(found.data) + len(found.code)


def plan_units(inputs: Sequence[str], *, target_bytes: int = TARGET_BYTES) -> Plan:
    """Return the units of `inputs`: files, folders, patterns with wildcards, ``-`` for stdin.

    * A folder: trees.py says what of it is read.
    * A pattern: files whose names say JSON Lines or Parquet; ``.json`` files where the pattern's
      last part says ``.json``; other files in a known language are documents. Folders that match
      are read as folders, unless the pattern holds ``**``.
    * A file: as what its first bytes or its name say.

    Reads uncompressed JSON Lines once, to number lines. Raises UsageError where an input matches
    nothing or cannot be told, InputError where a file cannot be read.
    """
    found = _Inputs()
    for given in dict.fromkeys(inputs):
        if given != STDIN and not _add_input(given, found):
            raise UsageError(_no_match(given, found.skipped))
    names = unique_names(found.prefixes)
    units = [
        unit for entry in found.data.values() for unit in _data_units(entry, names, target_bytes)
    ]
    code = sorted(
        CodeFile(entry.path, names[entry.path], entry.size, entry.mtime_ns)
        for entry in found.code.values()
        if entry.path not in found.data
    )
    units.extend(_code_units(sorted(code, key=lambda file: file.name), target_bytes))
    if STDIN in inputs:
        units.append(Unit(STDIN, "stdin", "jsonl", "none", 0, 0, 0, 0, 0))
    units.sort(key=lambda unit: (unit.name, unit.start))
    return Plan(tuple(units), dict(sorted(found.skipped.items())))


def _no_match(given: str, skipped: Counter[str]) -> str:
    left_out = ", ".join(f"{count} {cause}" for cause, count in sorted(skipped.items()))
    note = f" (left out: {left_out})" if left_out else ""
    return f"no input matches {given!r}{note}; expected are JSON Lines, Parquet or source files"


def _add_input(given: str, found: _Inputs) -> int:
    path = files.absolute(given)
    entry = files.stat(path)
    if entry is not None and entry.is_folder:
        return found.add(walk(entry), path)
    if entry is not None:
        return found.add(_named_file(entry), path.rpartition("/")[0])
    count = 0
    prefix = files.fixed_prefix(path)
    json_asked = ".json" in path.rpartition("/")[2]
    for match in files.matches(path):
        if not match.is_folder:
            count += found.add(_matched_file(match, json_asked=json_asked), prefix)
        elif "**" not in path:
            count += found.add(walk(match), prefix)
    return count


def _named_file(entry: files.Entry) -> Found:
    found = _matched_file(entry, json_asked=True)
    if found.skipped:
        raise UsageError(
            f"{entry.path}: cannot tell what this file is; expected are JSON Lines (plain, gzip or "
            "zstd), Parquet, or source code with a known extension"
        )
    return found


def _matched_file(entry: files.Entry, *, json_asked: bool) -> Found:
    if is_data_name(entry.name) or (json_asked and is_json_name(entry.name)):
        return Found(data=[entry])
    if language_of(entry.name) is not None:
        if is_binary(entry):
            return Found(skipped=Counter(binary=1))
        return Found(code=[entry])
    head = files.read_head(entry.path, HEAD_BYTES)
    if magic(head) or looks_like_json(head):
        return Found(data=[entry])
    return Found(skipped=Counter(unknown_kind=1))


def _data_units(entry: files.Entry, names: dict[str, str], target_bytes: int) -> list[Unit]:
    path, size = entry.path, entry.size
    kind, compression = detect(files.read_head(path, HEAD_BYTES), entry.name)
    ranges = [(0, size, 0)]
    with files.open_input(path) as file:
        try:
            if kind == "parquet":
                ranges = row_group_runs(file, target_bytes)
            elif compression == "none":
                ranges = line_ranges(file, size, target_bytes)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
    name = names[path]
    return [Unit(path, name, kind, compression, *one, size, entry.mtime_ns) for one in ranges]


def _code_units(listed: list[CodeFile], target_bytes: int) -> list[Unit]:
    runs: list[list[CodeFile]] = []
    run_bytes = 0
    for file in listed:
        if not runs or run_bytes >= target_bytes or len(runs[-1]) >= MAX_UNIT_FILES:
            runs.append([])
            run_bytes = 0
        runs[-1].append(file)
        run_bytes += file.size
    return [_code_unit(tuple(run)) for run in runs]


def _code_unit(run: tuple[CodeFile, ...]) -> Unit:
    size = sum(file.size for file in run)
    newest = max(file.mtime_ns for file in run)
    return Unit(run[0].path, run[0].name, "code", "none", 0, len(run), 0, size, newest, run)
